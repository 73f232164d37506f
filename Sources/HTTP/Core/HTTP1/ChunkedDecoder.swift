import WireKit

/// Takes the chunked coding apart (RFC 9112 §7.1):
///
/// ```
/// 5;name=value CRLF  hello CRLF  0 CRLF  trailer: x CRLF  CRLF
/// ```
///
/// Strict where others were lenient and got smuggled through: a size is hexadecimal digits only, lines end with CRLF,
/// and an extension holds no bare CR or LF. Extensions and trailers are checked and dropped.
struct ChunkedDecoder: Sendable {
  private enum State {
    case size
    case data(Int64)
    case dataEnd
    case trailer
    case done
  }

  private var state = State.size
  private var framer: LineFramer
  private let lineLimit: Int
  private var trailerRoom: Int
  private var trailerFields: Int

  init(_ limits: HTTPLimits) {
    lineLimit = limits.chunkLine
    framer = LineFramer(maximumLength: limits.chunkLine)
    trailerRoom = limits.head
    trailerFields = limits.fields
  }

  /// Whether the last chunk and the trailer section have been taken.
  var isDone: Bool { if case .done = state { true } else { false } }

  /// Takes input from `index` on and moves it along. Returns the place of the next content bytes, or `nil` when more
  /// input is needed or everything is done.
  mutating func next(in input: RawSpan, at index: inout Int) throws(HTTPError) -> Range<Int>? {
    while true {
      switch state {
      case .done: return nil
      case .data(let remaining):
        let count = Int(min(remaining, Int64(input.byteCount - index)))
        guard count > 0 else { return nil }
        state = remaining == Int64(count) ? .dataEnd : .data(remaining - Int64(count))
        index += count
        return (index - count)..<index
      case .dataEnd:
        guard index < input.byteCount else { return nil }
        guard input[index] == 0x0D else { throw HTTPError(.badRequest, "chunk longer than its size") }
        guard index + 1 < input.byteCount else { return nil }
        guard input[index + 1] == 0x0A else { throw HTTPError(.badRequest, "chunk longer than its size") }
        index += 2
        state = .size
      case .size:
        guard let line = try line(input, &index) else { return nil }
        let size = try Self.size(input.extracting(line))
        state = size == 0 ? .trailer : .data(size)
        if size == 0 { framer = LineFramer(maximumLength: trailerRoom) }
      case .trailer:
        guard let line = try line(input, &index) else { return nil }
        if line.isEmpty {
          state = .done
        } else {
          try takeTrailer(input.extracting(line))
        }
      }
    }
  }

  private mutating func line(_ input: RawSpan, _ index: inout Int) throws(HTTPError) -> Range<Int>? {
    switch framer.next(in: input.extracting(index..<input.byteCount)) {
    case .incomplete: return nil
    case .line(let length, let terminator):
      defer { index += length + terminator }
      return index..<(index + length)
    case .tooLong: throw HTTPError(.badRequest, "chunk line too long")
    case .bareLineEnd: throw HTTPError(.badRequest, "bare CR or LF in a chunk line")
    }
  }

  /// `1*HEXDIG [ BWS ";" chunk-ext ]`
  static func size(_ line: RawSpan) throws(HTTPError) -> Int64 {
    var index = 0
    var size: Int64 = 0
    while index < line.byteCount, let digit = Characters.hexadecimal(line[index]) {
      guard size >> 55 == 0 else { throw HTTPError(.badRequest, "chunk size too large") }
      size = size << 4 | Int64(digit)
      index += 1
    }
    guard index > 0, index <= 16 else { throw HTTPError(.badRequest, "chunk size malformed") }
    let end = index
    while index < line.byteCount, line[index] == 0x20 || line[index] == 0x09 { index += 1 }
    guard end == line.byteCount || index < line.byteCount && line[index] == 0x3B else {
      throw HTTPError(.badRequest, "chunk size malformed")
    }
    while index < line.byteCount {
      guard Characters.isFieldValue(line[index]) else { throw HTTPError(.badRequest, "chunk extension malformed") }
      index += 1
    }
    return size
  }

  private mutating func takeTrailer(_ line: RawSpan) throws(HTTPError) {
    trailerRoom -= line.byteCount + 2
    trailerFields -= 1
    guard trailerRoom >= 0, trailerFields >= 0 else { throw HTTPError(.headerFieldsTooLarge, "trailers too long") }
    var index = 0
    while index < line.byteCount, Characters.isToken(line[index]) { index += 1 }
    guard index > 0, index < line.byteCount, line[index] == 0x3A else {
      throw HTTPError(.badRequest, "trailer malformed")
    }
    while index < line.byteCount {
      guard Characters.isFieldValue(line[index]) else { throw HTTPError(.badRequest, "trailer malformed") }
      index += 1
    }
  }
}
