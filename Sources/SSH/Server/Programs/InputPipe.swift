import Synchronization
import Transport

/// The way into a program: writes without blocking, and remembers how far an input got.
final class InputPipe: Sendable {
  private struct State {
    var file: OpenFile?
    /// Bytes of the present input that were written already.
    var written = 0
  }

  private let state: Mutex<State>
  private let watch: DescriptorWatch

  init(_ file: OpenFile, _ watch: DescriptorWatch) {
    state = Mutex(State(file: file))
    self.watch = watch
  }

  /// Writes the rest of this input as far as it goes. Returns whether it is done with: written, or read by nobody.
  func write(_ bytes: [UInt8]) -> Bool {
    state.withLock { state in
      guard let file = state.file else {
        state.written = 0
        return true
      }
      guard let count = writeDescriptor(file.descriptor, bytes[state.written...]) else {
        state.file = nil
        state.written = 0
        return true
      }
      state.written += count
      guard state.written == bytes.count else { return false }
      state.written = 0
      return true
    }
  }

  /// Writes all of it, in its own time.
  func writeAll(_ bytes: [UInt8]) async {
    while !write(bytes) {
      guard let file = state.withLock({ $0.file }), !Task.isCancelled else { return }
      await watch.wait(for: file.descriptor, .writable)
    }
  }

  func close() {
    guard
      let file = state.withLock({ state in
        defer { state.file = nil }
        return state.file
      })
    else { return }
    watch.wake(file.descriptor)
  }
}
