import DNSSecurity
import Synchronization
import WireKit

/// What one client's question may still cost, over everything that it leads to.
final class Budget: Sendable {
  private let questions: Atomic<Int>
  private let deadline: MonotonicTime
  private let work = Mutex(VerificationBudget())

  init(_ limits: ResolverConfiguration.Limits, now: MonotonicTime) {
    questions = Atomic(limits.questions)
    deadline = now + limits.whole
  }

  /// Takes one question to another server out of it.
  func spend(now: MonotonicTime) throws(ResolutionError) {
    guard now < deadline else { throw .tooLate }
    guard questions.subtract(1, ordering: .relaxed).newValue >= 0 else { throw .tooExpensive }
  }

  /// Checks signatures, within what is left for that.
  func verify<Value>(
    _ body: (inout VerificationBudget) throws(SecurityFailure) -> Value
  ) throws(SecurityFailure) -> Value {
    var taken = work.withLock { $0 }
    let before = taken
    defer { give(before, taken) }
    return try body(&taken)
  }

  /// Looks at proofs, within what is left for hashing names.
  func hash<Value>(_ body: (inout VerificationBudget) -> Value) -> Value {
    var taken = work.withLock { $0 }
    let before = taken
    defer { give(before, taken) }
    return body(&taken)
  }

  /// Enters what was used; others may have used some of it meanwhile.
  private func give(_ before: VerificationBudget, _ after: VerificationBudget) {
    work.withLock { work in
      work.signatures -= before.signatures - after.signatures
      work.failures -= before.failures - after.failures
      work.hashes -= before.hashes - after.hashes
    }
  }
}
