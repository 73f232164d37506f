import SMTPCore
import Services
import Synchronization
import WireKit

/// Takes what is due from the queue and delivers it, within limits for all and for each destination.
final class QueueRunner: Sendable {
  /// Deliveries at the same time, and to one domain.
  static let maximumDeliveries = 40
  static let maximumPerDomain = 4
  /// How long a claim lasts: longer than any delivery may.
  static let claimTime = Duration.seconds(2400)
  /// How long to look away at most: the command line changes the queue as well.
  static let longestPause = Duration.seconds(3)

  private struct State {
    var task: Task<Void, Never>?
    var wakening: CheckedContinuation<Void, Never>?
    var isWoken = false
    var running: [String: Int] = [:]
    var deliveries: [UInt64: Task<Void, Never>] = [:]
    var next: UInt64 = 0
    var isStopped = false
  }

  private unowned let server: SMTPServer
  private let owner = MailToken.random()
  private let state = Mutex(State())

  init(server: SMTPServer) { self.server = server }

  func start() {
    let task = Task { await run() }
    state.withLock { $0.task = task }
  }

  func stop() async {
    let (task, deliveries) = state.withLock { state in
      state.isStopped = true
      return (state.task, Array(state.deliveries.values))
    }
    task?.cancel()
    wake()
    for delivery in deliveries { delivery.cancel() }
    for delivery in deliveries { await delivery.value }
    await task?.value
  }

  func wake() {
    let waiting = state.withLock { state in
      state.isWoken = true
      defer { state.wakening = nil }
      return state.wakening
    }
    waiting?.resume()
  }

  private func run() async {
    while !Task.isCancelled {
      await takeWork()
      await pause()
    }
  }

  /// Until somebody wakes it, or the next look is due.
  private func pause() async {
    let timer = Task {
      try? await Task.sleep(for: Self.longestPause)
      wake()
    }
    await withCheckedContinuation { continuation in
      let isWoken = state.withLock { state in
        if !state.isWoken { state.wakening = continuation }
        return state.isWoken
      }
      if isWoken { continuation.resume() }
    }
    timer.cancel()
    state.withLock { $0.isWoken = false }
  }

  private func takeWork() async {
    let (free, busy) = state.withLock { state in
      (
        Self.maximumDeliveries - state.deliveries.count,
        Set(state.running.filter { $0.value >= Self.maximumPerDomain }.keys)
      )
    }
    guard free > 0 else { return }
    let now = server.parts.context.clock.wallTime()
    let claims: [QueueClaim]
    do throws(StoreError) {
      claims = try await server.parts.queue.claim(
        by: owner, now: now, until: now + Self.claimTime, limit: free, busy: busy)
    } catch {
      return tell("the queue can't be read", error)
    }
    for claim in claims {
      let isAllowed = state.withLock { state in
        guard state.running[claim.domain, default: 0] < Self.maximumPerDomain, !state.isStopped else { return false }
        state.running[claim.domain, default: 0] += 1
        return true
      }
      if isAllowed { begin(claim) } else { await giveBack(claim, now) }
    }
  }

  private func begin(_ claim: QueueClaim) {
    // Under the lock, so that it can't be over before it is noted.
    state.withLock { state in
      state.next += 1
      let id = state.next
      state.deliveries[id] = Task {
        await QueueDelivery(server: server, claim: claim).run()
        ended(id, claim.domain)
      }
    }
  }

  private func ended(_ id: UInt64, _ domain: String) {
    state.withLock { state in
      state.deliveries[id] = nil
      let left = state.running[domain, default: 1] - 1
      state.running[domain] = left > 0 ? left : nil
    }
    wake()
  }

  /// Too many to that domain already: it comes back as soon as the domain is no longer busy.
  private func giveBack(_ claim: QueueClaim, _ now: WallTime) async {
    let results = claim.recipients.map {
      QueueResult(
        number: $0.number, state: .untried(until: $0.nextAttempt), reply: $0.lastReply ?? "", host: $0.lastHost)
    }
    try? await server.parts.queue.settle(claim, results, notices: [])
  }

  private func tell(_ message: StaticString, _ error: StoreError) {
    server.parts.context.events.emit(
      Event(
        time: server.parts.context.clock.wallTime(), severity: .error, message: message, service: .smtp,
        fields: [.init("error", .string(error.description))]))
  }
}
