import MilterClient
import SASLCore
import SMTPCore
import Services
import WireKit

/// How a mail server behaves: plain data, replaced as a whole by a reload.
public struct SMTPServerConfiguration: Sendable {
  /// The way out for mail to other domains.
  public enum Route: Sendable {
    /// To each domain's own servers.
    case direct
    /// All of it to one server.
    case relay(Relay)
  }

  /// A server that takes all of what goes out.
  public struct Relay: Sendable {
    /// A name or an address.
    public var host: String
    public var port: UInt16
    public var security: ClientPlan.Security
    public var user: String?
    public var password: Secret?

    public init(host: String, port: UInt16, security: ClientPlan.Security, user: String? = nil, password: Secret? = nil)
    {
      self.host = host
      self.port = port
      self.security = security
      self.user = user
      self.password = password
    }
  }

  public var hostname: String
  /// Domains whose mailboxes are here, in lower case.
  public var domains: Set<String>
  public var limits: SMTPLimits
  /// Who may send to anyone from port 25, without log-in.
  public var relayNetworks: [IPNetwork] = []
  public var route = Route.direct
  /// The port of other domains' servers; another one in tests only.
  public var remotePort: UInt16 = 25
  /// Where people may log in without TLS, besides loopback; in force with `allowsPlaintext` alone.
  public var plaintextNetworks: [IPNetwork] = []
  public var allowsPlaintext = false
  /// How long delivery is tried.
  public var queueTime = Duration.seconds(5 * 86400)
  /// Where addresses lead that are nobody's own: an address to any number of others, here or elsewhere.
  public var aliases: [String: [String]] = [:]
  /// Who gets what comes for nobody, by domain.
  public var catchAll: [String: String] = [:]
  /// A laboratory: mail never leaves this machine, and some recipients play tricks (`LaboratoryRecipients`).
  public var isLaboratory = false
  /// Answers that are forced, by the command: `["rcpt": 451]`. For laboratories.
  public var faults: [String: Int] = [:]
  /// Lists of unwelcome sources in DNS, such as `zen.spamhaus.org` (RFC 5782).
  public var blockLists: [String] = []
  /// Filters of others that every message is shown to, in this order.
  public var milters: [MilterClient] = []
  /// Whether a message passes where a milter fails to answer.
  public var milterFailurePasses = false
  /// Domains whose ARC seals count where DMARC fails: mailing lists and forwarders.
  public var trustedSealers: Set<String> = []
  /// How long an unknown sender must wait before its second attempt is taken; `nil` for no greylisting.
  public var greylistTime: Duration?

  public init(hostname: String, domains: Set<String>, limits: SMTPLimits = SMTPLimits()) {
    self.hostname = hostname
    self.domains = domains
    self.limits = limits
  }

  /// Whether people at this address may log in without TLS (`security.md`: only on loopback, or in a named network).
  func allowsPlaintext(from address: IPAddress) -> Bool {
    allowsPlaintext && (address.isLoopback || plaintextNetworks.contains { $0.contains(address) })
  }

  func mayRelay(_ address: IPAddress) -> Bool { relayNetworks.contains { $0.contains(address) } }

  /// Whether this machine's mail was seen to before it came here: it may send anything, and speak LMTP.
  func isTrusted(_ address: IPAddress) -> Bool { address.isLoopback || mayRelay(address) }

  func isLocal(_ domain: String) -> Bool { domains.contains(domain.lowercased()) }
}

/// Recipients with which a laboratory tests its clients: `ann+550@…` is refused with that code, `timeout@…` never answered.
enum LaboratoryRecipients {
  enum Trick {
    case reply(SMTPReply)
    case silence
  }

  static func trick(for address: MailAddress) -> Trick? {
    if address.local.lowercased() == "timeout" { return .silence }
    guard let plus = address.local.lastIndex(of: "+"),
      let code = Int(address.local[address.local.index(after: plus)...]), (400..<600).contains(code)
    else { return nil }
    return .reply(reply(code))
  }

  static func reply(_ code: Int) -> SMTPReply {
    SMTPReply(code, "\(code / 100).0.0", "as asked for: this is a laboratory")
  }
}
