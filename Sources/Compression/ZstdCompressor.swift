import CZstd

/// Compresses a stream by Zstandard (RFC 8878).
///
/// Unchecked, because the library's state is memory behind a pointer: it belongs to one owner, who calls it from one place
/// at a time.
public final class ZstdCompressor: StreamCompressor, @unchecked Sendable {
  private let stream: OpaquePointer

  /// - Parameter level: 1 (fast) to 19 (small). The window stays below 8 MiB, as HTTP demands (RFC 9659).
  /// - Throws: When there is no memory.
  public init(level: Int32 = 3) throws(CompressionError) {
    guard let stream = ZSTD_createCCtx() else { throw CompressionError("no memory for a compressor") }
    self.stream = stream
    ZSTD_CCtx_setParameter(stream, ZSTD_c_compressionLevel, min(max(level, 1), 19))
    ZSTD_CCtx_setParameter(stream, ZSTD_c_windowLog, 21)
  }

  deinit { ZSTD_freeCCtx(stream) }

  public func compress(
    _ input: RawSpan, _ flush: CompressionFlush, into output: inout [UInt8]
  ) throws(CompressionError) {
    let mode =
      switch flush {
      case .none: ZSTD_e_continue
      case .sync: ZSTD_e_flush
      case .finish: ZSTD_e_end
      }
    let failed = input.withUnsafeBytes { bytes -> Bool in
      var source = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
      while true {
        var left = 0
        output += [UInt8](unsafeUninitializedCapacity: max(512, bytes.count / 2)) { memory, written in
          var target = ZSTD_outBuffer(dst: memory.baseAddress, size: memory.count, pos: 0)
          left = ZSTD_compressStream2(stream, &target, &source, mode)
          written = target.pos
        }
        if ZSTD_isError(left) != 0 { return true }
        if source.pos == source.size, left == 0 || flush == .none { return false }
      }
    }
    if failed { throw CompressionError("the compressor failed") }
  }
}
