/// Where the public keys of an issuer of tokens are (RFC 7517): a file, or a URL that is asked now and then.
public enum TokenKeySource: Hashable, Sendable {
  case file(AbsolutePath)
  case url(UpstreamURL<WebKind>)
}

extension TokenKeySource: ConfigurationText {
  public static var typeName: String { "key set" }
  public static var form: String {
    "a file such as \"/etc/portside/jwks.json\" or a URL such as \"https://id.acme.example/jwks\""
  }

  public init(configuration text: String) throws(TextError) {
    if text.hasPrefix("/") {
      self = .file(try AbsolutePath(configuration: text))
      return
    }
    let url = try UpstreamURL<WebKind>(configuration: text)
    // Who can change the keys on their way can log in as anybody.
    switch (url.scheme, url.host) {
    case ("https", _): break
    case ("http", .address(let address)) where address.isLoopback: break
    default: throw Self.mismatch(text, hint: "keys come by \"https://\"; by \"http://\" from this machine only")
    }
    self = .url(url)
  }

  public var description: String {
    switch self {
    case .file(let path): path.description
    case .url(let url): url.description
    }
  }
}
