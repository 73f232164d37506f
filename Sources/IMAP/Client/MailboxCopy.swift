import IMAPCore

/// What a program remembers of a mailbox, brought up to date by a client: by QRESYNC where the server has it, by comparing where not.
///
/// ```swift
/// var copy = MailboxCopy("INBOX")
/// let changes = try await copy.update(by: client)   // once in a while, or after `waitForNews`
/// for uid in changes.arrived { … try await client.fetch("\(uid)", "BODY.PEEK[]") … }
/// ```
public struct MailboxCopy: Sendable, Hashable, Codable {
  public let name: String
  public private(set) var uidValidity: UInt32 = 0
  public private(set) var modSequence: UInt64?
  /// The messages that are there, with their flags, `\Recent` left out.
  public private(set) var messages: [UInt32: Set<String>] = [:]

  /// What an update found.
  public struct Changes: Sendable, Hashable {
    /// The mailbox is another one: everything that was remembered is void, and what is there has arrived.
    public var isNew = false
    public var arrived: [UInt32] = []
    public var changed: [UInt32] = []
    public var vanished: [UInt32] = []

    public init(isNew: Bool = false, arrived: [UInt32] = [], changed: [UInt32] = [], vanished: [UInt32] = []) {
      (self.isNew, self.arrived, self.changed, self.vanished) = (isNew, arrived, changed, vanished)
    }
  }

  public init(_ name: String) { self.name = name }

  /// Opens the mailbox and brings this up to date. Leaves the mailbox open.
  public mutating func update(by client: IMAPClient) async throws -> Changes {
    var changes = Changes()
    let hasResync = try await client.enable("QRESYNC")
    let known = hasResync && uidValidity > 0 ? modSequence.map { (uidValidity, $0) } : nil
    let selected = try await client.select(name, known: known)
    if selected.uidValidity != uidValidity {
      changes.isNew = true
      changes.vanished = messages.keys.sorted()
      messages = [:]
      uidValidity = selected.uidValidity
    }
    if known != nil, !changes.isNew {
      for range in selected.vanished.ranges {
        // A range may be far wider than what is known.
        let gone = messages.keys.filter { range.contains($0) }
        for uid in gone { messages[uid] = nil }
        changes.vanished += gone
      }
      for message in selected.changed { note(message, &changes) }
    } else {
      let present = selected.exists > 0 ? try await client.fetch("1:*", "FLAGS") : []
      let uids = Set(present.map(\.uid))
      let gone = messages.keys.filter { !uids.contains($0) }
      for uid in gone { messages[uid] = nil }
      if !changes.isNew { changes.vanished += gone }
      for message in present { note(message, &changes) }
    }
    modSequence = selected.highestModSequence
    changes.arrived.sort()
    changes.changed.sort()
    changes.vanished.sort()
    return changes
  }

  private mutating func note(_ message: IMAPClient.Fetched, _ changes: inout Changes) {
    guard let all = message.flags else { return }
    let flags = all.subtracting(["\\Recent"])
    if let before = messages.updateValue(flags, forKey: message.uid) {
      if before != flags { changes.changed.append(message.uid) }
    } else {
      changes.arrived.append(message.uid)
    }
  }
}
