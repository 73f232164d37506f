import WireKit

/// Everything that `portside serve` is told: the typed content of one configuration file and its overrides.
///
/// Plain data: it holds references to secrets, never secrets, so it may be shown, and sent to workers as JSON.
public struct PortsideConfiguration: ConfigurationRecord {
  public var server = ServerSection()
  /// Groups of addresses, by the names that `on` uses.
  public var listen: [ConfigurationName: [IPAddress]] = [:]
  public var tls = TLSSection()
  public var auth = AuthSection()
  /// What each role permits.
  public var roles: [ConfigurationName: [Permission]] = [:]
  public var limits = LimitsSection()
  public var log = LogSection()
  public var proxyProtocol = ProxyProtocolSection()
  public var metrics = MetricsSection()
  public var admin = AdminSection()
  public var dns = DNSSection()
  public var dhcp = DHCPSection()
  public var tftp = TFTPSection()
  public var smtp = SMTPSection()
  public var imap = IMAPSection()
  public var pop3 = POP3Section()
  public var sieve = SieveSection()
  public var http = HTTPSection()
  public var ssh = SSHSection()
  public var ftp = FTPSection()
  public var telnet = TelnetSection()
  public var rdp = RDPSection()

  public init() {}

  public static let schema = Schema(PortsideConfiguration(), "The configuration of Portside.") { keys in
    declareCommonSections(&keys)
    declareServices(&keys)
  }

  private static func declareCommonSections(_ keys: inout Schema<PortsideConfiguration>) {
    keys.key("server", \.server, .record(), ServerSection.schema.meaning, example: "{}")
    keys.key(
      "listen", \.listen, .map(ConfigurationName.self, .list(.text(), count: 1...64)),
      "Names for groups of addresses, used by `on`.",
      details: "`0.0.0.0` and `::` are all addresses of the machine.",
      example: "[\"192.168.10.2\", \"fd00:10::2\"]", exampleKey: "lan")
    keys.key("tls", \.tls, .record(), TLSSection.schema.meaning, example: "{}")
    keys.key("auth", \.auth, .record(), AuthSection.schema.meaning, example: "{}")
    keys.key(
      "roles", \.roles, .map(ConfigurationName.self, .list(.text())), "What each role permits.",
      details: "A permission grants what is below it: `files` grants `files:home`; `all` grants everything.",
      example: "[\"mail\", \"files:home\", \"rdp\", \"web:self\"]", exampleKey: "staff")
    keys.key("limits", \.limits, .record(), LimitsSection.schema.meaning, example: "{}")
    keys.key("log", \.log, .record(), LogSection.schema.meaning, example: "{}")
    keys.key("proxy_protocol", \.proxyProtocol, .record(), ProxyProtocolSection.schema.meaning, example: "{}")
    keys.key("metrics", \.metrics, .record(), MetricsSection.schema.meaning, example: "{}")
    keys.key("admin", \.admin, .record(), AdminSection.schema.meaning, example: "{}")
  }

  private static func declareServices(_ keys: inout Schema<PortsideConfiguration>) {
    keys.key("dns", \.dns, .record(), DNSSection.schema.meaning, example: "{}")
    keys.key("dhcp", \.dhcp, .record(), DHCPSection.schema.meaning, example: "{}")
    keys.key("tftp", \.tftp, .record(), TFTPSection.schema.meaning, example: "{}")
    keys.key("smtp", \.smtp, .record(), SMTPSection.schema.meaning, example: "{}")
    keys.key("imap", \.imap, .record(), IMAPSection.schema.meaning, example: "{}")
    keys.key("pop3", \.pop3, .record(), POP3Section.schema.meaning, example: "{}")
    keys.key("sieve", \.sieve, .record(), SieveSection.schema.meaning, example: "{}")
    keys.key("http", \.http, .record(), HTTPSection.schema.meaning, example: "{}")
    keys.key("ssh", \.ssh, .record(), SSHSection.schema.meaning, example: "{}")
    keys.key("ftp", \.ftp, .record(), FTPSection.schema.meaning, example: "{}")
    keys.key("telnet", \.telnet, .record(), TelnetSection.schema.meaning, example: "{}")
    keys.key("rdp", \.rdp, .record(), RDPSection.schema.meaning, example: "{}")
  }

  public func problems() -> [Problem] {
    listenProblems() + plaintextListenerProblems() + telnetProblems() + portProblems() + certificateProblems()
      + zoneProblems()
  }

  /// The configuration as values without types, defaults included.
  public var plain: PlainValue { Self.schema.encode(self) }
}
