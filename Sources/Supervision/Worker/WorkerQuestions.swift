import Synchronization

/// The questions of a worker that its supervisor has not answered yet.
final class WorkerQuestions: Sendable {
  private struct Waiting {
    var continuation: CheckedContinuation<[UInt8]?, Never>
    var parts: [UInt8] = []
  }

  private struct State {
    var last: UInt32 = 0
    var waiting: [UInt32: Waiting] = [:]
  }

  private let state = Mutex(State())

  /// The number under which a question is asked.
  func add(_ continuation: CheckedContinuation<[UInt8]?, Never>) -> UInt32 {
    state.withLock { state in
      state.last &+= 1
      state.waiting[state.last] = Waiting(continuation: continuation)
      return state.last
    }
  }

  /// A part of an answer, or its end.
  func take(_ packet: ControlPacket) {
    let (asker, answer) = state.withLock { state -> (CheckedContinuation<[UInt8]?, Never>?, [UInt8]) in
      guard var waiting = state.waiting[packet.generation] else { return (nil, []) }
      waiting.parts += packet.body
      if packet.kind == .answerPart {
        state.waiting[packet.generation] = waiting
        return (nil, [])
      }
      state.waiting[packet.generation] = nil
      return (waiting.continuation, waiting.parts)
    }
    asker?.resume(returning: answer)
  }

  /// Nobody waits any longer.
  func giveUp(_ number: UInt32) {
    state.withLock { $0.waiting.removeValue(forKey: number) }?.continuation.resume(returning: nil)
  }
}
