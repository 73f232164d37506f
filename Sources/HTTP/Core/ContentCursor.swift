/// Goes through a reply's content slice by slice, so that only a bounded part of it is on its way at a time.
struct ContentCursor: Sendable {
  enum Slice {
    case bytes([UInt8], Range<Int>)
    case content(any HTTPContent, Range<Int64>)

    var count: Int64 {
      switch self {
      case .bytes(_, let range): Int64(range.count)
      case .content(_, let range): Int64(range.count)
      }
    }
  }

  private var content: ReplyContent
  private var segment = 0
  /// Bytes already taken of the content, or of the present segment.
  private var offset: Int64 = 0
  /// Bytes not yet taken.
  private(set) var remaining: Int64

  /// `content` must not be a stream: that has no length.
  init(_ content: ReplyContent) {
    self.content = content
    remaining = content.count ?? 0
  }

  var isAtEnd: Bool { remaining == 0 }

  /// The next slice of at most `limit` bytes; `nil` at the end or when `limit` is zero.
  mutating func next(atMost limit: Int64) -> Slice? {
    guard limit > 0, remaining > 0 else { return nil }
    while true {
      let slice: Slice?
      switch content {
      case .none, .stream: slice = nil
      case .bytes(let bytes): slice = cut(.bytes(bytes), limit)
      case .content(let content, let range): slice = cut(.content(content, range), limit)
      case .segments(let segments):
        guard segment < segments.count else { return nil }
        slice = cut(segments[segment], limit)
        if slice == nil {
          segment += 1
          offset = 0
          continue
        }
      }
      if let slice { remaining -= slice.count }
      return slice
    }
  }

  private mutating func cut(_ piece: ContentSegment, _ limit: Int64) -> Slice? {
    let count = min(piece.count - offset, limit)
    guard count > 0 else { return nil }
    defer { offset += count }
    switch piece {
    case .bytes(let bytes): return .bytes(bytes, Int(offset)..<Int(offset + count))
    case .content(let content, let range):
      let start = range.lowerBound + offset
      return .content(content, start..<(start + count))
    }
  }
}
