import WireKit

/// The register of who is connected, over all workers: `portside session list|end`.
public protocol SessionRegister: Sendable {
  /// Enters a session. `end` is called, once, when an administrator ends it. Returns at once.
  func open(_ session: SessionRecord, end: @escaping @Sendable () -> Void)
  /// Changes what is known of it, such as the account after log-in.
  func update(_ id: SessionID, account: String)
  /// Takes it out.
  func close(_ id: SessionID)
}

/// A session's number, unique over all workers and restarts of this server.
public struct SessionID: Hashable, Sendable, Codable, CustomStringConvertible {
  public let number: UInt64
  public init(_ number: UInt64) { self.number = number }
  /// Thirteen characters of base 32 at most: short enough to type.
  public var description: String { String(number, radix: 32) }
  public init?(_ text: String) {
    guard let number = UInt64(text, radix: 32) else { return nil }
    self.number = number
  }
}

/// One connection or session.
public struct SessionRecord: Hashable, Sendable, Codable {
  public var id: SessionID
  public var service: ServiceName
  public var peer: Endpoint
  public var local: Endpoint
  public var account: String?
  public var since: WallTime
  /// `TLSv1.3` or the like; `nil` for plain text.
  public var encryption: String?

  public init(
    id: SessionID, service: ServiceName, peer: Endpoint, local: Endpoint, account: String? = nil, since: WallTime,
    encryption: String? = nil
  ) {
    self.id = id
    self.service = service
    self.peer = peer
    self.local = local
    self.account = account
    self.since = since
    self.encryption = encryption
  }
}
