import Glibc
import Synchronization

/// Work for one thread that may block: what is added while it works waits, and is taken all at once.
final class WorkQueue<Element: Sendable>: Sendable {
  private struct State {
    var waiting: [Element] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  private let signal = Signal()

  /// False when the queue is closed: the element was not taken.
  func add(_ element: Element) -> Bool {
    let isTaken = state.withLock { state in
      if state.isClosed { return false }
      state.waiting.append(element)
      return true
    }
    if isTaken { signal.raise() }
    return isTaken
  }

  /// Puts elements before all that wait.
  func putBack(_ elements: [Element]) {
    if elements.isEmpty { return }
    state.withLock { $0.waiting.insert(contentsOf: elements, at: 0) }
    signal.raise()
  }

  /// Nothing more is taken; what waits is still handed out.
  func close() {
    state.withLock { $0.isClosed = true }
    signal.raise()
  }

  /// Waits for work, at most so long: empty after that. `nil` when the queue is closed and everything handed out.
  func next(_ maximum: Int, seconds: Int) -> [Element]? {
    var hasWaited = false
    while true {
      let (taken, isOver) = state.withLock { state -> ([Element], Bool) in
        if state.waiting.isEmpty { return ([], state.isClosed) }
        let taken = Array(state.waiting.prefix(maximum))
        state.waiting.removeFirst(taken.count)
        return (taken, false)
      }
      if isOver { return nil }
      if !taken.isEmpty || hasWaited { return taken }
      hasWaited = !signal.wait(seconds: seconds)
    }
  }
}

/// Wakes one waiting thread.
///
/// `@unchecked Sendable`: the memory is made once and used through the semaphore's own functions only, which any thread may call.
final class Signal: @unchecked Sendable {
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  init() { sem_init(semaphore, 0, 0) }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func raise() { sem_post(semaphore) }

  /// True when it was raised, false after so many seconds.
  func wait(seconds: Int) -> Bool {
    var end = timespec()
    clock_gettime(CLOCK_REALTIME, &end)
    end.tv_sec += seconds
    while sem_timedwait(semaphore, &end) != 0 {
      if errno != EINTR { return false }
    }
    return true
  }
}

/// Runs a function on a thread of its own, which ends when that returns.
func runOnThread(_ body: @escaping @Sendable () -> Void) {
  final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
  var thread = pthread_t()
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  defer { pthread_attr_destroy(&attributes) }
  pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
  let context = Unmanaged.passRetained(Body(body)).toOpaque()
  let result = pthread_create(
    &thread, &attributes,
    { context in
      guard let context else { return nil }
      Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
      return nil
    }, context)
  precondition(result == 0, "the system gives no thread")
}
