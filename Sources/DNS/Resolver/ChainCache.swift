import DNSCore
import DNSSecurity
import Synchronization
import WireKit

/// What is known of a name as a place where a signed zone may begin.
enum CutState: Sendable {
  /// A zone with these keys.
  case zone([ZoneKey])
  /// What begins here, or lies below, is not signed.
  case insecure
  /// No zone begins here.
  case none
  /// Nothing exists here, nor below.
  case nothing
}

/// The links of chains of trust that have been checked, each until its records end.
final class ChainCache: Sendable {
  private static let maximum = 20_000

  private struct Entry {
    var state: Result<CutState, SecurityFailure>
    var expires: MonotonicTime
  }

  private let entries = Mutex<[Name: Entry]>([:])
  private let underWay = Mutex<[Name: Task<CutState, any Error>]>([:])

  func removeAll() { entries.withLock { $0 = [:] } }

  /// What is known of a name, or found out by `find`, once for all who want to know.
  func state(
    of name: Name, now: MonotonicTime, find: @escaping @Sendable () async throws -> (CutState, expires: MonotonicTime)
  ) async throws -> CutState {
    if let entry = entries.withLock({ $0[name] }), entry.expires > now { return try entry.state.get() }
    let task = underWay.withLock { underWay -> Task<CutState, any Error> in
      if let task = underWay[name] { return task }
      let task = Task { [self] in
        defer { self.underWay.withLock { $0[name] = nil } }
        do {
          let (state, expires) = try await find()
          store(Entry(state: .success(state), expires: expires), of: name)
          return state
        } catch let failure as SecurityFailure {
          // For a short while, so that a broken zone is not asked for at each question (RFC 4035 §4.7).
          store(Entry(state: .failure(failure), expires: now + .seconds(30)), of: name)
          throw failure
        }
      }
      underWay[name] = task
      return task
    }
    return try await task.value
  }

  private func store(_ entry: Entry, of name: Name) {
    entries.withLock { entries in
      if entries.count >= Self.maximum { entries.removeAll(keepingCapacity: true) }
      entries[name] = entry
    }
  }
}
