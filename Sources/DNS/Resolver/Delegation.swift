import DNSCore
import Synchronization
import WireKit

/// A zone cut: who serves what lies below it.
struct Delegation: Sendable {
  var zone: Name
  var servers: [Name]
  /// Addresses that came with it, for names at or below the zone only: others would be hearsay.
  var addresses: [Endpoint]
  var expires: MonotonicTime
}

/// The zone cuts that are known.
final class DelegationCache: Sendable {
  private static let maximum = 50_000

  private let entries = Mutex<[Name: Delegation]>([:])

  func store(_ delegation: Delegation) {
    entries.withLock { entries in
      if entries.count >= Self.maximum { entries.removeAll(keepingCapacity: true) }
      entries[delegation.zone] = delegation
    }
  }

  func remove(_ zone: Name) { entries.withLock { $0[zone] = nil } }

  /// The deepest cut that is known above (or at) a name.
  func closest(to name: Name, now: MonotonicTime) -> Delegation? {
    entries.withLock { entries in
      var candidate: Name? = name
      while let zone = candidate {
        if let delegation = entries[zone], delegation.expires > now { return delegation }
        candidate = zone.parent
      }
      return nil
    }
  }

  func removeAll() { entries.withLock { $0 = [:] } }
}
