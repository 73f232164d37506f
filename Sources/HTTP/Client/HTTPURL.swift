import HTTPCore

/// An `http` or `https` URI, as far as a client needs it (RFC 9110 §4.2).
public struct HTTPURL: Sendable, Hashable, CustomStringConvertible {
  public var isSecure: Bool
  /// A name or an address; an IPv6 address without its brackets.
  public var host: String
  public var port: UInt16
  /// Path and query, beginning with `/`.
  public var target: String

  /// `nil` for anything else, also for user information, which has no place in such a URI.
  public init?(_ text: String) {
    let rest: Substring
    if text.lowercased().hasPrefix("http://") {
      (isSecure, rest) = (false, text.dropFirst(7))
    } else if text.lowercased().hasPrefix("https://") {
      (isSecure, rest) = (true, text.dropFirst(8))
    } else {
      return nil
    }
    let withoutFragment = rest.prefix { $0 != "#" }
    let end = withoutFragment.firstIndex { $0 == "/" || $0 == "?" } ?? withoutFragment.endIndex
    let authority = withoutFragment[..<end]
    let path = withoutFragment[end...]
    target = path.hasPrefix("/") ? String(path) : "/" + path
    port = isSecure ? 443 : 80
    var name = authority
    let afterHost = authority.lastIndex(of: "]").map(authority.index(after:)) ?? authority.startIndex
    if let colon = authority[afterHost...].lastIndex(of: ":") {
      name = authority[..<colon]
      let digits = authority[authority.index(after: colon)...]
      if !digits.isEmpty {
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(digits), number > 0 else {
          return nil
        }
        port = number
      }
    }
    if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
    guard !name.isEmpty, !name.contains("@"), !name.contains("[") else { return nil }
    host = String(name)
  }

  /// As it stands in `Host`.
  public var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }

  public var description: String { "\(isSecure ? "https" : "http")://\(authority)\(target)" }
}
