import WireKit

/// `[smtp]`: mail in and out.
public struct SMTPSection: PlaintextSection {
  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(25)
  public var submissionPort = ListenPort.number(587)
  public var submissionsPort = ListenPort.number(465)
  public var lmtpPort = ListenPort.off
  public var domains: [HostName] = []
  public var maxSize = ByteSize(bytes: 35_000_000)
  public var maxRecipients = 100
  public var queueFor = Duration.seconds(5 * 86400)
  public var relay = SMTPRelay()
  public var publish = SMTPPublishing()
  public var aliases: [MailAddress: [MailAddress]] = [:]
  public var catchAll: [HostName: MailAddress] = [:]
  public var blockLists: [HostName] = []
  public var greylist: Duration?
  public var milters: [PlainText] = []
  public var milterFailure = MilterFailure.tempfail
  public var trustedForwarders: [HostName] = []
  public var faults: [PlainText] = []
  public var plaintext = false
  public var plaintextNetworks: [IPNetwork] = []

  /// What becomes of a message where a milter does not answer.
  public enum MilterFailure: String, ConfigurationChoice {
    case tempfail, accept
  }

  public init() {}

  public static let ports = [
    ServicePort<SMTPSection>(service: .smtp, key: "port", place: \.port, transports: [.tcp], tls: .starttls),
    ServicePort<SMTPSection>(
      service: .submission, key: "submission_port", place: \.submissionPort, transports: [.tcp], tls: .starttls),
    ServicePort<SMTPSection>(
      service: .submissions, key: "submissions_port", place: \.submissionsPort, transports: [.tcp], tls: .implicit),
    ServicePort<SMTPSection>(service: .lmtp, key: "lmtp_port", place: \.lmtpPort, transports: [.tcp], tls: .starttls),
  ]

  public static let schema = Schema(SMTPSection(), "Mail in and out.") { keys in
    keys.service("SMTP")
    keys.port("port", "The port for other mail servers.")
    keys.port("submission_port", "The port for people, with STARTTLS; it demands log-in.")
    keys.port("submissions_port", "The port for people, inside TLS (RFC 8314); it demands log-in.")
    keys.port(
      "lmtp_port", "The port for mail that another server of ours has taken already (LMTP, RFC 2033).",
      details: "Only for loopback and the machines of `relay.allow`; nothing is checked again.")
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
    keys.key("publish", \.publish, .record(), "What is published about the mail domains.", example: "{}")
    keys.key(
      "aliases", \.aliases, .map(MailAddress.self, .list(.text())),
      "Addresses that lead to others, here or elsewhere.",
      details: "An account's own further addresses are set at the account.",
      example: "{ \"sales@acme.example\" = [\"ann@acme.example\", \"bob@acme.example\"] }")
    keys.key(
      "catch_all", \.catchAll, .map(HostName.self, .text()), "Who gets what comes for nobody, by domain.",
      example: "{ \"acme.example\" = \"ann@acme.example\" }")
    keys.key(
      "block_lists", \.blockLists, .list(.text()), "Lists of unwelcome sources in DNS (RFC 5782).",
      example: "[\"zen.spamhaus.org\"]")
    keys.key(
      "greylist", \.greylist, Codec<Duration>.duration(.seconds(10) ... .seconds(3600)).optional(),
      "How long an unknown sender must wait before its second attempt is taken; absent: nobody waits.",
      example: "\"5m\"")
    keys.key(
      "milters", \.milters, .list(.text(), count: 0...8),
      "Filters that see every message before it is taken, such as rspamd; each sees what those before it changed.",
      details: "`inet:ADDRESS:PORT` or `unix:/PATH`. Not for what comes by LMTP.", example: "[\"inet:127.0.0.1:11332\"]"
    )
    keys.key(
      "milter_failure", \.milterFailure, .choice, "What becomes of a message where a milter does not answer.",
      details: "`\"tempfail\"`: its sender shall try again later. `\"accept\"`: it passes.", example: "\"tempfail\"")
    keys.key(
      "trusted_forwarders", \.trustedForwarders, .list(.text()),
      "Domains whose seals (ARC) count where a message fails DMARC: mailing lists and forwarders.",
      example: "[\"lists.example\"]")
    keys.key(
      "faults", \.faults, .list(.text()), "Answers that are forced, for laboratories; has no effect elsewhere.",
      details: "`\"rcpt=451\"`: that code to each RCPT; also `mail` and `data`. The code 0 is silence.",
      example: "[\"rcpt=451\"]")
    keys.plaintext()
  }

  public func problems() -> [Problem] { plaintextProblems() }
}
