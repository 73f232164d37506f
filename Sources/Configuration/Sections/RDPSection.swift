/// `[rdp]`: remote desktops.
public struct RDPSection: ServiceSection {
  public enum Security: String, ConfigurationChoice {
    case nla, tls
  }

  public enum SessionKind: String, ConfigurationChoice {
    case console, x11, shadow
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
      details: "`\"nla\"`: log in by CredSSP. `\"tls\"`: log in on the screen, inside TLS.", example: "\"nla\"")
    keys.key(
      "session", \.session, .choice, "What a client sees.",
      details:
        "`\"console\"`: the console of this server. `\"x11\"`: an X session of its own. `\"shadow\"`: the display "
        + "that is there.", example: "\"console\"")
  }
}
