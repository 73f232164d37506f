/// An SSH public key that may log in, as in a line of OpenSSH's `authorized_keys`.
public struct AuthorizedKey: Sendable, Hashable, Codable {
  /// Given by the store; unique over all accounts.
  public var id: Int64
  /// The key in SSH wire form (RFC 4253 §6.6).
  public var blob: [UInt8]
  /// The options in front of the key (`from="10.0.0.0/8",restrict`); may be empty.
  public var options: String
  public var comment: String
  public var created: WallTime
  public var lastUsed: WallTime?

  public init(
    id: Int64 = 0, blob: [UInt8], options: String = "", comment: String = "", created: WallTime,
    lastUsed: WallTime? = nil
  ) {
    self.id = id
    self.blob = blob
    self.options = options
    self.comment = comment
    self.created = created
    self.lastUsed = lastUsed
  }
}
