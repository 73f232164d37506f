/// A name and a password, as PLAIN and LOGIN carry them.
public struct PasswordProof: Sendable, Hashable {
  /// Whom the client wants to act as; empty for itself.
  public var authorization: String
  public var name: String
  public var password: SASLSecret

  public init(authorization: String, name: String, password: SASLSecret) {
    self.authorization = authorization
    self.name = name
    self.password = password
  }

  /// The message of PLAIN (RFC 4616 §2): `authzid NUL authcid NUL passwd`. `nil` for anything else.
  public init?(plain message: [UInt8]) {
    let parts = message.split(separator: 0, maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[1].isEmpty, !parts[2].isEmpty,
      let authorization = SASLServerExchange.text(parts[0]), let name = SASLServerExchange.text(parts[1]),
      SASLServerExchange.text(parts[2]) != nil
    else { return nil }
    self.init(authorization: authorization, name: name, password: SASLSecret(Array(parts[2])))
  }

  /// The same, to send.
  public var plain: [UInt8] {
    Array(authorization.utf8) + [0] + Array(name.utf8) + [0] + password.bytes
  }
}

/// A bearer token, as OAUTHBEARER (RFC 7628 §3.1) and XOAUTH2 carry it.
public struct BearerToken: Sendable, Hashable {
  /// Whom the client wants to act as; may be empty with OAUTHBEARER: the token knows.
  public var name: String
  public var token: SASLSecret

  public init(name: String, token: SASLSecret) {
    self.name = name
    self.token = token
  }

  /// `n,a=ann@lab.test,^Ahost=…^Aport=…^Aauth=Bearer …^A^A`
  public init?(oauthBearer message: [UInt8]) {
    let parts = message.split(separator: 1, omittingEmptySubsequences: false)
    guard parts.count >= 4, parts.last?.isEmpty == true, parts[parts.count - 2].isEmpty,
      let header = SASLServerExchange.text(parts[0])
    else { return nil }
    let fields = header.split(separator: ",", omittingEmptySubsequences: false)
    guard fields.count == 3, fields[2].isEmpty, fields[0] == "n" || fields[0] == "y" else { return nil }
    var name = ""
    if !fields[1].isEmpty {
      guard fields[1].hasPrefix("a="), let decoded = SCRAMName.decode(fields[1].dropFirst(2)) else { return nil }
      name = decoded
    }
    self.init(name: name, pairs: parts[1..<(parts.count - 2)])
  }

  /// `user=ann@lab.test^Aauth=Bearer …^A^A`
  public init?(xoauth2 message: [UInt8]) {
    let parts = message.split(separator: 1, omittingEmptySubsequences: false)
    guard parts.count == 4, parts[2].isEmpty, parts[3].isEmpty, let user = SASLServerExchange.text(parts[0]),
      user.hasPrefix("user=")
    else { return nil }
    self.init(name: String(user.dropFirst(5)), pairs: parts[1..<2])
  }

  private init?(name: String, pairs: ArraySlice<ArraySlice<UInt8>>) {
    for pair in pairs where Self.key(of: pair) == "auth" {
      let value = pair.dropFirst(5)
      guard Self.lowercased(value.prefix(7)) == "bearer ", value.count > 7 else { return nil }
      self.init(name: name, token: SASLSecret(Array(value.dropFirst(7))))
      return
    }
    return nil
  }

  private static func key(of pair: ArraySlice<UInt8>) -> String { lowercased(pair.prefix { $0 != 0x3D }) }

  private static func lowercased(_ bytes: some Sequence<UInt8>) -> String {
    String(decoding: Array(bytes), as: UTF8.self).lowercased()
  }

  /// The same, to send by OAUTHBEARER.
  public func oauthBearer(host: String, port: UInt16) -> [UInt8] {
    Array("n,a=\(SCRAMName.encode(name)),\u{1}host=\(host)\u{1}port=\(port)\u{1}auth=Bearer ".utf8) + token.bytes
      + [1, 1]
  }

  /// The same, to send by XOAUTH2.
  public var xoauth2: [UInt8] { Array("user=\(name)\u{1}auth=Bearer ".utf8) + token.bytes + [1, 1] }
}
