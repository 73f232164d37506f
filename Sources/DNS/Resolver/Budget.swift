import Synchronization
import WireKit

/// What one client's question may still cost, over everything that it leads to.
final class Budget: Sendable {
  private let questions: Atomic<Int>
  private let deadline: MonotonicTime

  init(_ limits: ResolverConfiguration.Limits, now: MonotonicTime) {
    questions = Atomic(limits.questions)
    deadline = now + limits.whole
  }

  /// Takes one question to another server out of it.
  func spend(now: MonotonicTime) throws(ResolutionError) {
    guard now < deadline else { throw .tooLate }
    guard questions.subtract(1, ordering: .relaxed).newValue >= 0 else { throw .tooExpensive }
  }
}
