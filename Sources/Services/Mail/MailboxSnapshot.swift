/// A mailbox with its messages as they are after some commit: a value that nobody changes any more.
///
/// While it lives, the store keeps the bytes of its messages, also of those that are expunged meanwhile.
public struct MailboxSnapshot: Sendable {
  public let mailbox: Mailbox
  public let messages: MessageList
  /// What the store watches to know that somebody still has this state.
  private let hold: MailboxHold

  public init(mailbox: Mailbox, messages: MessageList, hold: MailboxHold) {
    self.mailbox = mailbox
    self.messages = messages
    self.hold = hold
  }
}

/// Lives as long as somebody has a state of a mailbox.
public final class MailboxHold: Sendable {
  /// The store's commit that made the state.
  public let commit: UInt64
  public init(commit: UInt64) { self.commit = commit }
}

/// What has happened to a mailbox between two of its states.
public struct MailboxDifference: Sendable, Hashable {
  /// UIDs that are gone.
  public var vanished = UIDSet()
  /// UIDs that both have, with another flag, keyword or mod-sequence.
  public var changed = UIDSet()
  /// UIDs that are new: all above the older state's, as UIDs rise.
  public var arrived = UIDSet()

  public init() {}

  public var isEmpty: Bool { vanished.isEmpty && changed.isEmpty && arrived.isEmpty }
}

extension MailboxSnapshot {
  /// What has happened since `older`, a state of the same mailbox. Its cost is that of the chunks that differ.
  public func difference(from older: MailboxSnapshot) -> MailboxDifference {
    messages.difference(from: older.messages)
  }
}

extension MessageList {
  /// What has happened since `older`.
  public func difference(from older: MessageList) -> MailboxDifference {
    var result = MailboxDifference()
    var (old, new) = (Cursor(older), Cursor(self))
    while true {
      if old.offset == 0, new.offset == 0, let left = old.chunk, let right = new.chunk, left === right {
        old.skipChunk()
        new.skipChunk()
        continue
      }
      guard let before = old.message else { break }
      guard let after = new.message else {
        result.vanished.insert(before.uid)
        old.advance()
        continue
      }
      if before.uid == after.uid {
        if before != after { result.changed.insert(after.uid) }
        old.advance()
        new.advance()
      } else if before.uid < after.uid {
        result.vanished.insert(before.uid)
        old.advance()
      } else {
        result.arrived.insert(after.uid)
        new.advance()
      }
    }
    while let after = new.message {
      result.arrived.insert(after.uid)
      new.advance()
    }
    return result
  }

  private struct Cursor {
    let chunks: [Chunk]
    var index = 0
    var offset = 0

    init(_ list: MessageList) { chunks = list.chunks }

    var chunk: Chunk? { index < chunks.count ? chunks[index] : nil }
    var message: MailMessage? { index < chunks.count ? chunks[index].messages[offset] : nil }

    mutating func advance() {
      offset += 1
      if offset >= chunks[index].messages.count { skipChunk() }
    }

    mutating func skipChunk() {
      index += 1
      offset = 0
    }
  }
}
