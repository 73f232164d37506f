import Synchronization

/// Lets one task sleep until a time has passed, or until somebody wakes it.
final class Alarm: Sendable {
  private struct State {
    var isRung = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  /// Wakes the sleeper; one that does not sleep yet won't.
  func ring() {
    let waiter = state.withLock { state in
      defer { state.waiter = nil }
      if state.waiter == nil { state.isRung = true }
      return state.waiter
    }
    waiter?.resume()
  }

  /// Returns when the time has passed, the alarm rang, or the task is cancelled.
  func wait(for duration: Duration) async {
    let timer = Task {
      try? await Task.sleep(for: duration)
      if !Task.isCancelled { ring() }
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isRung = state.withLock { state in
          if state.isRung {
            state.isRung = false
            return true
          }
          state.waiter = continuation
          return false
        }
        if isRung { continuation.resume() }
      }
    } onCancel: {
      ring()
    }
    timer.cancel()
  }
}
