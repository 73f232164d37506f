import RDPCore
import Synchronization

/// Shows a text, and ends with the first key.
public final class TextConsole: ConsoleProgram {
  private struct State {
    var text: [UInt8]?
    var hasEnded = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let state: Mutex<State>

  public init(_ text: String) {
    state = Mutex(State(text: Array("\(text)\r\n\r\nPress a key to leave.\r\n".utf8)))
  }

  public func input(_ bytes: [UInt8]) async { close() }

  public func availableOutput(maximum: Int) -> ConsoleOutput? {
    state.withLock { state in
      if let text = state.text {
        state.text = nil
        return .bytes(text)
      }
      return state.hasEnded ? .ended : nil
    }
  }

  public func output(maximum: Int) async -> ConsoleOutput {
    if let output = availableOutput(maximum: maximum) { return output }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let hasEnded = state.withLock { state in
          if !state.hasEnded { state.waiter = continuation }
          return state.hasEnded
        }
        if hasEnded { continuation.resume() }
      }
    } onCancel: {
      close()
    }
    return .ended
  }

  public func resize(columns: Int, rows: Int) {}

  public func close() {
    let waiter = state.withLock { state in
      state.hasEnded = true
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }
}
