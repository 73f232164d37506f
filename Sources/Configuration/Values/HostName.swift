/// A host or domain name: labels of letters, digits and hyphens (RFC 1123 §2.1), in lower case, without a final dot.
/// A name in another script is written as A-labels (RFC 5890 §2.3.2.1).
public struct HostName: Hashable, Sendable {
  /// At least one label, each 1...63 characters, 253 with their dots.
  public let labels: [String]

  public var description: String { labels.joined(separator: ".") }

  /// For names written in the program's own text.
  init(labels: String...) { self.labels = labels }

  /// `nil` when the text is no host name.
  public init?(_ text: String) {
    guard let name = try? HostName(configuration: text) else { return nil }
    self = name
  }

  /// Whether this is `zone` or a name below it.
  public func isWithin(_ zone: HostName) -> Bool { labels.suffix(zone.labels.count).elementsEqual(zone.labels) }
}

extension HostName: Comparable {
  public static func < (left: HostName, right: HostName) -> Bool { left.description < right.description }
}

extension HostName: ConfigurationText {
  public static var typeName: String { "host name" }
  public static var form: String { "a host name such as \"srv.acme.example\"" }

  public init(configuration text: String) throws(TextError) {
    try self.init(text, label: Self.isLabel, mismatch: { Self.mismatch(text, hint: $0) })
  }

  /// For names that differ in what a label may hold.
  init(
    _ text: String, label isAllowed: (Substring) -> Bool, mismatch: (String?) -> TextError
  ) throws(TextError) {
    if text.utf8.contains(where: { $0 >= 0x80 }) {
      throw mismatch("write names in other scripts as A-labels, such as \"xn--bcher-kva.example\"")
    }
    let trimmed = text.hasSuffix(".") ? text.dropLast() : text[...]
    let labels = trimmed.split(separator: ".", omittingEmptySubsequences: false)
    guard trimmed.utf8.count <= 253 else { throw mismatch("a name has at most 253 characters") }
    guard let wrong = labels.first(where: { !isAllowed($0) }) else {
      self.labels = labels.map { $0.lowercased() }
      return
    }
    if wrong.isEmpty { throw mismatch(text.isEmpty ? nil : "there is an empty label between two dots") }
    if wrong.utf8.count > 63 { throw mismatch("a label has at most 63 characters") }
    throw mismatch(text.contains("://") ? "a name alone, without scheme and path" : nil)
  }

  /// RFC 1123 §2.1; what begins with `xn--` must have something behind it.
  private static func isLabel(_ label: Substring) -> Bool {
    (1...63).contains(label.utf8.count) && label.utf8.allSatisfy { ASCIIText.isLetterOrDigit($0) || $0 == 0x2D }
      && label.first != "-" && label.last != "-" && label.lowercased() != "xn--"
  }
}
