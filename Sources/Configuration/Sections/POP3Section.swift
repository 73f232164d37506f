import WireKit

/// `[pop3]`: mailboxes for programs that fetch.
public struct POP3Section: PlaintextSection {
  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(110)
  public var tlsPort = ListenPort.number(995)
  public var idleTimeout = Duration.seconds(600)
  public var plaintext = false
  public var plaintextNetworks: [IPNetwork] = []

  public init() {}

  public static let ports = [
    ServicePort<POP3Section>(service: .pop3, key: "port", place: \.port, transports: [.tcp], tls: .starttls),
    ServicePort<POP3Section>(service: .pop3s, key: "tls_port", place: \.tlsPort, transports: [.tcp], tls: .implicit),
  ]

  public static let schema = Schema(POP3Section(), "Mailboxes for programs that fetch.") { keys in
    keys.service("POP3")
    keys.port("port", "The port with STLS (RFC 2595).")
    keys.port("tls_port", "The port inside TLS.")
    keys.key(
      "idle_timeout", \.idleTimeout, .duration(.seconds(600) ... .seconds(86400)),
      "How long a session may be silent.", details: "10 minutes are the least (RFC 1939 §3).", example: "\"10m\"")
    keys.plaintext()
  }

  public func problems() -> [Problem] { plaintextProblems() }
}
