import WireKit

/// Which audit records are wanted; what is `nil` does not narrow it.
public struct AuditFilter: Sendable, Hashable, Codable {
  /// The account, as actor or as subject.
  public var account: String?
  public var service: ServiceName?
  /// The peer's address, without the port.
  public var peer: IPAddress?
  public var since: WallTime?
  public var until: WallTime?

  public init(
    account: String? = nil, service: ServiceName? = nil, peer: IPAddress? = nil, since: WallTime? = nil,
    until: WallTime? = nil
  ) {
    self.account = account
    self.service = service
    self.peer = peer
    self.since = since
    self.until = until
  }
}

/// Where a page of audit records starts, and which way it goes.
public enum AuditPosition: Sendable, Hashable, Codable {
  /// Oldest first, from the record that follows this sequence number.
  case after(Int64)
  /// Newest first, from the record before this sequence number; from the newest of all for `nil`.
  case before(Int64?)
}

/// Where audit records are kept. They are added and read, never changed and never removed.
public protocol AuditStore: Sendable {
  /// Adds the records, all of them or none. `.conflict` when the first does not follow the head: somebody else has added
  /// meanwhile.
  func append(_ records: [AuditRecord]) async throws(StoreError)
  /// The end of the chain; `.empty` when there is no record.
  func head() async throws(StoreError) -> AuditHead
  /// At most `limit` records. `.corrupt` when one can't be read.
  func page(_ filter: AuditFilter, from position: AuditPosition, limit: Int) async throws(StoreError) -> [AuditRecord]
}
