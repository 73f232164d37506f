/// The TLS settings of every listener and client, stated once: what is negotiated, and what never is.
///
/// After RFC 9325 (recommendations for TLS) and Mozilla's "intermediate" profile without its finite-field suites.
public struct TLSPolicy: Sendable, Hashable {
  /// Protocol versions; the raw value is the name in logs and session lists.
  public enum Version: String, Sendable, Hashable, Codable, Comparable, CaseIterable {
    case tls12 = "TLSv1.2"
    case tls13 = "TLSv1.3"
    public static func < (left: Version, right: Version) -> Bool { left.rawValue < right.rawValue }
  }

  /// A cipher suite of IANA's registry.
  public struct CipherSuite: Sendable, Hashable {
    /// IANA's name, without `TLS_`.
    public let name: String
    /// The name that OpenSSL and BoringSSL give it.
    public let openSSLName: String
    /// The number on the wire.
    public let number: UInt16
    public let version: Version
  }

  /// A group for the key exchange (IANA's TLS Supported Groups).
  public struct Group: Sendable, Hashable {
    public let name: String
    /// The number on the wire.
    public let number: UInt16
  }

  /// The oldest version that is spoken; 1.0 and 1.1 are forbidden by RFC 8996.
  public let oldest: Version
  public let newest: Version
  /// In order of preference. For 1.2 only suites with forward secrecy and authenticated encryption (RFC 9325 §4.2).
  public let cipherSuites: [CipherSuite]
  /// In order of preference.
  public let groups: [Group]
  /// The smallest RSA modulus of a certificate, in bits (RFC 9325 §4.4).
  public let rsaBitsMinimum: Int
  /// Renegotiation and compression are never done (RFC 9325 §3.3, §3.5).
  public let allowsRenegotiation: Bool

  /// The one policy.
  public static let standard = TLSPolicy(
    oldest: .tls12, newest: .tls13,
    cipherSuites: [
      CipherSuite("AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", 0x1301, .tls13),
      CipherSuite("AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", 0x1302, .tls13),
      CipherSuite("CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", 0x1303, .tls13),
      CipherSuite("ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", 0xC02B, .tls12),
      CipherSuite("ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", 0xC02F, .tls12),
      CipherSuite("ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", 0xC02C, .tls12),
      CipherSuite("ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", 0xC030, .tls12),
      CipherSuite("ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", 0xCCA9, .tls12),
      CipherSuite("ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305", 0xCCA8, .tls12),
    ],
    groups: [
      Group(name: "X25519", number: 0x001D), Group(name: "secp256r1", number: 0x0017),
      Group(name: "secp384r1", number: 0x0018),
    ],
    rsaBitsMinimum: 2048, allowsRenegotiation: false)

  /// The suites of TLS 1.2 as OpenSSL's cipher string; those of 1.3 are fixed by the library.
  public var openSSLCipherString: String {
    cipherSuites.filter { $0.version == .tls12 }.map(\.openSSLName).joined(separator: ":")
  }

  /// The policy as a Markdown table, for the documentation and `portside explain`.
  public var markdown: String {
    var lines = ["| Setting | Value |", "|---|---|"]
    lines.append("| Versions | \(oldest.rawValue) to \(newest.rawValue) |")
    for version in Version.allCases {
      let names = cipherSuites.filter { $0.version == version }.map(\.name).joined(separator: ", ")
      lines.append("| Cipher suites, \(version.rawValue) | \(names) |")
    }
    lines.append("| Key exchange groups | \(groups.map(\.name).joined(separator: ", ")) |")
    lines.append("| RSA keys | \(rsaBitsMinimum) bits at least |")
    lines.append("| Renegotiation, compression | \(allowsRenegotiation ? "yes" : "never") |")
    return lines.joined(separator: "\n")
  }
}

extension TLSPolicy.CipherSuite {
  init(_ name: String, _ openSSLName: String, _ number: UInt16, _ version: TLSPolicy.Version) {
    self.init(name: name, openSSLName: openSSLName, number: number, version: version)
  }
}
