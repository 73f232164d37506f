/// A mailbox as envelopes name it: local part and domain (RFC 5321 §4.1.2, `Mailbox`; RFC 6531 §3.3 for UTF-8).
///
/// It never holds a control character, so that it can go into a header, a log line or a command as it is.
public struct MailAddress: Sendable, Hashable {
  /// Without quotes; case is kept, because only the owner of the domain may ignore it.
  public let local: String
  /// A domain, or an address literal with its brackets.
  public let domain: String

  /// `nil` when the parts can't be one.
  public init?(local: String, domain: String) {
    guard (1...64).contains(local.utf8.count), (1...255).contains(domain.utf8.count),
      Self.isPrintable(local), Self.isDomain(domain)
    else { return nil }
    self.local = local
    self.domain = domain
  }

  /// From `ann@lab.test` or `"ann x"@lab.test`; `nil` for anything else.
  public init?(_ text: some StringProtocol) {
    var parser = PathParser(Array(text.utf8))
    guard let address = parser.mailbox(), parser.isAtEnd else { return nil }
    self = address
  }

  /// Whether UTF-8 beyond ASCII stands in it, so that it needs SMTPUTF8.
  public var needsUTF8: Bool { local.utf8.contains { $0 > 0x7F } || domain.utf8.contains { $0 > 0x7F } }

  /// In lower case: how accounts are named here.
  public var normalised: String { "\(local.lowercased())@\(domain.lowercased())" }

  static func isPrintable(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
      if scalar.isASCII { return (0x20...0x7E).contains(scalar.value) }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: return false
      default: return true
      }
    }
  }

  /// Labels of letters, digits, hyphens (underscores occur) and UTF-8, or an address literal (RFC 5321 §4.1.3).
  public static func isDomain(_ text: String) -> Bool {
    if text.hasPrefix("["), text.hasSuffix("]") {
      return text.utf8.count > 2
        && text.utf8.dropFirst().dropLast().allSatisfy { (0x21...0x5A).contains($0) || (0x5E...0x7E).contains($0) }
    }
    guard (1...255).contains(text.utf8.count), isPrintable(text) else { return false }
    return text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
      (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
        && label.utf8.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
          case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), 0x80...: true
          default: false
          }
        }
    }
  }
}

extension MailAddress: CustomStringConvertible {
  /// As it stands in a path, with quotes where the local part needs them.
  public var description: String {
    let isAtom =
      !local.hasPrefix(".") && !local.hasSuffix(".") && !local.contains("..")
      && local.utf8.allSatisfy { $0 == UInt8(ascii: ".") || PathParser.isAtomText($0) }
    if isAtom { return "\(local)@\(domain)" }
    let quoted = local.reduce(into: "") { text, character in
      if character == "\"" || character == "\\" { text += "\\" }
      text.append(character)
    }
    return "\"\(quoted)\"@\(domain)"
  }
}

/// Who a message comes from, as far as its envelope says (RFC 5321 §4.1.1.2).
public enum ReversePath: Sendable, Hashable {
  /// `<>`: a notification, which must never cause another.
  case null
  case address(MailAddress)

  public var address: MailAddress? { if case .address(let address) = self { address } else { nil } }
  public var needsUTF8: Bool { address?.needsUTF8 ?? false }
}

extension ReversePath: CustomStringConvertible {
  /// Without angle brackets; empty for the null path.
  public var description: String { address?.description ?? "" }
}

/// Reads paths and mailboxes from a command's bytes (RFC 5321 §4.1.2).
struct PathParser {
  private let bytes: [UInt8]
  private(set) var index = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { index >= bytes.count }
  private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

  /// `<path>`, `<>` or, as some programs write it, a bare mailbox. `nil` when there is none.
  enum Path {
    case null
    case postmaster
    case mailbox(MailAddress)
  }

  mutating func path() -> Path? {
    guard take(UInt8(ascii: "<")) else { return mailbox().map { .mailbox($0) } }
    if take(UInt8(ascii: ">")) { return .null }
    if next == UInt8(ascii: "@") {
      // A source route: accepted and ignored (RFC 5321 §3.3, appendix C).
      guard let colon = bytes[index...].firstIndex(of: UInt8(ascii: ":")), colon - index < 256 else { return nil }
      index = colon + 1
    }
    let start = index
    if let address = mailbox(), take(UInt8(ascii: ">")) { return .mailbox(address) }
    // `<Postmaster>` needs no domain (RFC 5321 §4.1.1.3).
    index = start
    let word = bytes[start...].prefix { $0 != UInt8(ascii: ">") }
    guard String(decoding: word, as: UTF8.self).lowercased() == "postmaster" else { return nil }
    index = word.endIndex
    return take(UInt8(ascii: ">")) ? .postmaster : nil
  }

  mutating func mailbox() -> MailAddress? {
    guard let local = next == UInt8(ascii: "\"") ? quotedString() : dotString(), take(UInt8(ascii: "@")) else {
      return nil
    }
    let start = index
    if next == UInt8(ascii: "[") {
      while let byte = next, byte != UInt8(ascii: "]"), index - start < 80 { index += 1 }
      guard take(UInt8(ascii: "]")) else { return nil }
    } else {
      while let byte = next, Self.isAtomText(byte) || byte == UInt8(ascii: ".") { index += 1 }
    }
    guard let domain = String(validating: bytes[start..<index], as: UTF8.self) else { return nil }
    return MailAddress(local: local, domain: domain)
  }

  private mutating func dotString() -> String? {
    let start = index
    while let byte = next, Self.isAtomText(byte) || byte == UInt8(ascii: ".") { index += 1 }
    let word = bytes[start..<index]
    // Dots in odd places are against the RFC, and in real use by some telephone companies' customers.
    guard !word.isEmpty else { return nil }
    return String(validating: word, as: UTF8.self)
  }

  private mutating func quotedString() -> String? {
    index += 1
    var text: [UInt8] = []
    while let byte = next {
      index += 1
      switch byte {
      case UInt8(ascii: "\""): return text.isEmpty ? nil : String(validating: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard let escaped = next, (0x20...0x7E).contains(escaped) else { return nil }
        index += 1
        text.append(escaped)
      case 0x20...0x7E, 0x80...: text.append(byte)
      default: return nil
      }
      guard text.count <= 64 else { return nil }
    }
    return nil
  }

  mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    index += 1
    return true
  }

  /// RFC 5322 §3.2.3, `atext`, with UTF-8 (RFC 6532 §3.2).
  static func isAtomText(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...: true
    case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"): true
    case UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "/"): true
    case UInt8(ascii: "="), UInt8(ascii: "?"), UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"): true
    case UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"), UInt8(ascii: "~"): true
    default: false
    }
  }
}
