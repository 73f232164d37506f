import Crypto
import FoundationEssentials
import Services
import SwiftASN1
import _CryptoExtras

/// Decrypts private keys that are protected by a passphrase.
enum EncryptedKey {
  /// Most rounds of PBKDF2 that a file may ask for: some seconds.
  static let roundsMaximum = 10_000_000
  /// Most octets of memory that a file may ask scrypt for.
  static let scryptByteCountMaximum = 256 << 20

  /// `EncryptedPrivateKeyInfo` (RFC 5958 §3) by PBES2 (RFC 8018 §6.2): PBKDF2 or scrypt, then AES-CBC.
  static func openPBES2(_ der: [UInt8], _ passphrase: Secret) throws(KeyReadingError) -> [UInt8] {
    let (algorithm, ciphertext) = try parse { () throws -> (AlgorithmName, ArraySlice<UInt8>) in
      var nodes = try children(of: DER.parse(der)).makeIterator()
      guard let name = nodes.next() else { throw ASN1Error.invalidASN1Object(reason: "no algorithm") }
      return (try AlgorithmName(name), try ASN1OctetString(derEncoded: &nodes).bytes)
    }
    guard algorithm.identifier == Identifier.pbes2, let parameters = algorithm.parameters else {
      throw .unsupportedEncryption("the old scheme \(algorithm.identifier)")
    }
    let (derivation, cipher) = try parse { () throws -> (AlgorithmName, AlgorithmName) in
      try DER.sequence(DER.parse(parameters), identifier: .sequence) { nodes in
        guard let first = nodes.next(), let second = nodes.next() else {
          throw ASN1Error.invalidASN1Object(reason: "no PBES2 parameters")
        }
        return (try AlgorithmName(first), try AlgorithmName(second))
      }
    }
    guard let keyByteCount = Identifier.aesKeyByteCounts[cipher.identifier], let vector = cipher.parameters else {
      throw .unsupportedEncryption(
        cipher.identifier == Identifier.tripleDES ? "triple DES" : "the cipher \(cipher.identifier)")
    }
    let initial = try parse { try ASN1OctetString(derEncoded: vector).bytes }
    let key = try deriveKey(derivation, passphrase, keyByteCount)
    return try decrypt(ciphertext, key, initial)
  }

  private static func deriveKey(
    _ derivation: AlgorithmName, _ passphrase: Secret, _ count: Int
  ) throws(KeyReadingError) -> SymmetricKey {
    guard let parameters = derivation.parameters else { throw .malformed("no parameters of the key derivation") }
    switch derivation.identifier {
    case Identifier.pbkdf2: return try pbkdf2(parameters, passphrase, count)
    case Identifier.scrypt: return try scrypt(parameters, passphrase, count)
    default: throw .unsupportedEncryption("the key derivation \(derivation.identifier)")
    }
  }

  /// RFC 8018 A.2.
  private static func pbkdf2(
    _ parameters: ArraySlice<UInt8>, _ passphrase: Secret, _ count: Int
  ) throws(KeyReadingError) -> SymmetricKey {
    let (salt, rounds, function) = try parse { () throws -> (ArraySlice<UInt8>, Int, ASN1ObjectIdentifier) in
      var nodes = try children(of: DER.parse(parameters)).makeIterator()
      let salt = try ASN1OctetString(derEncoded: &nodes).bytes
      let rounds = try Int(derEncoded: &nodes)
      var function = Identifier.hmacSHA1
      while let node = nodes.next() {
        if node.identifier == .sequence { function = try AlgorithmName(node).identifier }
      }
      return (salt, rounds, function)
    }
    guard (1...roundsMaximum).contains(rounds) else { throw .unsupportedEncryption("PBKDF2 with \(rounds) rounds") }
    guard let hash = Identifier.hashFunctions[function] else {
      throw .unsupportedEncryption("PBKDF2 with \(function)")
    }
    return try passphrase.withBytes { bytes throws(KeyReadingError) in
      try parse {
        try KDF.Insecure.PBKDF2.deriveKey(
          from: bytes, salt: Array(salt), using: hash, outputByteCount: count, unsafeUncheckedRounds: rounds)
      }
    }
  }

  /// RFC 7914 §7.
  private static func scrypt(
    _ parameters: ArraySlice<UInt8>, _ passphrase: Secret, _ count: Int
  ) throws(KeyReadingError) -> SymmetricKey {
    let (salt, cost, blockSize, parallelism) = try parse { () throws -> (ArraySlice<UInt8>, Int, Int, Int) in
      var nodes = try children(of: DER.parse(parameters)).makeIterator()
      return (
        try ASN1OctetString(derEncoded: &nodes).bytes, try Int(derEncoded: &nodes), try Int(derEncoded: &nodes),
        try Int(derEncoded: &nodes)
      )
    }
    let memory = cost.multipliedReportingOverflow(by: blockSize)
    guard cost > 1, cost & (cost - 1) == 0, (1...1024).contains(blockSize), (1...16).contains(parallelism),
      !memory.overflow, memory.partialValue <= scryptByteCountMaximum / 128
    else { throw .unsupportedEncryption("scrypt with N=\(cost), r=\(blockSize), p=\(parallelism)") }
    return try passphrase.withBytes { bytes throws(KeyReadingError) in
      try parse {
        try KDF.Scrypt.deriveKey(
          from: bytes, salt: Array(salt), outputByteCount: count, rounds: cost, blockSize: blockSize,
          parallelism: parallelism)
      }
    }
  }

  /// The older form of OpenSSL: `Proc-Type: 4,ENCRYPTED` and `DEK-Info: AES-256-CBC,VECTOR`; its key comes of one round
  /// of MD5 (EVP_BytesToKey with the first eight octets of the vector as salt).
  static func openTraditional(_ block: PEMBlock, _ passphrase: Secret) throws(KeyReadingError) -> [UInt8] {
    let parts = (block.headers["dek-info"] ?? "").split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw .malformed("no DEK-Info line") }
    guard let count = ["AES-128-CBC": 16, "AES-192-CBC": 24, "AES-256-CBC": 32][String(parts[0])] else {
      throw .unsupportedEncryption(printable(String(parts[0])))
    }
    guard let vector = octets(parts[1]), vector.count == 16 else { throw .malformed("no vector in the DEK-Info line") }
    let key = passphrase.withBytes { bytes in
      var key: [UInt8] = []
      var digest: [UInt8] = []
      while key.count < count {
        digest = Array(Insecure.MD5.hash(data: digest + bytes + vector.prefix(8)))
        key += digest
      }
      return SymmetricKey(data: key.prefix(count))
    }
    return try decrypt(block.bytes[...], key, vector[...])
  }

  private static func octets(_ text: Substring) -> [UInt8]? {
    guard text.utf8.count == 32, text.allSatisfy(\.isHexDigit) else { return nil }
    return stride(from: 0, to: 32, by: 2).compactMap { UInt8(text.dropFirst($0).prefix(2), radix: 16) }
  }

  private static func decrypt(
    _ ciphertext: ArraySlice<UInt8>, _ key: SymmetricKey, _ vector: ArraySlice<UInt8>
  ) throws(KeyReadingError) -> [UInt8] {
    guard vector.count == 16, !ciphertext.isEmpty, ciphertext.count % 16 == 0 else {
      throw .malformed("the encrypted part has a wrong length")
    }
    do {
      return Array(try AES._CBC.decrypt(Array(ciphertext), using: key, iv: AES._CBC.IV(ivBytes: vector)))
    } catch {
      throw .wrongPassphrase
    }
  }

  private static func parse<Result>(_ body: () throws -> Result) throws(KeyReadingError) -> Result {
    do {
      return try body()
    } catch {
      throw .malformed("the parameters of its encryption can't be read")
    }
  }

  private enum Identifier {
    static let pbes2: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 5, 13]
    static let pbkdf2: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 5, 12]
    static let scrypt: ASN1ObjectIdentifier = [1, 3, 6, 1, 4, 1, 11591, 4, 11]
    static let hmacSHA1: ASN1ObjectIdentifier = [1, 2, 840, 113549, 2, 7]
    static let tripleDES: ASN1ObjectIdentifier = [1, 2, 840, 113549, 3, 7]
    static let hashFunctions: [ASN1ObjectIdentifier: KDF.Insecure.PBKDF2.HashFunction] = [
      hmacSHA1: .insecureSHA1,
      [1, 2, 840, 113549, 2, 8]: .insecureSHA224,
      [1, 2, 840, 113549, 2, 9]: .sha256,
      [1, 2, 840, 113549, 2, 10]: .sha384,
      [1, 2, 840, 113549, 2, 11]: .sha512,
    ]
    /// AES-128, 192 and 256 in CBC mode.
    static let aesKeyByteCounts: [ASN1ObjectIdentifier: Int] = [
      [2, 16, 840, 1, 101, 3, 4, 1, 2]: 16, [2, 16, 840, 1, 101, 3, 4, 1, 22]: 24,
      [2, 16, 840, 1, 101, 3, 4, 1, 42]: 32,
    ]
  }
}
