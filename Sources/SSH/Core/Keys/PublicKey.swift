import Crypto
import WireKit
import _CryptoExtras

/// A public key in SSH wire form (RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4, OpenSSH's PROTOCOL.u2f).
public struct PublicKey: Sendable, Hashable {
  enum Material: Sendable {
    case ed25519(Curve25519.Signing.PublicKey)
    case p256(P256.Signing.PublicKey)
    case p384(P384.Signing.PublicKey)
    case p521(P521.Signing.PublicKey)
    case rsa(_RSA.Signing.PublicKey)
    /// A key in a security token, and the application that it was made for.
    case tokenEd25519(Curve25519.Signing.PublicKey, application: [UInt8])
    case tokenP256(P256.Signing.PublicKey, application: [UInt8])
  }

  /// The key as it travels and as it is stored.
  public let blob: [UInt8]
  /// The name of its kind, such as `ssh-ed25519`.
  public let type: String
  let material: Material

  /// Bits that an RSA modulus may have: below, it can be broken; above, verification costs too much.
  static let rsaBits = 2048...8192

  /// Decodes a key. Every length in it is checked, and nothing may follow it.
  public init(blob: [UInt8]) throws(WireError) {
    self.blob = blob
    let span = blob.span.bytes
    var reader = WireReader(span)
    type = try reader.readText("key type")
    material = try Self.material(type, &reader)
    guard reader.isAtEnd else { throw WireError(.malformed, "public key", at: reader.offset) }
  }

  private static func material(_ type: String, _ reader: inout WireReader) throws(WireError) -> Material {
    switch type {
    case "ssh-ed25519": return .ed25519(try ed25519(&reader))
    case "ecdsa-sha2-nistp256": return .p256(try p256(&reader))
    case "ecdsa-sha2-nistp384":
      let point = try self.point(&reader, curve: "nistp384")
      guard let key = try? P384.Signing.PublicKey(x963Representation: point) else { throw notAKey }
      return .p384(key)
    case "ecdsa-sha2-nistp521":
      let point = try self.point(&reader, curve: "nistp521")
      guard let key = try? P521.Signing.PublicKey(x963Representation: point) else { throw notAKey }
      return .p521(key)
    case "ssh-rsa":
      let exponent = try reader.readMagnitude("e")
      let modulus = try reader.readMagnitude("n")
      let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
      guard rsaBits.contains(bits), exponent.count <= 4, let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent)
      else { throw notAKey }
      return .rsa(key)
    case "sk-ssh-ed25519@openssh.com":
      let key = try ed25519(&reader)
      return .tokenEd25519(key, application: try reader.readStringBytes("application"))
    case "sk-ecdsa-sha2-nistp256@openssh.com":
      let key = try p256(&reader)
      return .tokenP256(key, application: try reader.readStringBytes("application"))
    default: throw WireError(.unsupported, "key type")
    }
  }

  private static var notAKey: WireError { WireError(.malformed, "public key") }

  private static func ed25519(_ reader: inout WireReader) throws(WireError) -> Curve25519.Signing.PublicKey {
    let bytes = try reader.readStringBytes("Ed25519 key")
    guard bytes.count == 32, let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) else {
      throw notAKey
    }
    return key
  }

  private static func p256(_ reader: inout WireReader) throws(WireError) -> P256.Signing.PublicKey {
    guard let key = try? P256.Signing.PublicKey(x963Representation: try point(&reader, curve: "nistp256")) else {
      throw notAKey
    }
    return key
  }

  private static func point(_ reader: inout WireReader, curve: String) throws(WireError) -> [UInt8] {
    guard try reader.readText("curve") == curve else { throw notAKey }
    return try reader.readStringBytes("point")
  }

  public static func == (left: PublicKey, right: PublicKey) -> Bool { left.blob == right.blob }
  public func hash(into hasher: inout Hasher) { hasher.combine(blob) }

  /// `SHA256:…`, as OpenSSH shows keys.
  public var fingerprint: String {
    let digest = Base64.encode(HashAlgorithm.sha256.digest(blob)).prefix { $0 != 0x3D }
    return "SHA256:" + String(decoding: digest, as: UTF8.self)
  }

  /// The data of an SSHFP record with SHA-256 (RFC 4255, RFC 6594, RFC 7479): `4 2 0123…`; `nil` for kinds without a number.
  public var fingerprintRecord: String? {
    let number: Int
    switch type {
    case "ssh-rsa": number = 1
    case let name where name.hasPrefix("ecdsa-sha2-"): number = 3
    case "ssh-ed25519": number = 4
    default: return nil
    }
    let digits = HashAlgorithm.sha256.digest(blob).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
    return "\(number) 2 \(digits.joined())"
  }

  /// One line of `authorized_keys` or `known_hosts`, without a comment: `ssh-ed25519 AAAA…`.
  public var line: String { type + " " + String(decoding: Base64.encode(blob), as: UTF8.self) }

  /// From a line in the form of `line`, with or without a comment behind it.
  public init?(line: String) {
    let words = line.split(separator: " ", omittingEmptySubsequences: true)
    guard words.count >= 2, let blob = Base64.decode(words[1].utf8), let key = try? PublicKey(blob: blob),
      key.type == words[0]
    else { return nil }
    self = key
  }
}
