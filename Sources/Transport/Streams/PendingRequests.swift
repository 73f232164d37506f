import NIOCore
import WireKit

/// The requests of one connection that are being answered asynchronously, with their bodies.
struct PendingRequests {
  private struct Entry {
    var task: Task<Void, Never>
    var body: RequestBody
    /// Only its body is still coming in.
    var isAnswered = false
  }

  private var entries: [Ticket: Entry] = [:]

  var isEmpty: Bool { entries.isEmpty }

  /// Whether some body has no room for more, so that the connection must not be read.
  var isBodyFull: Bool { entries.values.contains { $0.body.isFull } }

  mutating func add(_ ticket: Ticket, _ task: Task<Void, Never>, _ body: RequestBody) {
    entries[ticket] = Entry(task: task, body: body)
  }

  /// Passes body bytes on. Those of a request that is answered already are dropped.
  func append(_ bytes: ByteBuffer, for ticket: Ticket) { entries[ticket]?.body.append(bytes) }

  mutating func finishBody(of ticket: Ticket) {
    guard let entry = entries[ticket] else { return }
    entry.body.finish()
    if entry.isAnswered { entries[ticket] = nil }
  }

  /// Takes a request out, because its answer is here. Returns whether anyone waits for that answer.
  /// A body that somebody reads on stays.
  mutating func remove(_ ticket: Ticket) -> Bool {
    guard let entry = entries.removeValue(forKey: ticket) else { return false }
    if entry.body.isDetached, !entry.body.isFinished {
      entries[ticket] = Entry(task: entry.task, body: entry.body, isAnswered: true)
    }
    return true
  }

  /// Tells the handler that nobody waits any more. It stays here until it has answered, so that its session learns when
  /// it is gone: a session that bounds its living handlers must (RFC 9113 §10.5, Rapid Reset).
  mutating func cancel(_ ticket: Ticket) {
    guard let entry = entries[ticket] else { return }
    Self.cancel(entry)
    if entry.isAnswered { entries[ticket] = nil }
  }

  mutating func cancelAll() {
    for entry in entries.values { Self.cancel(entry) }
    entries.removeAll()
  }

  private static func cancel(_ entry: Entry) {
    entry.body.cutOff()
    entry.body.abandon()
    entry.task.cancel()
  }
}
