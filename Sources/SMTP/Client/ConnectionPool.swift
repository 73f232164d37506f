import NIOCore
import SMTPCore
import Services
import Synchronization
import Transport

/// Connections that have served and may serve again, for a few seconds: a queue often has more for the same server.
final class ConnectionPool: Sendable {
  /// Connections are alike when they lead to the same place, with the same security and as the same user.
  struct Key: Hashable {
    var target: SMTPClient.Target
    var security: ClientPlan.Security
    var helloName: String
    var user: String?
    var isLMTP: Bool
  }

  static let idleTime = Duration.seconds(4)
  /// Messages of one connection: some servers count.
  static let maximumMessages = 50
  private static let maximumIdle = 64

  private let idle = Mutex<[Key: [ClientHandler]]>([:])
  private let isClosed = Mutex(false)

  /// One that waits; it is the caller's now.
  func take(_ key: Key) -> ClientHandler? {
    idle.withLock { idle in
      let handler = idle[key]?.popLast()
      if idle[key]?.isEmpty == true { idle[key] = nil }
      return handler
    }
  }

  /// Keeps one for a while; whether there was room.
  func put(_ handler: ClientHandler, _ key: Key) -> Bool {
    guard !isClosed.withLock({ $0 }) else { return false }
    return idle.withLock { idle in
      guard idle.values.reduce(0, { $0 + $1.count }) < Self.maximumIdle else { return false }
      idle[key, default: []].append(handler)
      return true
    }
  }

  func remove(_ handler: ClientHandler, _ key: Key) {
    idle.withLock { idle in
      idle[key]?.removeAll { $0 === handler }
      if idle[key]?.isEmpty == true { idle[key] = nil }
    }
  }

  /// Ends those that wait, and keeps no more.
  func close() {
    isClosed.withLock { $0 = true }
    let all = idle.withLock { idle in
      defer { idle = [:] }
      return idle.values.flatMap { $0 }
    }
    for handler in all { handler.release() }
  }
}

/// One message of a connection, and who waits for what comes of it.
struct ClientJob: Sendable {
  var plan: ClientPlan
  var head: [UInt8]
  var body: (any MessageBody)?
  var promise: EventLoopPromise<DeliveryOutcome>
  var watch: @Sendable (ClientEvent) -> Void
}

/// Feeds a client session its messages, one after the other, and tells what came of each.
final class ClientHandler: RequestHandler {
  typealias Request = ClientRequest
  typealias Reply = ClientPiece
  typealias Body = Never
  typealias Event = ClientEvent

  private static let pieceSize: Int64 = 64 * 1024

  private struct State {
    var job: ClientJob
    var offset: Int64 = 0
    var isHeadSent = false
    var isOver = false
    var error: String?
    var messages = 1
    var channel: (any Channel)?
    /// The session waits to hear what is next.
    var waiting: CheckedContinuation<ClientPiece, Never>?
    var isEnded = false
    var rests: UInt64 = 0
  }

  private let key: ConnectionPool.Key
  private let pool: ConnectionPool
  private let state: Mutex<State>

  init(_ job: ClientJob, key: ConnectionPool.Key, pool: ConnectionPool) {
    self.key = key
    self.pool = pool
    state = Mutex(State(job: job))
  }

  func attach(_ channel: any Channel) { state.withLock { $0.channel = channel } }
  var channel: (any Channel)? { state.withLock { $0.channel } }

  func handle(_ request: ClientRequest, body _: RequestBody, on connection: Connection) async -> ClientPiece {
    switch request {
    case .piece: return piece()
    case .next: return await next()
    }
  }

  private func piece() -> ClientPiece {
    let (job, offset) = state.withLock { state -> (ClientJob, Int64?) in
      guard state.isHeadSent || state.job.head.isEmpty else {
        state.isHeadSent = true
        return (state.job, nil)
      }
      defer { state.offset += Self.pieceSize }
      return (state.job, state.offset)
    }
    guard let offset else { return .bytes(job.head) }
    guard let body = job.body, offset < body.size else { return .end }
    do throws(StoreError) {
      let bytes = try body.bytes(offset..<min(body.size, offset + Self.pieceSize))
      return bytes.isEmpty ? .failed : .bytes(bytes)
    } catch { return .failed }
  }

  // MARK: Rest

  private func next() async -> ClientPiece {
    let rest = state.withLock { state in
      state.rests += 1
      return state.rests
    }
    let timer = Task {
      try? await Task.sleep(for: ConnectionPool.idleTime)
      if !Task.isCancelled { release(rest) }
    }
    defer { timer.cancel() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isWaiting = state.withLock { state in
          guard !state.isEnded, !Task.isCancelled, state.messages < ConnectionPool.maximumMessages else { return false }
          state.waiting = continuation
          return true
        }
        if !isWaiting { continuation.resume(returning: .end) } else if !pool.put(self, key) { release(rest) }
      }
    } onCancel: {
      release(rest)
    }
  }

  /// Has a session that waits say goodbye; the one of this rest, or whichever.
  func release(_ rest: UInt64? = nil) {
    pool.remove(self, key)
    let waiting = state.withLock { state -> CheckedContinuation<ClientPiece, Never>? in
      guard rest == nil || rest == state.rests else { return nil }
      defer { state.waiting = nil }
      return state.waiting
    }
    waiting?.resume(returning: .end)
  }

  /// Gives a session that waits its next message; `false` when it waits no more.
  func begin(_ job: ClientJob) -> Bool {
    let waiting = state.withLock { state -> CheckedContinuation<ClientPiece, Never>? in
      guard let waiting = state.waiting, !state.isEnded else { return nil }
      state.waiting = nil
      state.job = job
      (state.offset, state.isHeadSent, state.isOver) = (0, false, false)
      state.messages += 1
      state.rests += 1
      return waiting
    }
    waiting?.resume(returning: .plan(job.plan))
    return waiting != nil
  }

  // MARK: From the driver

  func report(_ event: ClientEvent, on connection: Connection) {
    state.withLock { $0.job }.watch(event)
    guard case .finished(let outcome) = event else { return }
    finish { $0.succeed(outcome) }
  }

  func failed(_ error: any Error) { state.withLock { $0.error = String(describing: error) } }

  func ended(_ connection: Connection) {
    let error = state.withLock { state in
      state.isEnded = true
      return state.error
    }
    release()
    finish { $0.fail(ServiceUnavailable(error ?? "the connection ended")) }
  }

  private func finish(_ body: (EventLoopPromise<DeliveryOutcome>) -> Void) {
    let promise = state.withLock { state -> EventLoopPromise<DeliveryOutcome>? in
      defer { state.isOver = true }
      return state.isOver ? nil : state.job.promise
    }
    if let promise { body(promise) }
  }
}
