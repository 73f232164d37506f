import WireKit

/// Where another server is: a scheme, a host, perhaps a port and a path: `tls://9.9.9.9`, `http://127.0.0.1:8000`.
public struct UpstreamURL<Kind: UpstreamKind>: Hashable, Sendable {
  public enum Host: Hashable, Sendable {
    case address(IPAddress)
    case name(HostName)
    /// A socket of this machine: `unix:/run/app.sock`.
    case socket(AbsolutePath)
  }

  public let scheme: String
  public let host: Host
  /// `nil` for the scheme's own port.
  public let explicitPort: UInt16?
  /// From its first slash; empty when there is none.
  public let path: String

  /// A value for a required key's place before it is read.
  static func placeholder(_ scheme: String) -> UpstreamURL {
    UpstreamURL(scheme: scheme, host: .address(IPAddress(0, 0, 0, 0)), explicitPort: nil, path: "")
  }

  /// The path of the socket, where it is one.
  public var socketPath: String? { if case .socket(let path) = host { path.description } else { nil } }

  /// The port to connect to.
  public var port: UInt16 { explicitPort ?? Kind.schemes.first { $0.name == scheme }?.port ?? 0 }
}

/// Which schemes a URL may have in its place.
public protocol UpstreamKind: Sendable {
  static var typeName: String { get }
  static var form: String { get }
  static var schemes: [(name: String, port: UInt16)] { get }
  static var takesPath: Bool { get }
  static var takesNames: Bool { get }
  static var takesSockets: Bool { get }
}

extension UpstreamKind {
  public static var takesSockets: Bool { false }
}

extension UpstreamURL: ConfigurationText {
  public static var typeName: String { Kind.typeName }
  public static var form: String { Kind.form }

  /// A URL may carry a password, so errors never quote one that has a user's part.
  public init(configuration text: String) throws(TextError) {
    guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw Self.hidden(hint: "a URL has no spaces, and ASCII characters only")
    }
    if Kind.takesSockets, text.hasPrefix("unix:") {
      scheme = "unix"
      let path = try AbsolutePath(configuration: String(text.dropFirst(5)))
      guard path.description.utf8.count <= 107 else { throw Self.mismatch(text, hint: "at most 107 bytes") }
      (host, explicitPort, self.path) = (.socket(path), nil, "")
      return
    }
    guard let mark = text.firstRange(of: "://") else {
      let usual = Kind.schemes.first.map { "\($0.name)://\(text)" }
      let isHost = Self.split(text) != nil && (Kind.takesNames || IPAddress(text) != nil)
      // Without a scheme it is not known to be no secret, unless it is a host.
      throw isHost
        ? Self.mismatch(text, hint: usual.map { "did you mean \"\($0)\"?" }) : Self.hidden()
    }
    let scheme = text[..<mark.lowerBound]
    let rest = text[mark.upperBound...]
    guard !rest.prefix(while: { $0 != "/" }).contains("@") else {
      throw TextError(
        "expected \(Self.form), found a URL with a user in it", hint: "a secret never stands in a URL",
        hidesText: true)
    }
    guard Kind.schemes.contains(where: { $0.name == scheme }) else {
      let names = Kind.schemes.map(\.name)
      throw Self.mismatch(
        text,
        hint: NearestName.hint(String(scheme), among: names) ?? "schemes: \(names.joined(separator: ", "))")
    }
    let authority = rest.prefix { $0 != "/" }
    path = String(rest.dropFirst(authority.count))
    guard Kind.takesPath || path.isEmpty,
      !path.contains("\""), !path.contains("#"),
      let (host, port) = Self.split(String(authority))
    else { throw Self.mismatch(text) }
    if case .name = host, !Kind.takesNames {
      throw Self.mismatch(text, hint: "an address, not a name: names can't be looked up before this server runs")
    }
    self.scheme = String(scheme)
    self.host = host
    explicitPort = port
  }

  public var description: String {
    let name: String
    switch host {
    case .address(let address): name = address.family == .v6 ? "[\(address)]" : address.description
    case .name(let host): name = host.description
    case .socket(let path): return "unix:\(path)"
    }
    return "\(scheme)://\(name)" + (explicitPort.map { ":\($0)" } ?? "") + path
  }

  private static func split(_ authority: String) -> (Host, UInt16?)? {
    if let endpoint = Endpoint(authority) {
      return endpoint.port > 0 ? (.address(endpoint.address), endpoint.port) : nil
    }
    if authority.hasPrefix("["), authority.hasSuffix("]") {
      let address = IPAddress(String(authority.dropFirst().dropLast()))
      return address.flatMap { $0.family == .v6 ? (.address($0), nil) : nil }
    }
    if let address = IPAddress(authority), address.family == .v4 { return (.address(address), nil) }
    let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
    guard let first = parts.first, parts.count <= 2, let host = HostName(String(first)) else { return nil }
    // Four numbers with dots are a mistyped address, never a name.
    guard host.labels.last.map({ $0.utf8.allSatisfy(ASCIIText.isDigit) }) == false else { return nil }
    if parts.count == 1 { return (.name(host), nil) }
    guard let port = ASCIIText.number(parts[1], as: UInt16.self), port > 0 else { return nil }
    return (.name(host), port)
  }
}

/// A resolver that DNS queries are forwarded to.
public enum ResolverKind: UpstreamKind {
  public static var typeName: String { "resolver" }
  public static var form: String { "a resolver such as \"tls://9.9.9.9\" or \"udp://192.168.10.1\"" }
  public static var schemes: [(name: String, port: UInt16)] {
    [("tls", 853), ("udp", 53), ("tcp", 53), ("https", 443)]
  }
  public static var takesPath: Bool { true }
  public static var takesNames: Bool { false }
}

/// A web server.
public enum WebKind: UpstreamKind {
  public static var typeName: String { "URL" }
  public static var form: String { "a URL such as \"http://127.0.0.1:8000\" or \"unix:/run/app.sock\"" }
  public static var schemes: [(name: String, port: UInt16)] { [("http", 80), ("https", 443)] }
  public static var takesPath: Bool { true }
  public static var takesNames: Bool { true }
  public static var takesSockets: Bool { true }
}

/// A mail server that takes what goes out.
public enum RelayKind: UpstreamKind {
  public static var typeName: String { "mail relay" }
  public static var form: String { "a mail relay such as \"submission://mail.isp.example\"" }
  public static var schemes: [(name: String, port: UInt16)] {
    [("submission", 587), ("submissions", 465), ("smtp", 25)]
  }
  public static var takesPath: Bool { false }
  public static var takesNames: Bool { true }
}

/// A directory of accounts.
public enum DirectoryKind: UpstreamKind {
  public static var typeName: String { "LDAP server" }
  public static var form: String { "an LDAP server such as \"ldaps://ad.acme.example\"" }
  public static var schemes: [(name: String, port: UInt16)] { [("ldaps", 636), ("ldap", 389)] }
  public static var takesPath: Bool { false }
  public static var takesNames: Bool { true }
}
