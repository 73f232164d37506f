/// The messages of a mailbox in the order of their UIDs: a persistent value.
///
/// A copy costs nothing; a change shares all but the chunks that it touches with the list it was made from, so that many
/// sessions keep many states of a mailbox of a million messages, and find what differs by comparing references.
public struct MessageList: Sendable {
  /// A run of messages that is never changed.
  final class Chunk: Sendable {
    let messages: [MailMessage]
    init(_ messages: [MailMessage]) { self.messages = messages }
  }

  /// Messages of a whole chunk.
  public static let chunkSize = 256

  private(set) var chunks: [Chunk] = []
  /// The index of the first message of each chunk.
  private var starts: [Int] = []
  public private(set) var count = 0

  public init() {}

  /// Messages in rising order of their UIDs.
  public init(_ messages: some Sequence<MailMessage>) { append(contentsOf: messages) }

  public var isEmpty: Bool { count == 0 }
  public var last: MailMessage? { chunks.last?.messages.last }

  /// The message with this index, from 0; its message sequence number is one more.
  public subscript(index: Int) -> MailMessage {
    let chunk = chunkIndex(of: index)
    return chunks[chunk].messages[index - starts[chunk]]
  }

  /// The index of the first message whose UID is not below `uid`; `count` if there is none.
  public func firstIndex(atOrAfter uid: UInt32) -> Int {
    var (low, high) = (0, chunks.count)
    while low < high {
      let middle = (low + high) / 2
      if (chunks[middle].messages.last?.uid ?? 0) < uid { low = middle + 1 } else { high = middle }
    }
    guard low < chunks.count else { return count }
    let messages = chunks[low].messages
    var (first, end) = (0, messages.count)
    while first < end {
      let middle = (first + end) / 2
      if messages[middle].uid < uid { first = middle + 1 } else { end = middle }
    }
    return starts[low] + first
  }

  /// The index of the message with this UID.
  public func index(of uid: UInt32) -> Int? {
    let index = firstIndex(atOrAfter: uid)
    return index < count && self[index].uid == uid ? index : nil
  }

  public func message(_ uid: UInt32) -> MailMessage? { index(of: uid).map { self[$0] } }

  /// Every message with its index, in order, as long as `body` returns true.
  public func forEach(_ body: (Int, MailMessage) throws -> Bool) rethrows {
    var index = 0
    for chunk in chunks {
      for message in chunk.messages {
        guard try body(index, message) else { return }
        index += 1
      }
    }
  }

  /// The messages of `uids`, with their indices, in order.
  public func forEach(in uids: UIDSet, _ body: (Int, MailMessage) throws -> Void) rethrows {
    for range in uids.ranges {
      var index = firstIndex(atOrAfter: range.lowerBound)
      while index < count {
        let message = self[index]
        if message.uid > range.upperBound { break }
        try body(index, message)
        index += 1
      }
    }
  }

  /// The UIDs of all messages.
  public var uids: UIDSet {
    var set = UIDSet()
    for chunk in chunks { for message in chunk.messages { set.insert(message.uid) } }
    return set
  }

  // MARK: Change

  /// Adds messages whose UIDs are above all that are here.
  public mutating func append(contentsOf messages: some Sequence<MailMessage>) {
    var pending: [MailMessage] = []
    if let last = chunks.last, last.messages.count < Self.chunkSize {
      pending = last.messages
      chunks.removeLast()
      starts.removeLast()
      count -= pending.count
    }
    for message in messages {
      pending.append(message)
      if pending.count == Self.chunkSize {
        appendChunk(pending)
        pending.removeAll(keepingCapacity: true)
      }
    }
    if !pending.isEmpty { appendChunk(pending) }
  }

  /// Adds a run of messages as a chunk of its own, without a copy; their UIDs rise, and are above all that are here. For
  /// who reads a whole mailbox, run by run of `chunkSize`.
  public mutating func append(run messages: [MailMessage]) {
    if !messages.isEmpty { appendChunk(messages) }
  }

  /// Adds a list whose UIDs are above all that are here; its chunks are shared.
  public mutating func append(_ other: MessageList) {
    chunks.reserveCapacity(chunks.count + other.chunks.count)
    for chunk in other.chunks {
      chunks.append(chunk)
      starts.append(count)
      count += chunk.messages.count
    }
  }

  /// Replaces those messages of `uids` for which `change` returns another value; the UID stays.
  public mutating func update(_ uids: UIDSet, _ change: (MailMessage) -> MailMessage?) {
    visitChunks(of: uids) { chunk in
      var changed: [MailMessage]?
      for (offset, message) in chunk.messages.enumerated() where uids.contains(message.uid) {
        guard let new = change(message) else { continue }
        if changed == nil { changed = chunk.messages }
        changed?[offset] = new
      }
      return changed
    }
  }

  /// Takes messages out.
  public mutating func remove(_ uids: UIDSet) {
    visitChunks(of: uids) { chunk in chunk.messages.filter { !uids.contains($0.uid) } }
    mergeSmallChunks()
    renumber()
  }

  /// Replaces the messages of chunks that hold some of `uids`; `nil` leaves one as it is.
  private mutating func visitChunks(of uids: UIDSet, _ body: (Chunk) -> [MailMessage]?) {
    var index = 0
    for range in uids.ranges {
      while index < chunks.count, (chunks[index].messages.last?.uid ?? 0) < range.lowerBound { index += 1 }
      while index < chunks.count, (chunks[index].messages.first?.uid ?? 0) <= range.upperBound {
        if let messages = body(chunks[index]) { chunks[index] = Chunk(messages) }
        index += 1
      }
      // The next range may begin in the chunk that was visited last.
      if index > 0 { index -= 1 }
    }
  }

  /// Neighbours that have become small become one, so that a mailbox that shrinks has few chunks again.
  private mutating func mergeSmallChunks() {
    var merged: [Chunk] = []
    for chunk in chunks where !chunk.messages.isEmpty {
      if let last = merged.last, last.messages.count + chunk.messages.count <= Self.chunkSize / 2 {
        merged[merged.count - 1] = Chunk(last.messages + chunk.messages)
      } else {
        merged.append(chunk)
      }
    }
    chunks = merged
  }

  private mutating func renumber() {
    starts.removeAll(keepingCapacity: true)
    count = 0
    for chunk in chunks {
      starts.append(count)
      count += chunk.messages.count
    }
  }

  private mutating func appendChunk(_ messages: [MailMessage]) {
    chunks.append(Chunk(messages))
    starts.append(count)
    count += messages.count
  }

  private func chunkIndex(of index: Int) -> Int {
    precondition(index >= 0 && index < count, "no message has this index")
    var (low, high) = (0, starts.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= index { low = middle } else { high = middle }
    }
    return low
  }
}

extension MessageList: Equatable {
  public static func == (left: MessageList, right: MessageList) -> Bool {
    guard left.count == right.count else { return false }
    if left.chunks.elementsEqual(right.chunks, by: ===) { return true }
    return left.chunks.lazy.flatMap(\.messages).elementsEqual(right.chunks.lazy.flatMap(\.messages))
  }
}
