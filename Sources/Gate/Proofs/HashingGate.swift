import NIOPosix
import Services

/// Lets only a few slow hashes run at once and only some wait, so that a flood of log-ins can exhaust neither memory
/// nor patience. Who finds the queue full is told to come back later.
public actor HashingGate {
  private let hasher: any PasswordHasher
  private let concurrency: Int
  private let maximumWaiting: Int
  private var running = 0
  private var waiting: [CheckedContinuation<Void, Never>] = []

  /// `concurrency`: hashes at once, each of 19 MiB. `maximumWaiting`: log-ins in the queue; at 35 ms a hash and two at
  /// once, 64 wait little more than a second.
  public init(hasher: any PasswordHasher, concurrency: Int = 2, maximumWaiting: Int = 64) {
    self.hasher = hasher
    self.concurrency = max(1, concurrency)
    self.maximumWaiting = max(0, maximumWaiting)
  }

  func hash(_ password: Secret) async throws(ServiceUnavailable) -> Secret {
    let hasher = self.hasher
    return try await run { hasher.hash(password) }
  }

  func verify(_ password: Secret, against hash: Secret) async throws(ServiceUnavailable) -> Bool {
    let hasher = self.hasher
    return try await run { hasher.verify(password, against: hash) }
  }

  private func run<Result: Sendable>(
    _ work: @escaping @Sendable () -> Result?
  ) async throws(ServiceUnavailable) -> Result {
    if running < concurrency {
      running += 1
    } else {
      guard waiting.count < maximumWaiting else { throw ServiceUnavailable("too many log-ins at once") }
      await withCheckedContinuation { waiting.append($0) }
    }
    defer {
      // Whoever waits longest takes over the place, without a moment at which a newcomer could slip in.
      if waiting.isEmpty { running -= 1 } else { waiting.removeFirst().resume() }
    }
    let result: Result?
    do { result = try await NIOThreadPool.singleton.runIfActive(work) } catch {
      throw ServiceUnavailable("the thread pool is closed")
    }
    guard let result else { throw ServiceUnavailable("no memory to check a password") }
    return result
  }
}
