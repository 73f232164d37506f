import WireKit

/// `[smtp]`: mail in and out.
public struct SMTPSection: PlaintextSection {
  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(25)
  public var submissionPort = ListenPort.number(587)
  public var submissionsPort = ListenPort.number(465)
  public var domains: [HostName] = []
  public var maxSize = ByteSize(bytes: 35_000_000)
  public var maxRecipients = 100
  public var queueFor = Duration.seconds(5 * 86400)
  public var relay = SMTPRelay()
  public var plaintext = false
  public var plaintextNetworks: [IPNetwork] = []

  public init() {}

  public static let ports = [
    ServicePort<SMTPSection>(service: .smtp, key: "port", place: \.port, transports: [.tcp], tls: .starttls),
    ServicePort<SMTPSection>(
      service: .submission, key: "submission_port", place: \.submissionPort, transports: [.tcp], tls: .starttls),
    ServicePort<SMTPSection>(
      service: .submissions, key: "submissions_port", place: \.submissionsPort, transports: [.tcp], tls: .implicit),
  ]

  public static let schema = Schema(SMTPSection(), "Mail in and out.") { keys in
    keys.service("SMTP")
    keys.port("port", "The port for other mail servers.")
    keys.port("submission_port", "The port for people, with STARTTLS; it demands log-in.")
    keys.port("submissions_port", "The port for people, inside TLS (RFC 8314); it demands log-in.")
    keys.key(
      "domains", \.domains, .list(.text()), "The domains that have their mailboxes here.", example: "[\"acme.example\"]"
    )
    keys.key(
      "max_size", \.maxSize, .size(ByteSize(bytes: 64000)...ByteSize(bytes: 1_000_000_000)), "The largest message.",
      details: "64 kB is the least that RFC 5321 §4.5.3.1.7 allows.", example: "\"35MB\"")
    keys.key(
      "max_recipients", \.maxRecipients, .integer(100...100_000), "The most recipients of one message.",
      details: "100 is the least that RFC 5321 §4.5.3.1.8 allows.", example: "100")
    keys.key(
      "queue_for", \.queueFor, .duration(.seconds(3600) ... .seconds(30 * 86400)),
      "How long delivery is tried before the message goes back.", details: "RFC 5321 §4.5.4.1 advises 4 to 5 days.",
      example: "\"5d\"")
    keys.key("relay", \.relay, .record(), "How mail leaves, and who may send without log-in.", example: "{}")
    keys.plaintext()
  }

  public func problems() -> [Problem] { plaintextProblems() }
}
