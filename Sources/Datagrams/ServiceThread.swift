import Glibc
import Synchronization
import SystemShims

/// A thread that runs a loop until it is told to stop.
public final class ServiceThread: Sendable {
  private let stopping = Atomic<Bool>(false)
  private let state = Mutex<(isDone: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

  private init() {}

  /// Whether `stop` has been called; the loop asks each time round.
  public var isStopping: Bool { stopping.load(ordering: .relaxed) }

  /// Asks the loop to end.
  public func stop() { stopping.store(true, ordering: .relaxed) }

  /// Returns once the loop has ended.
  public func finished() async {
    await withCheckedContinuation { continuation in
      let isDone = state.withLock { state in
        if !state.isDone { state.waiters.append(continuation) }
        return state.isDone
      }
      if isDone { continuation.resume() }
    }
  }

  /// Starts `body`, with all signals left to other threads.
  /// - Parameter name: Linux keeps fifteen characters of it.
  public static func start(
    _ name: String, _ body: @escaping @Sendable (ServiceThread) -> Void
  ) throws(SystemError) -> ServiceThread {
    let thread = ServiceThread()
    let box = Unmanaged.passRetained(
      Box {
        portside_name_thread(name)
        body(thread)
        thread.end()
      })
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var handle = pthread_t()
    let error = pthread_create(
      &handle, nil,
      { argument in
        if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, box.toOpaque())
    guard error == 0 else {
      box.release()
      throw SystemError("pthread_create", error)
    }
    pthread_detach(handle)
    return thread
  }

  private func end() {
    let waiters = state.withLock { state in
      state.isDone = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  private final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}
