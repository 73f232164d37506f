/// Where a site's content comes from.
public enum SiteTarget: Hashable, Sendable {
  case folder(AbsolutePath)
  case upstream(UpstreamURL<WebKind>)
  /// The administration pages.
  case admin
}

extension SiteTarget: ConfigurationText {
  public static var typeName: String { "site" }
  public static var form: String {
    "a folder such as \"/srv/www\", a URL such as \"http://127.0.0.1:8000\", or \"@admin\""
  }

  public init(configuration text: String) throws(TextError) {
    if text == "@admin" {
      self = .admin
    } else if text.hasPrefix("/") {
      self = .folder(try AbsolutePath(configuration: text))
    } else if text.contains("://") {
      self = .upstream(try UpstreamURL(configuration: text))
    } else {
      throw Self.mismatch(text, hint: NearestName.hint(text, among: ["@admin"]))
    }
  }

  public var description: String {
    switch self {
    case .folder(let path): path.description
    case .upstream(let url): url.description
    case .admin: "@admin"
    }
  }
}
