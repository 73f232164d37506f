import Services

/// Who is to know of leases once they are on disk: what enters names into DNS.
public protocol LeaseObserver: Sendable {
  /// Leases that were bound, extended, given back or declined, all of one commit. Their replies leave when this returns.
  func changed(_ leases: [LeaseRecord]) async
}

/// Nobody.
public struct NoLeaseObserver: LeaseObserver {
  public init() {}
  public func changed(_ leases: [LeaseRecord]) async {}
}
