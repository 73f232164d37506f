/// What a mail domain says about TLS to its servers (RFC 8461 §3.2).
///
/// ```
/// version: STSv1
/// mode: enforce
/// mx: mail.example.com
/// mx: *.example.net
/// max_age: 604800
/// ```
public struct MTASTSPolicy: Sendable, Hashable, Codable {
  public enum Mode: String, Sendable, Hashable, Codable {
    case enforce, testing, none
  }

  /// Bytes of a policy at most: RFC 8461 §3.3 advises 64 kB.
  public static let maximumSize = 64 * 1024
  /// Servers that are kept.
  static let maximumServers = 100
  /// A year (§3.2).
  static let maximumAge: Int64 = 31_557_600

  public var mode: Mode
  /// Patterns in lower case, `*.` standing for one label.
  public var servers: [String]
  /// Seconds for which it holds.
  public var maximumAge: Int64

  public init(mode: Mode, servers: [String], maximumAge: Int64) {
    self.mode = mode
    self.servers = servers
    self.maximumAge = maximumAge
  }

  /// A policy as it was fetched; `nil` for what is none. Keys that are not known are passed over (§3.2).
  public init?(_ text: String) {
    guard text.utf8.count <= Self.maximumSize else { return nil }
    var (version, mode, age): (String?, Mode?, Int64?)
    var servers: [String] = []
    for line in text.split(whereSeparator: { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }) {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let key = Self.trimmed(line[..<colon])
      let value = Self.trimmed(line[line.index(after: colon)...])
      switch key {
      case "version": version = version ?? value
      // Of a key that stands twice the first counts, but for `mx`.
      case "mode": mode = mode ?? Mode(rawValue: value)
      case "max_age":
        guard value.utf8.count <= 10, value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        age = age ?? Int64(value)
      case "mx": if servers.count < Self.maximumServers { servers.append(value.lowercased()) }
      default: continue
      }
    }
    guard version == "STSv1", let mode, let age, age >= 0, mode == .none || !servers.isEmpty else { return nil }
    self.init(mode: mode, servers: servers, maximumAge: min(age, Self.maximumAge))
  }

  /// As it is served, with the line ends of the RFC.
  public var text: String {
    (["version: STSv1", "mode: \(mode.rawValue)"] + servers.map { "mx: \($0)" } + ["max_age: \(maximumAge)"])
      .joined(separator: "\r\n") + "\r\n"
  }

  /// Whether a mail exchange is one of those that the policy names (§4.1).
  public func permits(_ host: String) -> Bool {
    var host = host.lowercased()
    if host.hasSuffix(".") { host.removeLast() }
    return servers.contains { pattern in
      guard pattern.hasPrefix("*.") else { return pattern == host }
      guard let dot = host.firstIndex(of: "."), dot > host.startIndex else { return false }
      return host[dot...] == pattern.dropFirst()
    }
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
  }
}

/// The record that says that a domain has a policy, and which one (RFC 8461 §3.1): `v=STSv1; id=20260101T000000;`.
public struct MTASTSRecord: Sendable, Hashable {
  public var id: String

  /// From the texts at `_mta-sts.DOMAIN`; `nil` unless exactly one of them is such a record.
  public init?(_ texts: [String]) {
    let records = texts.filter { $0 == "v=STSv1" || $0.hasPrefix("v=STSv1;") || $0.hasPrefix("v=STSv1 ") }
    guard records.count == 1 else { return nil }
    for part in records[0].split(separator: ";") {
      let words = part.split(separator: "=", maxSplits: 1)
      guard words.count == 2, words[0].allSatisfy({ $0.isASCII }), words[0].filter({ $0 != " " }) == "id" else {
        continue
      }
      let id = words[1].filter { $0 != " " && $0 != "\t" }
      guard (1...32).contains(id.utf8.count), id.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }) else {
        return nil
      }
      self.id = String(id)
      return
    }
    return nil
  }
}

/// Where a domain wants to hear of TLS that failed (RFC 8460 §3): `v=TLSRPTv1; rua=mailto:tls@example.com`.
public struct TLSReportRecord: Sendable, Hashable {
  /// `mailto:` and `https:` URLs, in their order.
  public var destinations: [String]

  /// From the texts at `_smtp._tls.DOMAIN`.
  public init?(_ texts: [String]) {
    let records = texts.filter { $0.hasPrefix("v=TLSRPTv1;") || $0.hasPrefix("v=TLSRPTv1 ;") }
    guard records.count == 1 else { return nil }
    for part in records[0].split(separator: ";").dropFirst() {
      guard let equals = part.firstIndex(of: "="), part[..<equals].filter({ $0 != " " }) == "rua" else { continue }
      destinations = part[part.index(after: equals)...].split(separator: ",").prefix(4)
        .map { $0.filter { $0 != " " && $0 != "\t" } }
        .filter { $0.lowercased().hasPrefix("mailto:") || $0.lowercased().hasPrefix("https://") }
      if destinations.isEmpty { return nil }
      return
    }
    return nil
  }
}
