import Crypto
import FoundationEssentials
import Services
import SwiftASN1
import _CryptoExtras

extension ServerKey {
  /// Reads the one private key of a PEM file: PKCS#8 (RFC 5958), SEC1 (RFC 5915), PKCS#1 (RFC 8017 A.1.2), each also
  /// encrypted. Certificates and EC parameters beside it are passed over.
  public init(pem bytes: [UInt8], passphrase: Secret? = nil) throws(KeyReadingError) {
    let blocks: [PEMBlock]
    do { blocks = try PEM.blocks(in: bytes) } catch { throw .pem(error) }
    guard !blocks.isEmpty else { throw .notPEM }
    let keys = blocks.filter { $0.label.hasSuffix("PRIVATE KEY") }
    guard let block = keys.first else { throw .noPrivateKey(found: blocks.map(\.label)) }
    guard keys.count == 1 else { throw .severalPrivateKeys(keys.count) }
    try self.init(block, passphrase)
  }

  private init(_ block: PEMBlock, _ passphrase: Secret?) throws(KeyReadingError) {
    var der = block.bytes
    var isDecrypted = false
    if block.headers["proc-type"]?.contains("ENCRYPTED") == true {
      guard let passphrase else { throw .passphraseNeeded }
      der = try EncryptedKey.openTraditional(block, passphrase)
      isDecrypted = true
    }
    do throws(KeyReadingError) {
      switch block.label {
      case "PRIVATE KEY": try self.init(pkcs8: der)
      case "EC PRIVATE KEY": self = try Self.readSEC1(der[...], curve: nil)
      case "RSA PRIVATE KEY": self = try Self.readPKCS1(der[...])
      case "ENCRYPTED PRIVATE KEY":
        guard let passphrase else { throw .passphraseNeeded }
        der = try EncryptedKey.openPBES2(der, passphrase)
        isDecrypted = true
        try self.init(pkcs8: der)
      default: throw .unsupportedKey("a '\(printable(block.label))'")
      }
    } catch {
      // One wrong passphrase in 256 leaves a padding that looks right; what comes out is then no key.
      if isDecrypted, case .malformed = error { throw .wrongPassphrase }
      throw error
    }
  }

  /// Reads PKCS#8, DER.
  public init(pkcs8 secret: Secret) throws(KeyReadingError) {
    self = try secret.withBytes { bytes throws(KeyReadingError) in try ServerKey(pkcs8: bytes) }
  }

  /// `PrivateKeyInfo` of version 0 or 1; attributes and the public key behind it are passed over.
  init(pkcs8 der: [UInt8]) throws(KeyReadingError) {
    let (algorithm, content) = try Self.parse { () throws -> (AlgorithmName, ArraySlice<UInt8>) in
      var nodes = try children(of: DER.parse(der)).makeIterator()
      guard (0...1).contains(try Int(derEncoded: &nodes)), let name = nodes.next() else {
        throw ASN1Error.invalidASN1Object(reason: "not a PrivateKeyInfo")
      }
      return (try AlgorithmName(name), try ASN1OctetString(derEncoded: &nodes).bytes)
    }
    switch algorithm.identifier {
    case .rsaEncryption: self = try Self.readPKCS1(content)
    case .ecPublicKey:
      guard let curve = algorithm.parametersIdentifier else { throw .unsupportedKey(Self.explicitCurve) }
      self = try Self.readSEC1(content, curve: curve)
    case .curve25519Signing:
      self = ServerKey(
        try Self.parse {
          try Curve25519.Signing.PrivateKey(rawRepresentation: Array(ASN1OctetString(derEncoded: content).bytes))
        })
    default: throw .unsupportedKey(Self.algorithmName(algorithm.identifier))
    }
  }

  /// `ECPrivateKey`; `curve` is what PKCS#8 says of it.
  private static func readSEC1(
    _ der: ArraySlice<UInt8>, curve given: ASN1ObjectIdentifier?
  ) throws(KeyReadingError) -> ServerKey {
    let (scalar, parameters) = try parse { () throws -> (ArraySlice<UInt8>, ASN1Node?) in
      var nodes = try children(of: DER.parse(der)).makeIterator()
      guard try Int(derEncoded: &nodes) == 1 else { throw ASN1Error.invalidASN1Object(reason: "not an ECPrivateKey") }
      let scalar = try ASN1OctetString(derEncoded: &nodes).bytes
      let parameters = try DER.optionalExplicitlyTagged(&nodes, tagNumber: 0, tagClass: .contextSpecific) { $0 }
      return (scalar, parameters)
    }
    let own = parameters.flatMap { try? ASN1ObjectIdentifier(derEncoded: $0) }
    if parameters != nil, own == nil { throw .unsupportedKey(explicitCurve) }
    guard let curve = given ?? own else { throw .malformed("it does not say on which curve it is") }
    if let own, own != curve { throw .malformed("it names two curves") }
    switch curve {
    case .curveP256:
      return ServerKey(try parse { try P256.Signing.PrivateKey(rawRepresentation: padded(scalar, 32)) })
    case .curveP384:
      return ServerKey(try parse { try P384.Signing.PrivateKey(rawRepresentation: padded(scalar, 48)) })
    case .curveP521:
      return ServerKey(try parse { try P521.Signing.PrivateKey(rawRepresentation: padded(scalar, 66)) })
    default: throw .unsupportedKey("an EC key on the curve \(curve)")
    }
  }

  private static let explicitCurve = "an EC key with explicit parameters instead of a named curve"

  /// Some writers drop leading zeros, against RFC 5915 §3.
  private static func padded(_ scalar: ArraySlice<UInt8>, _ count: Int) -> [UInt8] {
    [UInt8](repeating: 0, count: max(0, count - scalar.count)) + scalar
  }

  /// `RSAPrivateKey`.
  private static func readPKCS1(_ der: ArraySlice<UInt8>) throws(KeyReadingError) -> ServerKey {
    let bits = try parse { () throws -> Int in
      var nodes = try children(of: DER.parse(der)).makeIterator()
      guard try Int(derEncoded: &nodes) == 0 else { throw ASN1Error.invalidASN1Object(reason: "not an RSAPrivateKey") }
      return bitWidth(try ArraySlice<UInt8>(derEncoded: &nodes))
    }
    guard bits >= TLSPolicy.standard.rsaBitsMinimum else { throw .weakKey("RSA with \(bits) bits") }
    // Signing takes time with the cube of the length: beyond this a handshake costs seconds.
    guard bits <= 8192 else { throw .unsupportedKey("RSA with \(bits) bits") }
    return ServerKey(try parse { try _RSA.Signing.PrivateKey(derRepresentation: Array(der)) })
  }

  private static func parse<Result>(_ body: () throws -> Result) throws(KeyReadingError) -> Result {
    do {
      return try body()
    } catch {
      // The parser's own words may quote the key.
      throw .malformed("its content is not what its label says")
    }
  }

  private static func algorithmName(_ identifier: ASN1ObjectIdentifier) -> String {
    switch identifier {
    case [1, 2, 840, 113549, 1, 1, 10]: "an RSASSA-PSS key"
    case [1, 2, 840, 10040, 4, 1]: "a DSA key"
    case [1, 3, 101, 113]: "an Ed448 key"
    case [1, 3, 101, 110], [1, 3, 101, 111]: "a key for key agreement (X25519 or X448), which can't sign,"
    default: "a key of the algorithm \(identifier)"
    }
  }
}
