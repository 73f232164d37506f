import Glibc

/// Wakes a thread that consumes a ring. On a condition variable, because the thread must sleep without a time limit and
/// the standard library has none.
final class WakeUp: @unchecked Sendable {
  // Unchecked: the pointers are set once in `init`, and what they point to is guarded by the mutex itself.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var isSignalled = false
  private var isStopped = false
  private var isDrained = true

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func signal() { change { (isSignalled, isDrained) = (true, false) } }
  func stop() { change { isStopped = true } }
  func drained() { change { if !isSignalled { isDrained = true } } }

  /// Sleeps until signalled; `false` once stopped.
  func wait() -> Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !isSignalled, !isStopped { pthread_cond_wait(condition, mutex) }
    guard isSignalled else { return false }
    isSignalled = false
    return true
  }

  func waitUntilDrained(seconds: Int) {
    var deadline = timespec()
    clock_gettime(CLOCK_REALTIME, &deadline)
    deadline.tv_sec += seconds
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !isDrained, pthread_cond_timedwait(condition, mutex, &deadline) == 0 {}
  }

  private func change(_ body: () -> Void) {
    pthread_mutex_lock(mutex)
    body()
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }
}

/// Starts a detached thread with a small stack.
func startThread(_ body: @escaping @Sendable () -> Void) {
  final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
  pthread_attr_setstacksize(&attributes, 256 * 1024)
  var thread = pthread_t()
  let box = Unmanaged.passRetained(Box(body))
  let result = pthread_create(
    &thread, &attributes,
    { argument in
      guard let argument else { return nil }
      Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
      return nil
    }, box.toOpaque())
  precondition(result == 0, "the system has no thread left")
  pthread_attr_destroy(&attributes)
}
