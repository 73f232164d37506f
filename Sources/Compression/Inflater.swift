import CZlib

/// Decompresses a stream, a bounded piece at a time: whoever calls it decides how far a small input may unfold.
///
/// Unchecked, because zlib's state is memory behind a pointer: it belongs to one owner, who calls it from one place at
/// a time.
public final class Inflater: @unchecked Sendable {
  private let stream: UnsafeMutablePointer<z_stream>
  /// Whether the format's end was reached; what follows is not this stream's.
  public private(set) var isFinished = false

  /// - Throws: When there is no memory.
  public init(_ format: CompressionFormat) throws(CompressionError) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    guard portside_inflate_begin(stream, format.windowBits) == Z_OK else {
      stream.deallocate()
      throw CompressionError("no memory for a decompressor")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Takes input from the front and appends at most `limit` bytes.
  ///
  /// Returns how many bytes of the input were taken. Fewer than all: the limit was met, or the end; call again with the
  /// rest. All taken and exactly `limit` bytes appended: more may wait within; call again with no input.
  /// - Throws: When the input is not what the format allows.
  public func decompress(
    _ input: RawSpan, limit: Int, into output: inout [UInt8]
  ) throws(CompressionError) -> Int {
    guard !isFinished, limit > 0 else { return 0 }
    let end = output.count + limit
    var status = Z_OK
    let left: Int = input.withUnsafeBytes { bytes in
      stream.pointee.next_in = bytes.baseAddress.map {
        UnsafeMutablePointer(mutating: $0.assumingMemoryBound(to: UInt8.self))
      }
      stream.pointee.avail_in = UInt32(clamping: bytes.count)
      repeat {
        status = ZlibOutput.step(stream, into: &output, of: min(end - output.count, 65_536)) { inflate($0, Z_NO_FLUSH) }
      } while status == Z_OK && output.count < end && (stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0)
      return Int(stream.pointee.avail_in)
    }
    switch status {
    case Z_OK, Z_BUF_ERROR: break
    case Z_STREAM_END: isFinished = true
    default:
      throw CompressionError("not \(status == Z_NEED_DICT ? "without a dictionary" : "well-formed") DEFLATE data")
    }
    return input.byteCount - left
  }
}
