import CZlib

/// Compresses a stream.
///
/// Unchecked, because zlib's state is memory behind a pointer: it belongs to one owner, who calls it from one place at
/// a time.
public final class Deflater: @unchecked Sendable {
  private let stream: UnsafeMutablePointer<z_stream>

  /// - Parameter level: 1 (fast) to 9 (small); 6 is zlib's own choice.
  /// - Throws: When there is no memory.
  public init(_ format: CompressionFormat, level: Int32 = 6) throws(CompressionError) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    guard portside_deflate_begin(stream, min(max(level, 1), 9), format.windowBits, 8) == Z_OK else {
      stream.deallocate()
      throw CompressionError("no memory for a compressor")
    }
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  /// Takes all of `input` and appends what comes out. After `.finish` the deflater is used up.
  public func compress(
    _ input: RawSpan, _ flush: CompressionFlush = .none, into output: inout [UInt8]
  ) throws(CompressionError) {
    let mode =
      switch flush {
      case .none: Z_NO_FLUSH
      case .sync: Z_SYNC_FLUSH
      case .finish: Z_FINISH
      }
    let result: Int32 = input.withUnsafeBytes { bytes in
      stream.pointee.next_in = bytes.baseAddress.map {
        UnsafeMutablePointer(mutating: $0.assumingMemoryBound(to: UInt8.self))
      }
      stream.pointee.avail_in = UInt32(clamping: bytes.count)
      var status = Z_OK
      repeat {
        status = ZlibOutput.step(stream, into: &output, of: max(256, bytes.count / 2)) { deflate($0, mode) }
      } while status == Z_OK && (stream.pointee.avail_out == 0 || stream.pointee.avail_in > 0)
      return status
    }
    guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else {
      throw CompressionError("the compressor failed")
    }
  }

  /// Takes these bytes; see the span's form.
  public func compress(_ input: [UInt8], _ flush: CompressionFlush = .none) throws(CompressionError) -> [UInt8] {
    var output: [UInt8] = []
    try compress(input.span.bytes, flush, into: &output)
    return output
  }
}
