/// Where a site's content comes from.
public enum SiteTarget: Hashable, Sendable {
  case folder(AbsolutePath)
  case upstream(UpstreamURL<WebKind>)
  /// The administration pages.
  case admin
  /// The files of the account that logs in, with WebDAV.
  case files
  /// The private authority, for ACME clients.
  case acme

  /// What stands for something of the server itself.
  private static let names: [(text: String, target: SiteTarget)] = [
    ("@admin", .admin), ("@files", .files), ("@acme", .acme),
  ]
}

extension SiteTarget: ConfigurationText {
  public static var typeName: String { "site" }
  public static var form: String {
    "a folder such as \"/srv/www\", a URL such as \"http://127.0.0.1:8000\", \"@admin\", \"@files\" or \"@acme\""
  }

  public init(configuration text: String) throws(TextError) {
    if let named = Self.names.first(where: { $0.text == text }) {
      self = named.target
    } else if text.hasPrefix("/") {
      self = .folder(try AbsolutePath(configuration: text))
    } else if text.contains("://") || text.hasPrefix("unix:") {
      self = .upstream(try UpstreamURL(configuration: text))
    } else {
      throw Self.mismatch(text, hint: NearestName.hint(text, among: Self.names.map(\.text)))
    }
  }

  public var description: String {
    switch self {
    case .folder(let path): path.description
    case .upstream(let url): url.description
    case .admin: "@admin"
    case .files: "@files"
    case .acme: "@acme"
    }
  }
}
