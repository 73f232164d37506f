import Services
import WireKit

/// A worker as the supervisor's loop sees it, over all its processes.
final class Worker {
  enum Phase: Hashable {
    /// No process; the next one starts at this time.
    case waiting(until: MonotonicTime)
    /// Ready by this time, or ended.
    case starting(deadline: MonotonicTime)
    case ready
    /// Ended by this time, or killed.
    case draining(deadline: MonotonicTime)
    /// No process, and none to come.
    case stopped
  }

  var plan: WorkerPlan
  private(set) var phase: Phase
  /// When the phase began, for people.
  private(set) var since: WallTime
  var process: Process?
  var packets: PacketQueue?
  var startedAt: MonotonicTime
  /// When it was heard of last.
  var heardAt: MonotonicTime
  /// Whether it has been killed and its end is still to come.
  var isKilled = false
  /// Ends in a row, each after too short a life.
  var failures = 0
  var isFailing = false
  var starts = 0
  var lastExit: String?
  var remark: String?
  var confinement: String?
  /// The hand-over that was sent last, and what came back.
  var generation: UInt32 = 0
  var acknowledged: UInt32 = 0
  var refused: UInt32 = 0
  /// Questions of its process that have no answer yet.
  var questions = 0

  init(_ plan: WorkerPlan, now: MonotonicTime, since: WallTime) {
    self.plan = plan
    self.since = since
    phase = .waiting(until: now)
    startedAt = now
    heardAt = now
  }

  func enter(_ phase: Phase, at time: WallTime) {
    self.phase = phase
    since = time
  }

  var isDraining: Bool {
    if case .draining = phase { true } else { false }
  }

  var isStarting: Bool {
    if case .starting = phase { true } else { false }
  }

  /// When the loop has to look at it next, without any message from it.
  func deadline(heartbeatLimit: Duration) -> MonotonicTime? {
    if isKilled { return nil }
    switch phase {
    case .waiting(let time), .starting(let time), .draining(let time): return time
    case .ready: return heardAt + heartbeatLimit
    case .stopped: return nil
    }
  }

  func status(sockets: [SocketGroup]) -> WorkerStatus {
    let state: WorkerStatus.State =
      switch phase {
      case .waiting: isFailing ? .failing : .waiting
      case .starting: isFailing ? .failing : .starting
      case .ready: .ready
      case .draining: .draining
      case .stopped: .stopped
      }
    return WorkerStatus(
      name: plan.name, state: state, since: since, pid: process?.pid, restarts: max(0, starts - 1), lastExit: lastExit,
      remark: remark, confinement: confinement,
      sockets: sockets.map { SocketStatus(name: $0.plan.name, place: $0.place, count: $0.descriptors.count) })
  }
}
