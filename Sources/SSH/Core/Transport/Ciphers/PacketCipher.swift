/// Protects outgoing packets under one set of keys.
protocol PacketSealer {
  /// What the packet's size must be a multiple of.
  var blockSize: Int { get }
  /// Whether the length field stands outside of what is padded to whole blocks: it does for AEAD and for encrypt-then-MAC.
  var isLengthOutside: Bool { get }
  /// Encrypts, in place, the packet that begins at `start` with its length field, and appends the tag.
  mutating func seal(_ output: inout [UInt8], from start: Int, sequence: UInt32) throws
}

/// Opens incoming packets under one set of keys.
protocol PacketOpener {
  var blockSize: Int { get }
  var isLengthOutside: Bool { get }
  /// Bytes at the front that are needed to learn the length.
  var headerSize: Int { get }
  /// Bytes behind the packet: the tag.
  var tagSize: Int { get }
  /// The packet's length, from the first `headerSize` bytes. Changes nothing: it may be asked again.
  func packetLength(_ header: UnsafeRawBufferPointer, sequence: UInt32) throws -> UInt32
  /// Verifies and decrypts a whole packet (length field, body, tag) into `plain`, which then holds the body alone.
  mutating func open(_ packet: UnsafeRawBufferPointer, sequence: UInt32, into plain: inout [UInt8]) throws
}

extension PacketOpener {
  /// A length field in the clear.
  static func plainLength(_ header: UnsafeRawBufferPointer) -> UInt32 {
    UInt32(bigEndian: header.loadUnaligned(as: UInt32.self))
  }
}

/// Before the first keys: no encryption, no integrity.
struct PlainPackets: PacketSealer, PacketOpener {
  var blockSize: Int { 8 }
  var isLengthOutside: Bool { false }
  var headerSize: Int { 4 }
  var tagSize: Int { 0 }
  mutating func seal(_ output: inout [UInt8], from start: Int, sequence: UInt32) {}
  func packetLength(_ header: UnsafeRawBufferPointer, sequence: UInt32) -> UInt32 { Self.plainLength(header) }
  mutating func open(_ packet: UnsafeRawBufferPointer, sequence: UInt32, into plain: inout [UInt8]) {
    plain.removeAll(keepingCapacity: true)
    plain.append(contentsOf: UnsafeRawBufferPointer(rebasing: packet.dropFirst(4)))
  }
}
