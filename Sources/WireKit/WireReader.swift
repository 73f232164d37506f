/// Reads integers and byte runs from a span, in network byte order, and never past its end.
///
/// It copies nothing and allocates nothing; every read either succeeds or throws `.truncated` and leaves the offset
/// where it was.
public struct WireReader: ~Escapable {
  /// All the bytes that are read, from the start; DNS pointers and checksums look back into it.
  public let bytes: RawSpan
  /// Bytes read so far, `0...bytes.byteCount`.
  public private(set) var offset: Int

  @_lifetime(copy bytes)
  public init(_ bytes: RawSpan) {
    self.bytes = bytes
    self.offset = 0
  }

  /// Bytes still to be read.
  public var remaining: Int { bytes.byteCount - offset }

  /// Whether everything has been read.
  public var isAtEnd: Bool { offset == bytes.byteCount }

  public mutating func readUInt8(_ subject: StaticString) throws(WireError) -> UInt8 {
    try need(1, subject)
    let value = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    offset += 1
    return value
  }

  public mutating func readUInt16(_ subject: StaticString) throws(WireError) -> UInt16 {
    try readInteger(subject)
  }

  public mutating func readUInt32(_ subject: StaticString) throws(WireError) -> UInt32 {
    try readInteger(subject)
  }

  public mutating func readUInt64(_ subject: StaticString) throws(WireError) -> UInt64 {
    try readInteger(subject)
  }

  /// An integer in network byte order.
  public mutating func readInteger<Value: FixedWidthInteger & BitwiseCopyable>(
    _ subject: StaticString, as type: Value.Type = Value.self
  ) throws(WireError) -> Value {
    try need(MemoryLayout<Value>.size, subject)
    let value = Value(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self))
    offset += MemoryLayout<Value>.size
    return value
  }

  /// An integer in little-endian byte order, as Microsoft's protocols have them.
  public mutating func readLittleEndian<Value: FixedWidthInteger & BitwiseCopyable>(
    _ subject: StaticString, as type: Value.Type = Value.self
  ) throws(WireError) -> Value {
    try need(MemoryLayout<Value>.size, subject)
    let value = Value(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self))
    offset += MemoryLayout<Value>.size
    return value
  }

  /// The next `count` bytes, as a part of the same memory.
  @_lifetime(copy self)
  public mutating func readSpan(_ count: Int, _ subject: StaticString) throws(WireError) -> RawSpan {
    try need(count, subject)
    let start = offset
    offset += count
    return bytes.extracting(start..<offset)
  }

  /// The next `count` bytes, copied.
  public mutating func readBytes(_ count: Int, _ subject: StaticString) throws(WireError) -> [UInt8] {
    try need(count, subject)
    let start = offset
    offset += count
    return bytes.extracting(start..<offset).copied()
  }

  /// Passes over `count` bytes.
  public mutating func skip(_ count: Int, _ subject: StaticString) throws(WireError) {
    try need(count, subject)
    offset += count
  }

  /// Goes to `newOffset`, which must lie within the input.
  public mutating func seek(to newOffset: Int, _ subject: StaticString) throws(WireError) {
    guard newOffset >= 0, newOffset <= bytes.byteCount else { throw WireError(.outOfBounds, subject, at: offset) }
    offset = newOffset
  }

  private func need(_ count: Int, _ subject: StaticString) throws(WireError) {
    guard count >= 0 else { throw WireError(.outOfBounds, subject, at: offset) }
    guard count <= bytes.byteCount - offset else { throw WireError(.truncated, subject, at: offset) }
  }
}

extension RawSpan {
  /// The bytes as an array of their own.
  public func copied() -> [UInt8] {
    withUnsafeBytes { Array($0) }
  }

  /// The byte at `index`, or `nil` outside the span.
  public func byte(at index: Int) -> UInt8? {
    guard index >= 0, index < byteCount else { return nil }
    return unsafeLoad(fromByteOffset: index, as: UInt8.self)
  }
}
