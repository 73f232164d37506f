/// The name of a DNS zone: a host name whose labels may also hold underscores and the slash of RFC 2317.
public struct ZoneName: Hashable, Sendable {
  public let labels: [String]
  public var description: String { labels.joined(separator: ".") }

  /// For names written in the program's own text.
  init(labels: String...) { self.labels = labels }

  public init?(_ text: String) {
    guard let name = try? ZoneName(configuration: text) else { return nil }
    self = name
  }

  /// Whether a host's name lies in this zone.
  public func contains(_ host: HostName) -> Bool { host.labels.suffix(labels.count).elementsEqual(labels) }
}

extension ZoneName: Comparable {
  public static func < (left: ZoneName, right: ZoneName) -> Bool { left.description < right.description }
}

extension ZoneName: ConfigurationText {
  public static var typeName: String { "zone" }
  public static var form: String { "a zone such as \"acme.example\"" }

  public init(configuration text: String) throws(TextError) {
    let name = try HostName(text, label: Self.isLabel, mismatch: { Self.mismatch(text, hint: $0) })
    labels = name.labels
  }

  private static func isLabel(_ label: Substring) -> Bool {
    (1...63).contains(label.utf8.count)
      && label.utf8.allSatisfy { ASCIIText.isLetterOrDigit($0) || $0 == 0x2D || $0 == 0x5F || $0 == 0x2F }
  }
}
