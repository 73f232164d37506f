import HTTPCore
import Services
import Synchronization
import WireKit

/// A write lock on a resource, or on a collection with all below (RFC 4918 §6).
struct DAVLock: Sendable {
  var token: String
  var place: DAVPlace
  var isInfinite: Bool
  var isExclusive: Bool
  /// The account that took it: nobody else can use its token.
  var account: String
  var owner: XMLElement?
  var seconds: Int
  var end: MonotonicTime

  /// Whether it protects what stands at a place.
  func covers(_ other: DAVPlace) -> Bool { place == other || isInfinite && other.isBelow(place) }
}

/// A file's place among all that are served: in whose tree, and where in it.
struct DAVPlace: Sendable, Hashable {
  /// The account, or what several share.
  var scope: String
  var path: FilePath

  func isBelow(_ other: DAVPlace) -> Bool {
    scope == other.scope && path.names.count > other.path.names.count && path.names.starts(with: other.path.names)
  }

  var parent: DAVPlace { DAVPlace(scope: scope, path: path.parent) }
}

/// The locks of all files that are served. In memory: a restart frees everything, which clients must expect (§6.6).
final class LockTable: Sendable {
  static let maximumLocks = 10_000
  static let maximumLocksOfAccount = 1_000
  static let longest = 3600

  private struct State {
    var locks: [String: DAVLock] = [:]
    /// In the order of their ends, as far as that was looked at.
    var looked = MonotonicTime(nanoseconds: 0)
  }

  private let state = Mutex(State())
  private let clock: any Clock

  init(clock: any Clock) { self.clock = clock }

  /// Locks that protect a place.
  func locks(at place: DAVPlace) -> [DAVLock] {
    read { $0.filter { $0.covers(place) }.sorted { $0.token < $1.token } }
  }

  /// Locks on a place, above it, and below it: all that a change of a whole tree meets.
  func locks(around place: DAVPlace) -> [DAVLock] {
    read { $0.filter { $0.covers(place) || $0.place.isBelow(place) } }
  }

  /// Takes a lock; `nil` when another is in the way, or there are too many.
  func take(
    _ place: DAVPlace, isInfinite: Bool, _ request: LockRequest, account: String, seconds: Int
  ) -> DAVLock? {
    let now = clock.now()
    return state.withLock { state in
      Self.expire(&state, now)
      let present = state.locks.values
      guard present.count < Self.maximumLocks,
        present.count(where: { $0.account == account }) < Self.maximumLocksOfAccount
      else { return nil }
      let inTheWay = present.contains { other in
        (other.covers(place) || isInfinite && other.place.isBelow(place)) && (request.isExclusive || other.isExclusive)
      }
      guard !inTheWay else { return nil }
      let lock = DAVLock(
        token: Self.token(), place: place, isInfinite: isInfinite, isExclusive: request.isExclusive, account: account,
        owner: request.owner, seconds: seconds, end: now + .seconds(seconds))
      state.locks[lock.token] = lock
      return lock
    }
  }

  /// Begins its time anew; `nil` when there is no such lock of this account on the place.
  func refresh(_ token: String, at place: DAVPlace, account: String, seconds: Int) -> DAVLock? {
    let now = clock.now()
    return state.withLock { state in
      Self.expire(&state, now)
      guard var lock = state.locks[token], lock.account == account, lock.covers(place) else { return nil }
      lock.seconds = seconds
      lock.end = now + .seconds(seconds)
      state.locks[token] = lock
      return lock
    }
  }

  /// Gives it back; whether there was such a lock of this account on the place.
  func release(_ token: String, at place: DAVPlace, account: String) -> Bool {
    state.withLock { state in
      guard let lock = state.locks[token], lock.account == account, lock.covers(place) else { return false }
      state.locks[token] = nil
      return true
    }
  }

  /// What was there is gone, and its locks with it.
  func forget(_ place: DAVPlace) {
    state.withLock { state in
      state.locks = state.locks.filter { $0.value.place != place && !$0.value.place.isBelow(place) }
    }
  }

  private func read<Value>(_ body: ([DAVLock]) -> Value) -> Value {
    let now = clock.now()
    return state.withLock { state in
      Self.expire(&state, now)
      return body(Array(state.locks.values))
    }
  }

  private static func expire(_ state: inout State, _ now: MonotonicTime) {
    if state.locks.isEmpty { return }
    state.locks = state.locks.filter { $0.value.end > now }
  }

  /// `urn:uuid:` and 122 random bits (RFC 9562 §5.4).
  private static func token() -> String {
    var high = UInt64.random(in: .min ... .max)
    var low = UInt64.random(in: .min ... .max)
    high = high & ~0xF000 | 0x4000
    low = low & ~(0xC000 << 48) | 0x8000 << 48
    func text(_ number: UInt64) -> String {
      let digits = String(number, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    let all = Array(text(high) + text(low))
    let parts = [all[0..<8], all[8..<12], all[12..<16], all[16..<20], all[20..<32]]
    return "urn:uuid:" + parts.map { String($0) }.joined(separator: "-")
  }
}
