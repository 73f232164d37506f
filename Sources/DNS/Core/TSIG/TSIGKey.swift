import Crypto

/// How a transaction is signed (RFC 8945 §6). HMAC-MD5 and HMAC-SHA1 are left out.
public enum TSIGAlgorithm: String, Hashable, Sendable, CaseIterable {
  case hmacSHA256 = "hmac-sha256"
  case hmacSHA384 = "hmac-sha384"
  case hmacSHA512 = "hmac-sha512"

  /// Octets of a whole signature.
  public var length: Int {
    switch self {
    case .hmacSHA256: 32
    case .hmacSHA384: 48
    case .hmacSHA512: 64
    }
  }

  /// Its name on the wire, in lower case.
  var name: Name {
    let text = Array(rawValue.utf8)
    return Name(validWire: [UInt8(truncatingIfNeeded: text.count)] + text + [0])
  }

  init?(_ name: Name) {
    guard let algorithm = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = algorithm
  }

  func code(over bytes: [UInt8], secret: [UInt8]) -> [UInt8] {
    let key = SymmetricKey(data: secret)
    switch self {
    case .hmacSHA256: return Array(HMAC<SHA256>.authenticationCode(for: bytes, using: key))
    case .hmacSHA384: return Array(HMAC<SHA384>.authenticationCode(for: bytes, using: key))
    case .hmacSHA512: return Array(HMAC<SHA512>.authenticationCode(for: bytes, using: key))
    }
  }
}

/// A key that two servers, or a server and whoever updates it, share (RFC 8945 §8). Its secret is never printed.
public struct TSIGKey: Sendable {
  public let name: Name
  public let algorithm: TSIGAlgorithm
  let secret: [UInt8]

  public init(name: Name, algorithm: TSIGAlgorithm, secret: [UInt8]) {
    self.name = name
    self.algorithm = algorithm
    self.secret = secret
  }
}

extension TSIGKey: CustomStringConvertible, CustomReflectable {
  public var description: String { "\(name) (\(algorithm.rawValue))" }
  public var customMirror: Mirror { Mirror(reflecting: description) }
}

/// The keys that a server knows.
public struct TSIGKeyring: Sendable {
  private let keys: [Name: TSIGKey]

  public init(_ keys: [TSIGKey] = []) { self.keys = Dictionary(keys.map { ($0.name, $0) }) { $1 } }

  public subscript(_ name: Name) -> TSIGKey? { keys[name] }
}
