import Services
import SSHCore
import Transport

/// How an SSH server behaves.
public struct SSHServerConfiguration: Sendable {
  public var session: ServerSessionConfiguration
  public var listener: StreamListenerConfiguration
  /// What an account may do in its connections; `nil` when it may not have one.
  public var grant: @Sendable (AccountIdentity) -> Grant?

  public init(
    session: ServerSessionConfiguration, listener: StreamListenerConfiguration = .init(service: .ssh),
    grant: @escaping @Sendable (AccountIdentity) -> Grant? = SSHServerConfiguration.grantByPermissions
  ) {
    self.session = session
    self.listener = listener
    self.grant = grant
  }

  /// `ssh:connect` permits connections from here, `ssh:listen` listeners here, `ssh:agent` the client's agent,
  /// `ssh:x11` its display; the options of the key take away.
  public static let grantByPermissions: @Sendable (AccountIdentity) -> Grant? = { identity in
    var grant = Grant(
      account: identity.name, allowsConnecting: identity.permits("ssh:connect"),
      allowsListening: identity.permits("ssh:listen"), allowsAgent: identity.permits("ssh:agent"),
      allowsLocalSockets: identity.permits("shell"))
    grant.allowsDisplay = identity.permits("ssh:x11")
    guard let restrictions = KeyRestrictions(identity.keyOptions ?? "") else { return nil }
    grant.restrict(by: restrictions)
    return grant
  }
}
