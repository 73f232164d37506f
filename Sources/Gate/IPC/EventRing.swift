import DequeModule
import Services

/// Events that wait to be sent: the oldest are lost first, and the loss is told as an event of its own.
struct EventRing: Sendable {
  private var events: Deque<Event> = []
  private var lost = 0
  let capacity: Int

  init(capacity: Int) { self.capacity = max(1, capacity) }

  var isEmpty: Bool { events.isEmpty && lost == 0 }

  mutating func append(_ event: Event) {
    if events.count >= capacity {
      events.removeFirst()
      lost += 1
    }
    events.append(event)
  }

  /// Counts events that could not be sent.
  mutating func lose(_ count: Int) { lost += count }

  /// At most `limit` of the oldest events, with the loss, if any, in front of them.
  mutating func take(_ limit: Int, at time: WallTime) -> [Event] {
    var taken = Array(events.prefix(limit))
    events.removeFirst(taken.count)
    if lost > 0 {
      taken.insert(Self.loss(of: lost, at: time), at: 0)
      lost = 0
    }
    return taken
  }

  static func loss(of count: Int, at time: WallTime) -> Event {
    Event(
      time: time, severity: .warning, message: "events lost", fields: [.init("count", .integer(Int64(count)))])
  }
}
