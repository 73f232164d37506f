/// One stream, from its HEADERS to the end of both directions, or of its handler (RFC 9113 §5.1).
struct HTTP2Stream: Sendable {
  enum Output: Sendable {
    case none
    case sending(ContentCursor)
    /// Streamed content: the piece that is being sent, and whether the next is awaited.
    case streaming(any HTTPContentStream, ContentCursor, asked: Bool)

    var isActive: Bool { if case .none = self { false } else { true } }
  }

  let id: UInt32
  /// The client has not ended its side.
  var isReceiving: Bool
  /// The request waits for its reply.
  var isAwaiting = true
  /// What is left of the content is wanted after the reply as well.
  var readsOn = false
  /// Replies behind interim ones asked for so far: they share their numbers with pieces, which come later.
  var lates: UInt32 = 0
  /// The peer knows the stream no more; the entry stays until the handler has answered, and counts as one alive.
  var isGone = false
  let isHead: Bool
  var sendWindow: Int
  var receiveWindow: Int
  /// Received bytes for which the window has not been opened again.
  var unreturned = 0
  /// What `Content-Length` announced.
  let expected: Int64?
  var received: Int64 = 0
  var output = Output.none
  /// Whether it stands in the queue of those that may send.
  var isQueued = false
  /// Pieces of streamed content asked for so far.
  var pieces: UInt32 = 0

  init(id: UInt32, isReceiving: Bool, isHead: Bool, sendWindow: Int, receiveWindow: Int, expected: Int64?) {
    self.id = id
    self.isReceiving = isReceiving
    self.isHead = isHead
    self.sendWindow = sendWindow
    self.receiveWindow = receiveWindow
    self.expected = expected
  }
}

/// The streams of a connection. Few and short-lived: their numbers stand together in one array, so that a search is a
/// scan of a few cache lines.
struct HTTP2Streams: Sendable {
  private var ids: [UInt32] = []
  private var streams: [HTTP2Stream] = []
  /// The last streams that ended, and how; a frame for any of them is judged by that.
  private var closed: [(id: UInt32, how: Closing)] = []
  private var nextClosed = 0

  enum Closing: Sendable {
    /// Both sides had ended.
    case ended
    case resetByPeer
    case resetByUs
  }

  var count: Int { ids.count }
  var isEmpty: Bool { ids.isEmpty }

  func index(of id: UInt32) -> Int? { ids.lastIndex(of: id) }

  /// `index` comes from `index(of:)`, with no removal in between.
  subscript(index: Int) -> HTTP2Stream {
    get { streams[index] }
    _modify { yield &streams[index] }
  }

  mutating func append(_ stream: HTTP2Stream) {
    ids.append(stream.id)
    streams.append(stream)
  }

  /// Takes a stream out for good.
  mutating func remove(at index: Int) {
    ids.swapAt(index, ids.count - 1)
    streams.swapAt(index, streams.count - 1)
    ids.removeLast()
    streams.removeLast()
  }

  /// Remembers how a stream ended.
  mutating func noteClosed(_ id: UInt32, _ how: Closing) {
    if closed.count < 64 { return closed.append((id, how)) }
    closed[nextClosed] = (id, how)
    nextClosed = (nextClosed + 1) % 64
  }

  /// How a stream ended, if that was not long ago.
  func closing(of id: UInt32) -> Closing? { closed.last { $0.id == id }?.how }

  /// Adds to all send windows; `nil` when one would leave its bounds.
  mutating func shiftSendWindows(by difference: Int) -> Bool {
    for index in streams.indices {
      streams[index].sendWindow += difference
      if streams[index].sendWindow > 0x7FFF_FFFF { return false }
    }
    return true
  }

  /// The numbers of the streams that have something to send and do not stand in the queue.
  func unqueued() -> [UInt32] {
    streams.filter { $0.output.isActive && !$0.isQueued && !$0.isGone }.map(\.id)
  }
}

extension HTTP2Streams {
  /// The streams whose client side is still open.
  func receiving() -> [UInt32] { (0..<count).filter { self[$0].isReceiving && !self[$0].isGone }.map { self[$0].id } }

  /// Whether a reply is on its way.
  var isSending: Bool { (0..<count).contains { self[$0].output.isActive } }

  /// Whether content of a request is awaited.
  var isReceiving: Bool { (0..<count).contains { self[$0].isReceiving && !self[$0].isGone } }
}
