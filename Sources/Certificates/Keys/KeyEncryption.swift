import Crypto
import FoundationEssentials
import Services

/// Encrypts secrets that are stored: private keys of certificates, of zones, of DKIM.
///
/// One key (the key-encryption key) comes from outside; from it a key per purpose is derived (HKDF-SHA256, RFC 5869), and
/// each secret is sealed by AES-256-GCM. Purpose and name are authenticated with it, so that one sealed secret can't be
/// put in another's place.
///
/// A sealed secret is: `PSK1`, 8 octets of key id, 12 of nonce, the ciphertext, 16 of tag.
public struct KeyEncryption: Sendable {
  /// What a secret is for. A secret sealed for one purpose opens for no other.
  public struct Purpose: Hashable, Sendable {
    public let name: String
    public init(_ name: String) { self.name = name }

    /// The private key of a certificate.
    public static let certificateKey = Purpose("certificate-key")
    /// The private key of the internal authority's root or intermediate.
    public static let authorityKey = Purpose("authority-key")
    /// The private key of a certificate request that is not answered yet.
    public static let requestKey = Purpose("request-key")
    /// The key of an account at an ACME authority.
    public static let acmeAccountKey = Purpose("acme-account-key")
  }

  /// Octets of a key-encryption key.
  public static let keyByteCount = 32

  /// Names the key without telling anything of it: the same key has the same id everywhere.
  public let keyID: [UInt8]
  private let key: SymmetricKey

  private static let magic: [UInt8] = Array("PSK1".utf8)
  private static let idByteCount = 8
  private static let nonceByteCount = 12
  private static let tagByteCount = 16

  /// From 32 random octets.
  public init(key: Secret) throws(KeyEncryptionError) {
    guard key.count == Self.keyByteCount else { throw .wrongLength(key.count) }
    let symmetric = key.withBytes { SymmetricKey(data: $0) }
    self.key = symmetric
    keyID = Self.derive(symmetric, "key id", Self.idByteCount).withUnsafeBytes { Array($0) }
  }

  /// Encrypts a secret. `name` says which one of its purpose it is, such as the id of a certificate.
  public func seal(_ secret: Secret, purpose: Purpose, name: String) throws(KeyEncryptionError) -> [UInt8] {
    do {
      let header = Self.magic + keyID
      let box = try secret.withBytes { bytes in
        try AES.GCM.seal(
          bytes, using: sealingKey(purpose), nonce: AES.GCM.Nonce(),
          authenticating: Self.associatedData(header, purpose, name))
      }
      return header + Array(box.nonce) + Array(box.ciphertext) + Array(box.tag)
    } catch {
      throw .cryptography("\(error)")
    }
  }

  /// Decrypts what `seal` made with the same key, purpose and name.
  public func open(_ sealed: [UInt8], purpose: Purpose, name: String) throws(KeyEncryptionError) -> Secret {
    let headerCount = Self.magic.count + Self.idByteCount
    guard sealed.count >= headerCount + Self.nonceByteCount + Self.tagByteCount, sealed.starts(with: Self.magic) else {
      throw .notSealed
    }
    let header = Array(sealed.prefix(headerCount))
    guard header.suffix(Self.idByteCount).elementsEqual(keyID) else { throw .otherKey }
    do {
      let body = sealed.dropFirst(headerCount)
      let box = try AES.GCM.SealedBox(combined: body)
      let bytes = try AES.GCM.open(
        box, using: sealingKey(purpose), authenticating: Self.associatedData(header, purpose, name))
      return Secret(Array(bytes))
    } catch {
      throw .tampered
    }
  }

  private func sealingKey(_ purpose: Purpose) -> SymmetricKey {
    Self.derive(key, "seal \(purpose.name)", Self.keyByteCount)
  }

  private static func derive(_ key: SymmetricKey, _ info: String, _ count: Int) -> SymmetricKey {
    HKDF<SHA256>.deriveKey(
      inputKeyMaterial: key, salt: Array("portside key encryption 1".utf8), info: Array(info.utf8),
      outputByteCount: count)
  }

  /// Both texts go in with their lengths, so that no two pairs give the same octets.
  private static func associatedData(_ header: [UInt8], _ purpose: Purpose, _ name: String) -> [UInt8] {
    var data = header
    for text in [purpose.name, name] {
      let bytes = Array(text.utf8)
      for shift in stride(from: 24, through: 0, by: -8) { data.append(UInt8(truncatingIfNeeded: bytes.count >> shift)) }
      data += bytes
    }
    return data
  }
}

/// Why a secret could not be sealed or opened, or the key not be had.
public enum KeyEncryptionError: Error, Hashable, Sendable {
  /// The key has this many octets instead of 32.
  case wrongLength(Int)
  /// The bytes are no sealed secret at all.
  case notSealed
  /// It was sealed with another key-encryption key.
  case otherKey
  /// The bytes, the purpose or the name are not those that were sealed.
  case tampered
  case cryptography(String)
  /// The key can't be read or made; the text says what to do.
  case unavailable(String)
}

extension KeyEncryptionError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .wrongLength(let count):
      "the key that encrypts stored secrets must have \(KeyEncryption.keyByteCount) bytes, not \(count)"
    case .notSealed: "the data is not a sealed secret; the file is damaged"
    case .otherKey: "it was sealed with another key; configure the key that was in use then ([server] key)"
    case .tampered: "the sealed secret was altered or moved from another place; restore it from a backup"
    case .cryptography(let diagnosis): "encryption failed: \(diagnosis)"
    case .unavailable(let diagnosis): diagnosis
    }
  }
}
