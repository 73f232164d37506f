/// Paths that a rule of a site is for: one path, or all that begin with something: `/old`, `/docs/*`.
public struct SitePathPattern: Hashable, Sendable {
  public let description: String
}

extension SitePathPattern: ConfigurationText {
  public static var typeName: String { "path pattern" }
  public static var form: String { "a path such as \"/old\", or \"/docs/*\" for all that begin so" }

  public init(configuration text: String) throws(TextError) {
    guard text.hasPrefix("/"), text.utf8.count <= 1024,
      text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x23 && $0 != 0x22 && $0 != 0x3F }),
      !text.dropLast().contains("*")
    else { throw Self.mismatch(text) }
    description = text
  }
}

extension SitePathPattern: Comparable {
  public static func < (left: SitePathPattern, right: SitePathPattern) -> Bool { left.description < right.description }
}

/// Where a rule leads: a path or a URL, in which `*` stands for what the pattern's stood for.
public struct SitePathTarget: Hashable, Sendable {
  public let description: String

  /// Whether it leads to a path of the same site.
  public var isPath: Bool { description.hasPrefix("/") }
}

extension SitePathTarget: ConfigurationText {
  public static var typeName: String { "path or URL" }
  public static var form: String { "a path such as \"/new/*\", or a URL such as \"https://docs.acme.example/*\"" }

  public init(configuration text: String) throws(TextError) {
    let isURL = text.hasPrefix("https://") || text.hasPrefix("http://")
    guard isURL || text.hasPrefix("/") && !text.hasPrefix("//"), text.utf8.count <= 1024,
      text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x22 }), text.filter({ $0 == "*" }).count <= 1
    else { throw Self.mismatch(text) }
    description = text
  }
}

/// A path of a site under which other content lies: `/app`.
public struct SitePart: Hashable, Sendable {
  public let description: String
}

extension SitePart: ConfigurationText {
  public static var typeName: String { "path" }
  public static var form: String { "a path such as \"/app\"" }

  public init(configuration text: String) throws(TextError) {
    let parts = ASCIIText.split(text, on: UInt8(ascii: "/"))
    guard text.hasPrefix("/"), parts.count >= 2, parts.dropFirst().allSatisfy(ASCIIText.isPathPart),
      text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && ![0x22, 0x23, 0x25, 0x2A, 0x3F].contains($0) })
    else { throw Self.mismatch(text) }
    description = text
  }
}

extension SitePart: Comparable {
  public static func < (left: SitePart, right: SitePart) -> Bool { left.description < right.description }
}

/// A file of a site in which `{path}` may stand for what was asked for: `{path}.html`, `/index.html`.
public struct FileTemplate: Hashable, Sendable {
  public let description: String
}

extension FileTemplate: ConfigurationText {
  public static var typeName: String { "file template" }
  public static var form: String { "a file of the site such as \"{path}.html\" or \"/index.html\"" }

  public init(configuration text: String) throws(TextError) {
    let plain = text.split(separator: "{path}", omittingEmptySubsequences: false).joined(separator: "x")
    guard !plain.isEmpty, text.utf8.count <= 1024, !plain.contains("{"), !plain.contains("}"),
      text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }),
      !ASCIIText.split(plain, on: UInt8(ascii: "/")).contains("..")
    else { throw Self.mismatch(text) }
    description = text
  }
}
