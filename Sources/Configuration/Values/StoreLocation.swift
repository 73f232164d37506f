/// Where accounts, leases, queues and the like are kept.
public enum StoreLocation: Hashable, Sendable {
  /// One file under the data folder.
  case sqlite
  /// A `postgres://` URL, shared by several nodes. Never with a password in it.
  case postgres(String)
}

extension StoreLocation: ConfigurationText {
  public static var typeName: String { "store" }
  public static var form: String {
    "\"sqlite\", or a URL such as \"postgres://portside@/portside?host=/run/postgresql\""
  }

  public init(configuration text: String) throws(TextError) {
    if text == "sqlite" {
      self = .sqlite
      return
    }
    guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw Self.hidden() }
    let scheme = ["postgres://", "postgresql://"].first { text.hasPrefix($0) }
    guard let scheme else {
      // Something like `user:password@host` without its scheme must not be quoted either.
      throw text.contains("@") ? Self.hidden() : Self.mismatch(text)
    }
    let rest = text.dropFirst(scheme.count)
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    let user = authority.lastIndex(of: "@").map { authority[..<$0] } ?? ""
    guard !user.contains(":"), !rest.lowercased().contains("password=") else {
      throw TextError(
        "this URL holds a password", hint: "leave it out and name it in server.store_password = \"credential:NAME\"",
        hidesText: true)
    }
    guard rest.contains("/") else { throw Self.mismatch(text) }
    self = .postgres(text)
  }

  public var description: String {
    switch self {
    case .sqlite: "sqlite"
    case .postgres(let url): url
    }
  }
}
