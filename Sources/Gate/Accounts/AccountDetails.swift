import Services

/// All that may be shown of an account: it has no secret in it.
public struct AccountDetails: Sendable, Hashable {
  public var account: Account
  public var hasPassword: Bool
  public var passwordChanged: WallTime?
  public var keys: [AuthorizedKey]
  /// Their hashes are empty here.
  public var appPasswords: [AppPassword]
  /// Whether a second factor is set up and confirmed.
  public var hasTOTP: Bool
  public var recoveryCodes: Int
}

/// What a person needs to set up an authenticator app; shown once.
public struct TOTPEnrolment: Sendable {
  /// Base 32, to be typed in.
  public var secret: Secret
  /// `otpauth://…`, for a QR code.
  public var uri: Secret
}
