import Crypto

/// A request's content as ACME sends it: a flattened JWS (RFC 8555 §6.2; RFC 7515 §7.2.2).
///
/// ```
/// {"protected": "…", "payload": "…", "signature": "…"}
/// protected: {"alg": "ES256", "kid": "https://srv.lab.test/acme/account/1", "nonce": "…", "url": "…"}
/// ```
public struct SignedRequest: Sendable {
  /// Who signed.
  public enum Signer: Sendable, Hashable {
    /// A key that stands in the request itself.
    case key(JSONWebKey)
    /// An account, by its URL.
    case account(String)
  }

  public let algorithm: String
  public let signer: Signer
  public let nonce: String?
  public let url: String
  public let payload: [UInt8]
  private let input: [UInt8]
  private let signature: [UInt8]

  /// Reads it, and checks its form alone. `nil` for what is none, has an unprotected header, both signers or neither, or
  /// extensions that must be understood.
  public init?(_ content: [UInt8]) {
    guard let value = JSONValue(content), value["header"] == nil, value["signatures"] == nil,
      let protected = value["protected"]?.string, let payload = value["payload"]?.string,
      let signature = value["signature"]?.string.flatMap(Base64URL.decode),
      let header = Base64URL.decode(protected).flatMap({ JSONValue($0) }), header["crit"] == nil,
      let payloadOctets = Base64URL.decode(payload), let algorithm = header["alg"]?.string,
      let url = header["url"]?.string
    else { return nil }
    switch (header["jwk"], header["kid"]) {
    case (let key?, nil):
      guard let key = JSONWebKey(key) else { return nil }
      signer = .key(key)
    case (nil, .string(let account)?): signer = .account(account)
    default: return nil
    }
    if let nonce = header["nonce"] {
      guard let text = nonce.string else { return nil }
      self.nonce = text
    } else {
      nonce = nil
    }
    self.algorithm = algorithm
    self.url = url
    self.payload = payloadOctets
    self.signature = signature
    input = Array("\(protected).\(payload)".utf8)
  }

  /// Whether this key signed it, by its own algorithm.
  public func isSigned(by key: JSONWebKey) -> Bool {
    algorithm == key.algorithm && key.isValid(signature, over: input)
  }

  /// Whether it is signed by a shared secret: the inner part of an external account binding (RFC 8555 §7.3.4).
  public func isSigned(bySecret secret: [UInt8]) -> Bool {
    algorithm == "HS256"
      && HMAC<SHA256>.isValidAuthenticationCode(
        signature, authenticating: input, using: SymmetricKey(data: secret))
  }
}

/// The key of an account, with which a client signs: ECDSA on P-256.
public struct AccountKey: Sendable {
  private let key: P256.Signing.PrivateKey

  /// A new one.
  public init() { key = P256.Signing.PrivateKey() }

  /// From its 32 octets.
  public init?(_ octets: [UInt8]) {
    guard let key = try? P256.Signing.PrivateKey(rawRepresentation: octets) else { return nil }
    self.key = key
  }

  public var octets: [UInt8] { Array(key.rawRepresentation) }

  public var publicKey: JSONWebKey {
    let point = Array(key.publicKey.rawRepresentation)
    return .p256(x: Array(point.prefix(32)), y: Array(point.suffix(32)))
  }

  /// A request's content. `payload` `nil`: nothing, for POST-as-GET (RFC 8555 §6.3).
  public func sign(_ payload: JSONValue?, url: String, nonce: String?, account: String?) throws -> [UInt8] {
    var header: [String: JSONValue] = ["alg": "ES256", "url": .string(url)]
    if let nonce { header["nonce"] = .string(nonce) }
    if let account { header["kid"] = .string(account) } else { header["jwk"] = publicKey.value }
    return try Self.envelope(.object(header), payload) { Array(try key.signature(for: $0).rawRepresentation) }
  }

  /// The binding of this key to an account that the authority knows otherwise (RFC 8555 §7.3.4).
  public func externalBinding(keyID: String, secret: [UInt8], url: String) throws -> JSONValue {
    let header: JSONValue = ["alg": "HS256", "kid": .string(keyID), "url": .string(url)]
    let content = try Self.envelope(header, publicKey.value) { input in
      Array(HMAC<SHA256>.authenticationCode(for: input, using: SymmetricKey(data: secret)))
    }
    return JSONValue(content) ?? .null
  }

  private static func envelope(
    _ header: JSONValue, _ payload: JSONValue?, _ sign: ([UInt8]) throws -> [UInt8]
  ) throws -> [UInt8] {
    let protected = Base64URL.encode(header.bytes)
    let content = payload.map { Base64URL.encode($0.bytes) } ?? ""
    let signature = try sign(Array("\(protected).\(content)".utf8))
    let value: JSONValue = [
      "protected": .string(protected), "payload": .string(content), "signature": .string(Base64URL.encode(signature)),
    ]
    return value.bytes
  }
}
