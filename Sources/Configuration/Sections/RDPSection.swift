/// `[rdp]`: remote desktops.
public struct RDPSection: ServiceSection {
  public enum Security: String, ConfigurationChoice {
    case nla, tls, either
  }

  public enum SessionKind: String, ConfigurationChoice {
    case console, shell, x11, shadow
  }

  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(3389)
  public var security = Security.nla
  public var session = SessionKind.console

  public init() {}

  public static let ports = [
    ServicePort<RDPSection>(service: .rdp, key: "port", place: \.port, transports: [.tcp], tls: .starttls)
  ]

  public static let schema = Schema(RDPSection(), "Remote desktops.") { keys in
    keys.service("RDP")
    keys.port("port", "The port.")
    keys.key(
      "security", \.security, .choice, "What a client must do before it sees anything.",
      details:
        "`\"nla\"`: log in by CredSSP, with the account's own password for remote desktops (`account rdp-password`). "
        + "`\"tls\"`: log in on the screen, inside TLS. `\"either\"`: CredSSP where the client offers it.",
      example: "\"nla\"")
    keys.key(
      "session", \.session, .choice, "What a client sees.",
      details:
        "`\"console\"`: the console of this server. `\"shell\"`: a shell of the server's own user, for accounts with "
        + "the permission `shell`. `\"x11\"`: an X session of its own. `\"shadow\"`: the display that is there.",
      example: "\"console\"")
  }
}
