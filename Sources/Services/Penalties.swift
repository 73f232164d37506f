import WireKit

/// What a peer did wrong; each has a cost that the configuration sets. After OpenSSH's `PerSourcePenalties`, for all
/// protocols at once.
public enum Misbehaviour: String, Sendable, Hashable, Codable, CaseIterable {
  /// A log-in with a known name failed.
  case authfail
  /// A log-in with an unknown name failed.
  case invaliduser
  /// Connected and left without an attempt to log in, where one was due.
  case noauth
  /// Held a connection until the time to log in was over.
  case graceExceeded = "grace-exceeded"
  /// Made a worker crash.
  case crash
}

/// The penalties in force, as an accept loop sees them. The look-up is synchronous and local, for every new connection.
public protocol PenaltyBook: Sendable {
  /// How long this source must still wait; `nil` when it is welcome.
  func penalty(for source: IPAddress, now: MonotonicTime) -> Duration?
  /// Reports what a source did. Returns at once; the decision is made elsewhere.
  func report(_ misbehaviour: Misbehaviour, by source: IPAddress, service: ServiceName)
}
