/// Appends integers and byte runs to an array, in network byte order.
///
/// For replies that are built now and then. A hot path writes into fixed memory by `FixedWriter` instead.
extension [UInt8] {
  /// Appends an integer in network byte order.
  public mutating func appendInteger<Value: FixedWidthInteger>(_ value: Value) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }

  /// Appends an integer in little-endian byte order.
  public mutating func appendLittleEndian<Value: FixedWidthInteger>(_ value: Value) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  /// Appends the bytes of a span.
  public mutating func append(_ span: RawSpan) {
    span.withUnsafeBytes { append(contentsOf: $0) }
  }

  /// Overwrites the bytes at `offset` with an integer in network byte order. The place must have been written before:
  /// it is a length or checksum that is known only later.
  public mutating func setInteger<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    precondition(offset >= 0 && offset + MemoryLayout<Value>.size <= count, "the place to set was never written")
    Swift.withUnsafeBytes(of: value.bigEndian) { bytes in
      for (index, byte) in bytes.enumerated() { self[offset + index] = byte }
    }
  }
}

/// Writes into memory of a fixed size, in network byte order, and never past its end.
///
/// The writer of hot paths: no allocation, no reference counting. When something does not fit it throws `.noSpace` and
/// has written nothing of it.
public struct FixedWriter: ~Copyable, ~Escapable {
  private var bytes: MutableRawSpan
  /// Bytes written so far.
  public private(set) var count: Int
  /// The most that may be written; at most the memory's size. A reply's limit may be lowered below that.
  public private(set) var limit: Int

  @_lifetime(copy bytes)
  public init(_ bytes: consuming MutableRawSpan) {
    limit = bytes.byteCount
    count = 0
    self.bytes = bytes
  }

  /// Bytes that still fit.
  public var remaining: Int { limit - count }

  /// Lowers (or raises again, up to the memory's size) the most that may be written.
  @_lifetime(self: copy self)
  public mutating func setLimit(_ newLimit: Int) {
    limit = max(count, min(newLimit, bytes.byteCount))
  }

  @_lifetime(self: copy self)
  public mutating func writeInteger<Value: FixedWidthInteger & BitwiseCopyable>(
    _ value: Value, _ subject: StaticString = "integer"
  ) throws(WireError) {
    let size = MemoryLayout<Value>.size
    guard size <= remaining else { throw WireError(.noSpace, subject, at: count) }
    bytes.storeBytes(of: value.bigEndian, toByteOffset: count, as: Value.self)
    count += size
  }

  @_lifetime(self: copy self)
  public mutating func writeBytes(_ source: RawSpan, _ subject: StaticString = "bytes") throws(WireError) {
    guard source.byteCount <= remaining else { throw WireError(.noSpace, subject, at: count) }
    let start = count
    source.withUnsafeBytes { source in
      bytes.withUnsafeMutableBytes { destination in
        guard let from = source.baseAddress, let to = destination.baseAddress else { return }
        (to + start).copyMemory(from: from, byteCount: source.count)
      }
    }
    count += source.byteCount
  }

  /// Overwrites an integer that was written before, at `offset`.
  @_lifetime(self: copy self)
  public mutating func setInteger<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
    precondition(offset >= 0 && offset + MemoryLayout<Value>.size <= count, "the place to set was never written")
    bytes.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Value.self)
  }

  /// Takes back everything after the first `newCount` bytes.
  @_lifetime(self: copy self)
  public mutating func truncate(to newCount: Int) {
    precondition(newCount >= 0 && newCount <= count, "can only take back what was written")
    count = newCount
  }

  /// What has been written so far.
  public var written: RawSpan {
    @_lifetime(borrow self)
    get { bytes.bytes.extracting(0..<count) }
  }
}
