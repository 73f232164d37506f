/// A path within a web site, with its query: `/healthz`, `/status?short=1`.
public struct URLPath: Hashable, Sendable {
  public let description: String
}

extension URLPath: ConfigurationText {
  public static var typeName: String { "path" }
  public static var form: String { "a path of a URL such as \"/healthz\"" }

  public init(configuration text: String) throws(TextError) {
    guard text.hasPrefix("/"), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x23 && $0 != 0x22 }) else {
      throw Self.mismatch(text)
    }
    description = text
  }
}
