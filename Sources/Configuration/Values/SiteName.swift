/// The host names that a site answers for: one name, or `*.` and a domain for every name one label below it.
public struct SiteName: Hashable, Sendable {
  public let isWildcard: Bool
  public let host: HostName

  public var description: String { (isWildcard ? "*." : "") + host.description }
}

extension SiteName: Comparable {
  public static func < (left: SiteName, right: SiteName) -> Bool { left.description < right.description }
}

extension SiteName: ConfigurationText {
  public static var typeName: String { "site name" }
  public static var form: String { "a host name such as \"www.acme.example\" or \"*.acme.example\"" }

  public init(configuration text: String) throws(TextError) {
    isWildcard = text.hasPrefix("*.")
    guard let host = HostName(isWildcard ? String(text.dropFirst(2)) : text) else { throw Self.mismatch(text) }
    self.host = host
  }
}
