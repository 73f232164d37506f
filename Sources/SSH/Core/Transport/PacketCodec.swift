import Compression
import WireKit

/// Takes packets from a stream (RFC 4253 §6).
struct PacketReader {
  enum Outcome: Equatable {
    /// A packet that took this many bytes from the front; its payload stands in `buffer`.
    case packet(consumed: Int)
    case incomplete
  }

  private var opener: any PacketOpener = PlainPackets()
  private(set) var sequence: UInt32 = 0
  /// Bytes and packets under the present keys.
  private(set) var bytes: UInt64 = 0
  private(set) var packets: UInt64 = 0
  private let maximumPacket: Int
  /// Unfolds payloads, where the peer compresses.
  var inflater: Inflater?
  /// The last packet's padding length, payload and padding.
  var buffer: [UInt8] = []
  /// Where in `buffer` the payload stands.
  private(set) var payload = 0..<0

  init(maximumPacket: Int) { self.maximumPacket = maximumPacket }

  /// From the next packet on, these keys. Strict key exchange counts from zero again.
  mutating func use(_ opener: any PacketOpener, resetsSequence: Bool) {
    self.opener = opener
    bytes = 0
    packets = 0
    if resetsSequence { sequence = 0 }
  }

  mutating func next(in input: RawSpan, from offset: Int) throws -> Outcome {
    try input.withUnsafeBytes { all in
      let input = UnsafeRawBufferPointer(rebasing: all[offset...])
      guard input.count >= opener.headerSize else { return .incomplete }
      let length = try Unverified(opener.packetLength(input, sequence: sequence))
        .verified(in: 5...maximumPacket, "packet length")
      let padded = length + (opener.isLengthOutside ? 0 : 4)
      guard padded % opener.blockSize == 0 else { throw WireError(.malformed, "packet length") }
      let total = 4 + length + opener.tagSize
      guard input.count >= total else { return .incomplete }
      try opener.open(UnsafeRawBufferPointer(rebasing: input.prefix(total)), sequence: sequence, into: &buffer)
      try notePayload(length)
      if let inflater { try inflate(inflater) }
      sequence &+= 1
      bytes += UInt64(total)
      packets += 1
      return .packet(consumed: total)
    }
  }

  /// A payload may unfold to what a packet may hold, and to no more.
  private mutating func inflate(_ inflater: Inflater) throws {
    var output: [UInt8] = []
    let packet = buffer
    let input = packet.span.bytes.extracting(payload)
    let taken = try inflater.decompress(input, limit: maximumPacket + 1, into: &output)
    guard taken == input.byteCount, (1...maximumPacket).contains(output.count) else {
      throw WireError(.tooLong, "compressed payload")
    }
    buffer = output
    payload = 0..<output.count
  }

  private mutating func notePayload(_ length: Int) throws(WireError) {
    guard buffer.count == length, let padding = buffer.first else { throw WireError(.malformed, "packet") }
    let end = length - Int(padding)
    guard padding >= 4, end > 1 else { throw WireError(.outOfBounds, "padding_length") }
    payload = 1..<end
  }
}

/// Makes packets.
struct PacketWriter {
  private var sealer: any PacketSealer = PlainPackets()
  private(set) var sequence: UInt32 = 0
  private(set) var bytes: UInt64 = 0
  private(set) var packets: UInt64 = 0
  /// Random bytes for paddings, drawn from the system now and then.
  private var padding: [UInt8] = []
  /// Compresses payloads, where both ends have agreed on it.
  var deflater: Deflater?

  mutating func use(_ sealer: any PacketSealer, resetsSequence: Bool) {
    self.sealer = sealer
    bytes = 0
    packets = 0
    if resetsSequence { sequence = 0 }
  }

  /// Appends a packet to `output`; `body` appends the payload. It is encrypted where it stands.
  mutating func write(into output: inout [UInt8], _ body: (inout [UInt8]) -> Void) throws {
    let start = output.count
    for _ in 0..<5 { output.append(0) }
    if let deflater {
      var payload: [UInt8] = []
      body(&payload)
      try deflater.compress(payload.span.bytes, .sync, into: &output)
    } else {
      body(&output)
    }
    let covered = output.count - start - (sealer.isLengthOutside ? 4 : 0)
    var count = sealer.blockSize - covered % sealer.blockSize
    if count < 4 { count += sealer.blockSize }
    if padding.count < count { padding = .random(256) }
    output.append(contentsOf: padding.suffix(count))
    padding.removeLast(count)
    output.setInteger(UInt32(truncatingIfNeeded: output.count - start - 4), at: start)
    output[start + 4] = UInt8(truncatingIfNeeded: count)
    try sealer.seal(&output, from: start, sequence: sequence)
    sequence &+= 1
    bytes += UInt64(output.count - start)
    packets += 1
  }
}
