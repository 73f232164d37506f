import Services

/// Who speaks for SSH keys beside the accounts' own lists: authorities that sign certificates, and what was revoked.
public protocol KeyAuthority: Sendable {
  /// Whether this key or certificate (in SSH wire form) counts no more, whatever an account's list says.
  func isRevoked(_ blob: [UInt8]) -> Bool
  /// What a certificate says, if it is one for users by a trusted authority, in force at this time; `nil` otherwise.
  func certificate(_ blob: [UInt8], at time: WallTime) -> VouchedKey?
}

/// What an authority has said of a key.
public struct VouchedKey: Sendable, Hashable {
  /// The names that it is for.
  public var principals: [String]
  /// What binds it, in the form of `authorized_keys`.
  public var options: String
  /// For the audit trail.
  public var description: String

  public init(principals: [String], options: String, description: String) {
    self.principals = principals
    self.options = options
    self.description = description
  }
}
