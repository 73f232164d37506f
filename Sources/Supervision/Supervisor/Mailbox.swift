import Glibc
import Synchronization

/// What other threads ask of the supervisor's loop. The descriptor wakes it.
final class Mailbox: Sendable {
  typealias Reply<Value> = @Sendable (Result<Value, SupervisionError>) -> Void

  enum Request: Sendable {
    case status(Reply<SupervisorStatus>)
    /// Answered once every worker is ready or failing.
    case whenReady(Reply<SupervisorStatus>)
    case reload(Reply<ReloadReport>)
    /// The plan that a reload asked for.
    case loaded(Result<SupervisionPlan, SupervisionError>)
    /// What a worker's process asked for under this number.
    case answered(WorkerName, pid: Int32, number: UInt32, [UInt8])
    case stop
    /// Answered once everything has ended.
    case whenStopped(Reply<Void>)
  }

  /// Readable when there is something to take.
  let wake: Descriptor
  private let waker: Descriptor
  private let requests = Mutex<(waiting: [Request], isClosed: Bool)>(([], false))

  init() throws(SupervisionError) {
    (wake, waker) = try Descriptor.pipe()
  }

  /// Leaves a request. Once the loop has ended it is answered here.
  func post(_ request: Request) {
    let isClosed = requests.withLock { state in
      if !state.isClosed { state.waiting.append(request) }
      return state.isClosed
    }
    if isClosed { return Self.answerStopped(request) }
    // A full pipe wakes as well.
    var byte: UInt8 = 0
    _ = write(waker.number, &byte, 1)
  }

  /// The requests since the last time.
  func take() -> [Request] {
    var bytes = [UInt8](repeating: 0, count: 256)
    _ = read(wake.number, &bytes, bytes.count)
    return requests.withLock { state in
      defer { state.waiting = [] }
      return state.waiting
    }
  }

  /// The loop's last act.
  func close() {
    let left = requests.withLock { state in
      defer { state = ([], true) }
      return state.waiting
    }
    for request in left { Self.answerStopped(request) }
  }

  private static func answerStopped(_ request: Request) {
    let error = SupervisionError(.notRunning, "the supervisor has stopped")
    switch request {
    case .status(let reply), .whenReady(let reply): reply(.failure(error))
    case .reload(let reply): reply(.failure(error))
    case .whenStopped(let reply): reply(.success(()))
    case .loaded, .answered, .stop: break
    }
  }
}
