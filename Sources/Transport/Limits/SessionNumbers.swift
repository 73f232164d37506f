import Services
import Synchronization

/// Hands out session numbers: a random prefix of this process and a counter, so that they are unique over all workers
/// and restarts without asking anyone.
public final class SessionNumbers: Sendable {
  private let prefix = UInt64(UInt32.random(in: 1...UInt32.max >> 4)) << 32
  private let counter = Atomic<UInt64>(0)

  public init() {}

  public func next() -> SessionID {
    SessionID(prefix | counter.add(1, ordering: .relaxed).newValue & 0xFFFF_FFFF)
  }
}
