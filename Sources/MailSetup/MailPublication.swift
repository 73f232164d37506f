import SMTPCore
import Services

/// What is to be known of the mail domains of one server: what its DNS zones, its web server and its checks say of them.
///
/// The mail server writes it, as it alone knows its keys and its ports; others read it.
public struct MailPublication: Codable, Hashable, Sendable {
  /// A port for people's programs.
  public struct Service: Codable, Hashable, Sendable {
    public var name: ServiceName
    public var port: UInt16
    /// Whether TLS begins with the first byte; otherwise by a command.
    public var isImplicit: Bool

    public init(_ name: ServiceName, port: UInt16, isImplicit: Bool) {
      self.name = name
      self.port = port
      self.isImplicit = isImplicit
    }
  }

  /// A signing key's public half.
  public struct Key: Codable, Hashable, Sendable {
    public var selector: String
    /// `v=DKIM1; k=rsa; p=…`
    public var record: String

    public init(selector: String, record: String) {
      self.selector = selector
      self.record = record
    }
  }

  public struct Domain: Codable, Hashable, Sendable {
    /// In lower case.
    public var name: String
    public var keys: [Key]

    public init(_ name: String, keys: [Key]) {
      self.name = name
      self.keys = keys
    }
  }

  /// The name of the server: where MX points, and what people enter.
  public var hostname: String
  public var domains: [Domain]
  public var services: [Service] = []
  /// `none`, `quarantine` or `reject`.
  public var dmarc = "quarantine"
  /// The mode of MTA-STS; `nil` for none.
  public var transportPolicy: MTASTSPolicy.Mode?
  /// Where reports go; `nil` for each domain's postmaster.
  public var reports: String?
  /// Whether our web server answers for autoconfig.DOMAIN and the like.
  public var isOnWeb = true

  public init(hostname: String, domains: [Domain]) {
    self.hostname = hostname
    self.domains = domains
  }

  public func service(_ name: ServiceName) -> Service? { services.first { $0.name == name } }

  /// The policy that is served for every domain.
  public var policy: MTASTSPolicy? {
    transportPolicy.map { MTASTSPolicy(mode: $0, servers: [hostname], maximumAge: 7 * 86400) }
  }

  /// Changes whenever the policy does (RFC 8461 §3.1): a number made of its text.
  public var policyID: String? {
    guard let policy else { return nil }
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in policy.text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 36)
  }

  /// Host names that the web server answers for, because of a domain.
  public static func webNames(_ domain: String) -> [String] {
    ["autoconfig.\(domain)", "autodiscover.\(domain)", "mta-sts.\(domain)"]
  }
}
