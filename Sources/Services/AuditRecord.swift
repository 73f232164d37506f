import WireKit

/// What the audit trail remembers: who did what to whom, from where, and what changed by it.
public struct AuditEntry: Sendable, Hashable, Codable {
  public var time: WallTime
  /// An account's name, or `uid 0` for somebody at the machine itself.
  public var actor: String
  /// Constant text: `account set`, `log-in refused`.
  public var action: String
  /// What it was done to: an account, a network, a session.
  public var subject: String?
  /// What it was before and after, as far as it is no secret; or other circumstances in `after`.
  public var before: String?
  public var after: String?
  public var session: SessionID?
  public var service: ServiceName?
  public var peer: Endpoint?

  public init(
    time: WallTime, actor: String, action: String, subject: String? = nil, before: String? = nil,
    after: String? = nil, session: SessionID? = nil, service: ServiceName? = nil, peer: Endpoint? = nil
  ) {
    self.time = time
    self.actor = actor
    self.action = action
    self.subject = subject
    self.before = before
    self.after = after
    self.session = session
    self.service = service
    self.peer = peer
  }
}

/// An entry at its place in the chain.
public struct AuditRecord: Sendable, Hashable, Codable {
  /// 1, 2, 3 …, without a gap.
  public var sequence: Int64
  public var entry: AuditEntry
  /// The hash of the record before; 32 zero bytes for the first.
  public var previousHash: [UInt8]
  /// SHA-256 over `previousHash`, the sequence and the entry.
  public var hash: [UInt8]

  public init(sequence: Int64, entry: AuditEntry, previousHash: [UInt8], hash: [UInt8]) {
    self.sequence = sequence
    self.entry = entry
    self.previousHash = previousHash
    self.hash = hash
  }
}

/// The end of the chain.
public struct AuditHead: Sendable, Hashable, Codable {
  public var sequence: Int64
  public var hash: [UInt8]

  public init(sequence: Int64, hash: [UInt8]) {
    self.sequence = sequence
    self.hash = hash
  }

  /// The head of a chain without records.
  public static let empty = AuditHead(sequence: 0, hash: [UInt8](repeating: 0, count: 32))
}
