import WireKit

/// `[smtp.publish]`: what the world, and people's mail programs, find out about our mail domains.
public struct SMTPPublishing: ConfigurationRecord {
  /// `p=` of DMARC (RFC 7489 §6.3).
  public enum Policy: String, ConfigurationChoice {
    case none, quarantine, reject
  }

  /// How seriously others shall take TLS to us (RFC 8461 §3.2).
  public enum TransportSecurity: String, ConfigurationChoice {
    case off, testing, enforce
  }

  public var web = true
  public var dmarc = Policy.quarantine
  public var mtaSTS = TransportSecurity.testing
  public var reports: MailAddress?
  public var keyLifetime = Duration.seconds(180 * 86400)

  public init() {}

  public static let schema = Schema(
    SMTPPublishing(), "What is published about the mail domains; into our zones as far as `dns.publish` names it."
  ) {
    keys in
    keys.key(
      "web", \.web, .flag, "Whether our web server tells mail programs their settings, and others the MTA-STS policy.",
      details: "At autoconfig.DOMAIN, autodiscover.DOMAIN and mta-sts.DOMAIN.", example: "true")
    keys.key(
      "dmarc", \.dmarc, .choice, "What others shall do with mail in our name that proves nothing.",
      example: "\"quarantine\"")
    keys.key(
      "mta_sts", \.mtaSTS, .choice, "Whether others must use TLS to us, with a certificate that they can check.",
      details: "`\"testing\"`: they report, and deliver all the same. Needs `web`.", example: "\"testing\"")
    keys.key(
      "reports", \.reports, Codec<MailAddress>.text().optional(), "Where others send their reports (DMARC, TLS).",
      details: "Absent: postmaster of each domain.", example: "\"reports@acme.example\"")
    keys.key(
      "key_lifetime", \.keyLifetime, .duration(.seconds(30 * 86400) ... .seconds(3650 * 86400)),
      "How old a signing key becomes before a new one is made.",
      details: "The new one signs once it is seen in DNS and has stood there for two days; the old one stays a week.",
      example: "\"180d\"")
  }

  public func problems() -> [Problem] {
    guard mtaSTS == .enforce, !web else { return [] }
    return [
      Problem(
        ConfigurationPath("mta_sts"), "needs web = true, as the policy is fetched from our web server",
        basis: [ConfigurationPath("web")])
    ]
  }
}
