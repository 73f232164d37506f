/// The way that mail takes out of here.
public enum RelayRoute: Hashable, Sendable {
  /// To the servers of each recipient's domain.
  case direct
  /// All of it to one server.
  case server(UpstreamURL<RelayKind>)
}

extension RelayRoute: ConfigurationText {
  public static var typeName: String { "mail route" }
  public static var form: String { "\"direct\", or a mail relay such as \"submission://mail.isp.example\"" }

  public init(configuration text: String) throws(TextError) {
    if text == "direct" {
      self = .direct
    } else if text.contains("://") {
      self = .server(try UpstreamURL(configuration: text))
    } else {
      throw Self.mismatch(text, hint: NearestName.hint(text, among: ["direct"]))
    }
  }

  public var description: String {
    switch self {
    case .direct: "direct"
    case .server(let url): url.description
    }
  }
}
