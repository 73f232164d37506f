import CBrotli

/// Compresses a stream by Brotli (RFC 7932).
///
/// Unchecked, because the library's state is memory behind a pointer: it belongs to one owner, who calls it from one place
/// at a time.
public final class BrotliCompressor: StreamCompressor, @unchecked Sendable {
  private let state: OpaquePointer

  /// - Parameter quality: 0 (fast) to 11 (small); 5 is what servers use for content that is made now.
  /// - Throws: When there is no memory.
  public init(quality: UInt32 = 5) throws(CompressionError) {
    guard let state = BrotliEncoderCreateInstance(nil, nil, nil) else {
      throw CompressionError("no memory for a compressor")
    }
    self.state = state
    BrotliEncoderSetParameter(state, BROTLI_PARAM_QUALITY, min(quality, 11))
    BrotliEncoderSetParameter(state, BROTLI_PARAM_LGWIN, 20)
  }

  deinit { BrotliEncoderDestroyInstance(state) }

  public func compress(
    _ input: RawSpan, _ flush: CompressionFlush, into output: inout [UInt8]
  ) throws(CompressionError) {
    let mode =
      switch flush {
      case .none: BROTLI_OPERATION_PROCESS
      case .sync: BROTLI_OPERATION_FLUSH
      case .finish: BROTLI_OPERATION_FINISH
      }
    let worked = input.withUnsafeBytes { bytes -> Bool in
      var left = bytes.count
      var next = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
      while true {
        var ok = BROTLI_FALSE
        output += [UInt8](unsafeUninitializedCapacity: max(512, bytes.count / 2)) { memory, written in
          var room = memory.count
          var target = memory.baseAddress
          ok = BrotliEncoderCompressStream(state, mode, &left, &next, &room, &target, nil)
          written = memory.count - room
        }
        guard ok == BROTLI_TRUE else { return false }
        if left == 0, BrotliEncoderHasMoreOutput(state) == BROTLI_FALSE { return true }
      }
    }
    if !worked { throw CompressionError("the compressor failed") }
  }
}
