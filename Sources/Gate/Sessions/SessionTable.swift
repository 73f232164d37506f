import Services
import Synchronization
import WireKit

/// Who is connected, over all workers.
public final class SessionTable: SessionRegister {
  /// Most sessions that are entered. Beyond that a session lives without being listed; a worker that went wild must not
  /// take the gate's memory.
  static let maximumSessions = 200_000

  private struct Entry {
    var record: SessionRecord
    var owner: UInt64
    var end: @Sendable () -> Void
    var isEnding = false
  }

  private let entries = Mutex<[SessionID: Entry]>([:])

  public init() {}

  public func open(_ session: SessionRecord, end: @escaping @Sendable () -> Void) {
    open(session, owner: 0, end: end)
  }

  public func update(_ id: SessionID, account: String) {
    entries.withLock { $0[id]?.record.account = account }
  }

  public func close(_ id: SessionID) {
    entries.withLock { _ = $0.removeValue(forKey: id) }
  }

  /// Sessions, of one account or all, the oldest first.
  public func list(account: String? = nil) -> [SessionRecord] {
    entries.withLock { entries in entries.values.map(\.record) }
      .filter { account == nil || $0.account == account }
      .sorted { ($0.since, $0.id.number) < ($1.since, $1.id.number) }
  }

  /// Orders the session's end, once. Returns what was known of it; `nil` when there is no such session. It leaves the list
  /// when its worker has closed it.
  public func end(_ id: SessionID) -> SessionRecord? {
    let entry = entries.withLock { entries -> Entry? in
      let entry = entries[id]
      entries[id]?.isEnding = true
      return entry
    }
    guard let entry else { return nil }
    if !entry.isEnding { entry.end() }
    return entry.record
  }

  /// Enters a session on behalf of a worker's connection. A session that the worker enters again after a new connection
  /// belongs to the new one.
  func open(_ session: SessionRecord, owner: UInt64, end: @escaping @Sendable () -> Void) {
    entries.withLock { entries in
      guard entries.count < Self.maximumSessions || entries[session.id] != nil else { return }
      entries[session.id] = Entry(record: session, owner: owner, end: end)
    }
  }

  /// What is known of a session of this connection.
  func record(_ id: SessionID, owner: UInt64) -> SessionRecord? {
    entries.withLock { entries in entries[id].flatMap { $0.owner == owner ? $0.record : nil } }
  }

  /// How many sessions a connection has.
  func count(owner: UInt64) -> Int { entries.withLock { $0.values.count { $0.owner == owner } } }

  /// A worker may only change and close what it has entered itself.
  func update(_ id: SessionID, account: String, owner: UInt64) {
    entries.withLock { if $0[id]?.owner == owner { $0[id]?.record.account = account } }
  }

  func close(_ id: SessionID, owner: UInt64) {
    entries.withLock { if $0[id]?.owner == owner { $0[id] = nil } }
  }

  /// Takes out all sessions of a connection that is gone.
  func closeAll(owner: UInt64) {
    entries.withLock { entries in entries = entries.filter { $0.value.owner != owner } }
  }
}
