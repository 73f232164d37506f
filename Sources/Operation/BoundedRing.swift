import Synchronization

/// A queue of a fixed size between those who produce and one who consumes: a full ring loses its oldest element, and
/// counts the loss. Producers never wait.
public final class BoundedRing<Element: Sendable>: Sendable {
  private struct State {
    var slots: [Element?]
    var start = 0
    var count = 0
    var lost: UInt64 = 0
  }

  private let state: Mutex<State>

  public init(capacity: Int) {
    precondition(capacity > 0, "a ring has at least one slot")
    state = Mutex(State(slots: Array(repeating: nil, count: capacity)))
  }

  /// Adds an element. Returns whether the ring was empty before: the moment to wake the consumer.
  @discardableResult
  public func append(_ element: Element) -> Bool {
    state.withLock { state in
      let capacity = state.slots.count
      if state.count == capacity {
        state.slots[state.start] = element
        state.start = (state.start + 1) % capacity
        state.lost += 1
        return false
      }
      state.slots[(state.start + state.count) % capacity] = element
      state.count += 1
      return state.count == 1
    }
  }

  /// Takes everything, oldest first, and how many were lost since the last call.
  public func takeAll() -> (elements: [Element], lost: UInt64) {
    state.withLock { state in
      let capacity = state.slots.count
      var elements: [Element] = []
      elements.reserveCapacity(state.count)
      for offset in 0..<state.count {
        let index = (state.start + offset) % capacity
        if let element = state.slots[index] { elements.append(element) }
        state.slots[index] = nil
      }
      defer {
        state.start = 0
        state.count = 0
        state.lost = 0
      }
      return (elements, state.lost)
    }
  }
}
