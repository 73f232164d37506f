import SSHCore
import Services

/// One look at a service through its client: what was done, step by step, and what came of it.
struct ProbeReport: Encodable {
  struct Step: Encodable {
    var name: String
    var result: String
    /// Milliseconds since the probe began; absent for steps that take none.
    var milliseconds: Double?
  }

  var url: String
  var steps: [Step] = []
  /// The answer's own text, such as dig's.
  var answer: String?
  /// Why it failed; absent when it did not.
  var failure: String?

  init(_ url: String) { self.url = url }

  mutating func add(_ name: String, _ result: String, nanoseconds: Int64? = nil) {
    steps.append(Step(name: name, result: result, milliseconds: nanoseconds.map { Double($0 / 1_000) / 1_000 }))
  }

  var text: String {
    var text = steps.reduce(into: "") { text, step in
      let time = step.milliseconds.map { " (\($0) ms)" } ?? ""
      text += "\(step.name): \(step.result)\(time)\n"
    }
    if let answer { text += answer }
    if let failure { text += "FAIL: \(failure)\n" }
    return text
  }
}

/// A probe of one protocol.
protocol Probe: Sendable {
  /// Probes the URL; what goes wrong stands in the report.
  func run() async -> ProbeReport
}

/// What all probes share.
struct ProbeOptions: Sendable {
  /// DER certificates to trust besides the system's; empty: the system's alone.
  var trustRoots: [[UInt8]] = []
  /// For services that log in: a private SSH key's file, and a password.
  var identity: String?
  var password: Secret?
  /// Public SSH keys of which the server's must be one; empty: any, and it is shown.
  var hostKeys: [PublicKey] = []
  /// Servers that are trusted, as OpenSSH keeps them.
  var knownHosts: KnownHosts?
}

/// Which probe is for which scheme.
enum Probes {
  static let schemes = [
    "http", "https", "dns", "dns+tcp", "dns+tls", "ssh", "sftp", "telnet", "telnet+tls", "telnets", "ftp", "ftps",
    "dhcp", "dhcp6", "tftp", "rdp", "smtp", "submission", "submissions", "pop3", "pop3s", "imap", "imaps", "sieve",
    "lmtp",
  ]

  /// The probe for a URL; throws what is wrong with it.
  static func probe(_ url: String, _ options: ProbeOptions) throws -> any Probe {
    guard let colon = url.firstRange(of: "://") else {
      throw CommandFailure("'\(url)' is no URL, such as https://www.lab.test or dns://127.0.0.1/www.lab.test/A")
    }
    let scheme = String(url[..<colon.lowerBound]).lowercased()
    switch scheme {
    case "http", "https": return try HTTPProbe(url, options)
    case "dns", "dns+tcp": return try DNSProbe(url, overTCP: scheme == "dns+tcp")
    case "ftp", "ftps": return try FTPProbe(url, isImplicit: scheme == "ftps", options)
    case "dns+tls": return try TLSProbe(url, applicationProtocol: "dot", options)
    case "smtp", "submission", "submissions", "lmtp": return try SMTPProbe(url, scheme: scheme, options)
    case "ssh", "sftp": return try SSHProbe(url, options)
    case "telnet": return try TelnetProbe(url, .none, options)
    case "telnet+tls": return try TelnetProbe(url, .starttls, options)
    case "telnets": return try TelnetProbe(url, .implicit, options)
    case "dhcp": return try DHCPProbe(url)
    case "dhcp6": return try DHCPv6Probe(url)
    case "tftp": return try TFTPProbe(url)
    case "rdp": return try RDPProbe(url, options)
    case "pop3", "pop3s": return try POP3Probe(url, isSecure: scheme == "pop3s", options)
    case "sieve": return try ManageSieveProbe(url, options)
    case "imap", "imaps": return try IMAPProbe(url, scheme: scheme, options)
    default:
      throw CommandFailure(
        "there is no client for '\(scheme)' yet; there are clients for \(schemes.joined(separator: ", "))")
    }
  }
}
