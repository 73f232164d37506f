import WireKit

/// `[imap]`: mailboxes.
public struct IMAPSection: PlaintextSection {
  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(143)
  public var tlsPort = ListenPort.number(993)
  public var idleTimeout = Duration.seconds(1800)
  public var messageLimit = 0
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
    keys.key(
      "message_limit", \.messageLimit, .integer(0...10_000_000),
      "Messages that one command may work on; 0: as many as there are.",
      details: "Told to clients as MESSAGELIMIT (RFC 9738), which wants 1000 at least.", example: "0")
    keys.plaintext()
  }

  public func problems() -> [Problem] {
    var problems = plaintextProblems()
    if (1..<1000).contains(messageLimit) {
      problems.append(Problem(ConfigurationPath("message_limit"), "is 0, or 1000 at least"))
    }
    return problems
  }
}
