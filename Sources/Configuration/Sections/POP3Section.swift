import WireKit

/// `[pop3]`: mailboxes for programs that fetch.
public struct POP3Section: PlaintextSection {
  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(110)
  public var tlsPort = ListenPort.number(995)
  public var idleTimeout = Duration.seconds(600)
  public var loginDelay = Duration.zero
  public var expireAfterDays = -1
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
    keys.key(
      "login_delay", \.loginDelay, .duration(.zero ... .seconds(86400)),
      "How long an account waits between two log-ins; 0 for not at all.",
      details: "For programs that look too often: told as LOGIN-DELAY (RFC 2449 §6.5).", example: "\"0s\"")
    keys.key(
      "expire_after_days", \.expireAfterDays, .integer(-1...3650),
      "Days after which messages that were fetched are deleted at the end of a session; -1: never.",
      details: "Told as EXPIRE (RFC 2449 §6.7); with 0 they go as soon as they were fetched.", example: "-1")
    keys.plaintext()
  }

  public func problems() -> [Problem] { plaintextProblems() }
}
