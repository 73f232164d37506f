import WireKit

/// `[imap]`: mailboxes.
public struct IMAPSection: PlaintextSection {
  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(143)
  public var tlsPort = ListenPort.number(993)
  public var idleTimeout = Duration.seconds(1800)
  public var plaintext = false
  public var plaintextNetworks: [IPNetwork] = []

  public init() {}

  public static let ports = [
    ServicePort<IMAPSection>(service: .imap, key: "port", place: \.port, transports: [.tcp], tls: .starttls),
    ServicePort<IMAPSection>(service: .imaps, key: "tls_port", place: \.tlsPort, transports: [.tcp], tls: .implicit),
  ]

  public static let schema = Schema(IMAPSection(), "Mailboxes for mail programs.") { keys in
    keys.service("IMAP")
    keys.port("port", "The port with STARTTLS.")
    keys.port("tls_port", "The port inside TLS.")
    keys.key(
      "idle_timeout", \.idleTimeout, .duration(.seconds(1800) ... .seconds(86400)),
      "How long a session may be silent after log-in.", details: "30 minutes are the least (RFC 9051 §5.4).",
      example: "\"30m\"")
    keys.plaintext()
  }

  public func problems() -> [Problem] { plaintextProblems() }
}
