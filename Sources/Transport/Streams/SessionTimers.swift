import NIOCore
import Services
import WireKit

/// The timers of one session.
///
/// A timer that is moved to a later time, as an idle timer is with every request, costs a store: the task that is
/// scheduled already looks at the deadline when it runs, and schedules itself again.
struct SessionTimers {
  final class Entry {
    let timer: SessionTimer
    var deadline: MonotonicTime?
    var scheduled: Scheduled<Void>?
    var scheduledFor: MonotonicTime?
    init(_ timer: SessionTimer) { self.timer = timer }
  }

  private var entries: [Entry] = []

  /// Sets, moves or takes back (`nil`) a timer. `makeFire` is called when a task must be scheduled.
  mutating func set(
    _ timer: SessionTimer, at deadline: MonotonicTime?, clock: any Clock, on eventLoop: any EventLoop,
    _ makeFire: () -> NIOLoopBound<(SessionTimer) -> Void>
  ) {
    let entry: Entry
    if let found = entries.first(where: { $0.timer == timer }) {
      entry = found
    } else {
      guard deadline != nil else { return }
      entry = Entry(timer)
      entries.append(entry)
    }
    entry.deadline = deadline
    guard let deadline else { return }
    if let scheduledFor = entry.scheduledFor {
      if scheduledFor <= deadline { return }
      entry.scheduled?.cancel()
    }
    Self.schedule(entry, clock: clock, on: eventLoop, makeFire())
  }

  mutating func cancelAll() {
    for entry in entries {
      entry.deadline = nil
      entry.scheduled?.cancel()
    }
    entries.removeAll()
  }

  private static func schedule(
    _ entry: Entry, clock: any Clock, on eventLoop: any EventLoop, _ fire: NIOLoopBound<(SessionTimer) -> Void>
  ) {
    guard let deadline = entry.deadline else { return }
    let delay = max(0, (deadline - clock.now()).wholeNanoseconds)
    entry.scheduledFor = deadline
    let bound = NIOLoopBound(entry, eventLoop: eventLoop)
    entry.scheduled = eventLoop.scheduleTask(in: .nanoseconds(delay)) {
      let entry = bound.value
      entry.scheduled = nil
      entry.scheduledFor = nil
      guard let deadline = entry.deadline else { return }
      guard deadline <= clock.now() else {
        schedule(entry, clock: clock, on: eventLoop, fire)
        return
      }
      entry.deadline = nil
      fire.value(entry.timer)
    }
  }
}
