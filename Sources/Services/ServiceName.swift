/// The services, by the names that configuration, log, `try --json` and permissions use.
public enum ServiceName: String, Hashable, Sendable, Codable, CaseIterable {
  case ftp, ftps, ssh, telnet, smtp, submission, submissions, dns, dot, doh, dhcp, tftp, http, https
  case pop3, pop3s, imap, imaps, rdp, admin, sieve, lmtp

  /// The port that IANA assigned to the service, and that clients try first. `nil` where the service shares another's
  /// port (DoH lives on 443) or has none of its own.
  public var standardPort: UInt16? {
    switch self {
    case .ftp: 21
    case .ftps: 990
    case .ssh: 22
    case .telnet: 23
    case .smtp: 25
    case .submission: 587
    case .submissions: 465
    case .dns: 53
    case .dot: 853
    case .dhcp: 67
    case .tftp: 69
    case .http: 80
    case .https: 443
    case .pop3: 110
    case .pop3s: 995
    case .imap: 143
    case .imaps: 993
    case .rdp: 3389
    case .sieve: 4190
    case .lmtp: 24
    case .doh, .admin: nil
    }
  }
}
