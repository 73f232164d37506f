import Services
import Synchronization
import WireKit

/// The event sink of the gate process: hands every event on, writes those for the audit trail, and serves those who watch.
///
/// Both the gate's own events and those of the workers come through here.
public final class GateEvents: EventSink {
  /// Most audit events that may wait to be written.
  static let maximumWaiting = 5000

  private struct Pending {
    var entries: [AuditEntry] = []
    var lost = 0
    var isWriting = false
  }

  private let next: any EventSink
  private let trail: AuditTrail
  private let clock: any Clock
  public let watch: WatchBoard
  private let pending = Mutex(Pending())

  public init(next: any EventSink, trail: AuditTrail, watch: WatchBoard, clock: any Clock) {
    self.next = next
    self.trail = trail
    self.watch = watch
    self.clock = clock
  }

  public func isWatched(_ service: ServiceName) -> Bool {
    watch.isWatched(service) || next.isWatched(service)
  }

  public func emit(_ event: Event) {
    next.emit(event)
    watch.offer(event)
    guard event.kind == .audit else { return }
    let mustStart = pending.withLock { pending in
      guard pending.entries.count < Self.maximumWaiting else {
        pending.lost += 1
        return false
      }
      pending.entries.append(Self.entry(of: event))
      defer { pending.isWriting = true }
      return !pending.isWriting
    }
    if mustStart { Task { await writePending() } }
  }

  /// Writes what waits; call it before the store is closed.
  public func flush() async {
    await writePending()
  }

  private func writePending() async {
    while true {
      let (entries, lost) = pending.withLock { pending in
        defer {
          pending.entries = []
          pending.lost = 0
        }
        if pending.entries.isEmpty, pending.lost == 0 { pending.isWriting = false }
        return (pending.entries, pending.lost)
      }
      if entries.isEmpty, lost == 0 { return }
      var batch = entries
      if lost > 0 {
        batch.append(
          AuditEntry(time: clock.wallTime(), actor: "gate", action: "audit records lost", after: "\(lost)"))
      }
      do { try await trail.append(batch) } catch {
        next.emit(
          Event(
            time: clock.wallTime(), severity: .critical, message: "audit records could not be written",
            fields: [.init("count", .integer(Int64(batch.count))), .init("error", .string(error.description))]))
      }
    }
  }

  /// The circumstances of an event go to `after`, as `name=value`.
  private static func entry(of event: Event) -> AuditEntry {
    let fields = event.fields.map { field in
      let value =
        switch field.value {
        case .string(let text): text
        case .integer(let number), .nanoseconds(let number), .bytes(let number): String(number)
        case .bool(let flag): String(flag)
        case .address(let address): address.description
        case .endpoint(let endpoint): endpoint.description
        }
      return "\(field.name)=\(value)"
    }
    return AuditEntry(
      time: event.time, actor: event.account ?? "(nobody)", action: event.message,
      after: fields.isEmpty ? nil : fields.joined(separator: ", "), session: event.session, service: event.service,
      peer: event.peer)
  }
}
