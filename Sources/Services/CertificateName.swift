import WireKit

/// A name that a certificate can answer for: a host name, a wildcard for one label, or an IP address.
///
/// Its text form is canonical: lower case, without the final dot, addresses as in RFC 5952. Two names are the same
/// exactly when their texts are.
public struct CertificateName: Hashable, Sendable {
  /// What sort of name it is.
  public enum Kind: Hashable, Sendable {
    case host
    /// `*.lab.test`: any one label before `lab.test` (RFC 9525 §6.3).
    case wildcard
    case address(IPAddress)
  }

  public let kind: Kind
  private let text: String

  /// A name that is an IP address.
  public init(_ address: IPAddress) {
    self.init(kind: .address(address), text: address.description)
  }

  private init(kind: Kind, text: String) {
    self.kind = kind
    self.text = text
  }

  /// Whether a certificate with this name may answer a client that asked for `asked`: the very same name, or a wildcard
  /// that stands for exactly one label (RFC 9525 §6.3). A wildcard covers itself, and never an address.
  public func covers(_ asked: CertificateName) -> Bool {
    if self == asked { return true }
    guard kind == .wildcard, asked.kind == .host, let parent = asked.parent else { return false }
    return parent == self.parent
  }

  /// What follows the first label; `nil` for an address or a name of one label.
  public var parent: Substring? {
    if case .address = kind { return nil }
    guard let dot = text.firstIndex(of: ".") else { return nil }
    return text[text.index(after: dot)...]
  }
}

extension CertificateName: LosslessStringConvertible {
  /// From `imap.lab.test`, `*.lab.test`, `192.0.2.1` or `[2001:db8::1]`. `nil` for anything else: empty or long labels
  /// (RFC 1035 §2.3.4), characters beyond letters, digits, hyphen and underscore (an internationalised name is written in
  /// its `xn--` form), a star anywhere but as the whole first label, or a star with fewer than two labels behind it, which
  /// clients refuse.
  public init?(_ description: String) {
    var given = description[...]
    if given.hasPrefix("["), given.hasSuffix("]") { given = given.dropFirst().dropLast() }
    if let address = IPAddress(String(given)) {
      self.init(address)
      return
    }
    guard description.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
    var name = description.lowercased()
    if name.hasSuffix(".") { name.removeLast() }
    guard (1...253).contains(name.utf8.count) else { return nil }
    var labels = name.split(separator: ".", omittingEmptySubsequences: false)
    let isWildcard = labels.first == "*"
    if isWildcard {
      labels.removeFirst()
      guard labels.count >= 2 else { return nil }
    }
    guard labels.allSatisfy(Self.isLabel), let last = labels.last,
      !last.utf8.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    self.init(kind: isWildcard ? .wildcard : .host, text: name)
  }

  public var description: String { text }

  private static func isLabel(_ label: Substring) -> Bool {
    guard (1...63).contains(label.utf8.count), label.first != "-", label.last != "-" else { return false }
    return label.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x61...0x7A, 0x2D, 0x5F: true
      default: false
      }
    }
  }
}

extension CertificateName: Codable {
  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let name = CertificateName(text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "'\(text)' is no name for a certificate"))
    }
    self = name
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}
