import Glibc
import Synchronization
import SystemShims

/// Waits for descriptors to become ready, all on one thread: pipes, terminals, sockets, processes.
///
/// For programs behind channels, whose reads and writes succeed at once most of the time. A descriptor is waited for by one
/// at a time.
public final class DescriptorWatch: Sendable {
  enum Readiness: Sendable {
    case readable, writable
  }

  private struct Waiter {
    var descriptor: Int32
    var continuation: CheckedContinuation<Void, Never>
  }

  private struct State {
    var waiters: [UInt64: Waiter] = [:]
    var next: UInt64 = 1
  }

  private let poller: Int32
  private let state = Mutex(State())

  public init() {
    poller = portside_poller_open()
    precondition(poller >= 0, "no epoll descriptor is to be had")
    var thread = pthread_t()
    let context = Unmanaged.passRetained(self).toOpaque()
    pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<DescriptorWatch>.fromOpaque(context).takeUnretainedValue().run()
        return nil
      }, context)
    pthread_detach(thread)
  }

  /// Returns when the descriptor is ready, or broken, or the task is cancelled, or the descriptor is closed by `wake`.
  func wait(for descriptor: Int32, _ readiness: Readiness) async {
    let number = state.withLock { state in
      defer { state.next += 1 }
      return state.next
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        state.withLock { $0.waiters[number] = Waiter(descriptor: descriptor, continuation: continuation) }
        let result = portside_poller_once(poller, descriptor, readiness == .writable ? 1 : 0, number)
        if result < 0 || Task.isCancelled { finish(number) }
      }
    } onCancel: {
      finish(number)
    }
  }

  /// Ends the waits for a descriptor that is about to be closed.
  func wake(_ descriptor: Int32) {
    let numbers = state.withLock { state in
      state.waiters.filter { $0.value.descriptor == descriptor }.map(\.key)
    }
    for number in numbers { finish(number) }
  }

  private func finish(_ number: UInt64) {
    state.withLock { $0.waiters.removeValue(forKey: number) }?.continuation.resume()
  }

  private func run() {
    var numbers = [UInt64](repeating: 0, count: 64)
    while true {
      let count = portside_poller_wait(poller, &numbers, Int32(numbers.count))
      for index in 0..<max(0, Int(count)) { finish(numbers[index]) }
    }
  }
}
