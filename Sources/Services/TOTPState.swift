/// The second factor of an account (RFC 6238).
public struct TOTPState: Sendable, Hashable {
  /// The shared secret, sealed with the server's key.
  public var sealedSecret: Secret
  /// Whether a first code has shown that the person's device has the secret; until then it is not asked for.
  public var isConfirmed: Bool
  /// The last time step whose code was used: no code of it or of an earlier one is taken again (RFC 6238 §5.2).
  public var lastStep: Int64

  public init(sealedSecret: Secret, isConfirmed: Bool = false, lastStep: Int64 = -1) {
    self.sealedSecret = sealedSecret
    self.isConfirmed = isConfirmed
    self.lastStep = lastStep
  }
}
