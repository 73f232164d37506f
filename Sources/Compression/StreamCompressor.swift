/// Compresses a stream in one of several formats.
public protocol StreamCompressor: AnyObject, Sendable {
  /// Takes all of `input` and appends what comes out. After `.finish` the compressor is used up.
  func compress(_ input: RawSpan, _ flush: CompressionFlush, into output: inout [UInt8]) throws(CompressionError)
}

extension StreamCompressor {
  /// The whole of some bytes.
  public func whole(_ input: [UInt8]) throws(CompressionError) -> [UInt8] {
    var output: [UInt8] = []
    try compress(input.span.bytes, .finish, into: &output)
    return output
  }
}

extension Deflater: StreamCompressor {}
