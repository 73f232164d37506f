import Crypto
import Glibc
import Services

/// The server's own key, and what is derived from it: one key that seals stored secrets, one that hashes tokens.
///
/// Without it a copy of the database holds no second factor, no SCRAM verifier and no app password that can be tried.
public struct GateKeys: Sendable {
  private let sealing: SymmetricKey
  private let hashing: SymmetricKey

  /// `master`: 32 bytes at least, from a source of randomness; `nil` for fewer.
  public init?(master: Secret) {
    guard master.count >= 32 else { return nil }
    let key = SymmetricKey(data: master.withBytes { $0 })
    let derive = { (purpose: String) in
      HKDF<SHA256>.deriveKey(inputKeyMaterial: key, info: Array("portside \(purpose)".utf8), outputByteCount: 32)
    }
    sealing = derive("sealing")
    hashing = derive("token hashes")
  }

  /// The master key in a file of mode 0400; made with 32 random bytes where there is none.
  ///
  /// Throws `.corrupt` when the file is readable for others or too short, `.unavailable` when it can't be read or made.
  public static func master(atPath path: String) throws(StoreError) -> Secret {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    if descriptor < 0 {
      guard errno == ENOENT else { throw StoreError(.unavailable, "can't read the key \(path): \(errorText())") }
      return try makeMaster(atPath: path)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & 0o077 == 0 else {
      throw StoreError(.corrupt, "the key \(path) must be readable for its owner alone (mode 0400)")
    }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = read(descriptor, &buffer, buffer.count)
    guard count >= 32 else { throw StoreError(.corrupt, "the key \(path) has less than 32 bytes") }
    return Secret(Array(buffer[..<count]))
  }

  private static func makeMaster(atPath path: String) throws(StoreError) -> Secret {
    let key = RandomToken.bytes(32)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o400)
    guard descriptor >= 0 else { throw StoreError(.unavailable, "can't make the key \(path): \(errorText())") }
    defer { close(descriptor) }
    guard write(descriptor, key, key.count) == key.count, fsync(descriptor) == 0 else {
      unlink(path)
      throw StoreError(.unavailable, "can't write the key \(path)")
    }
    return Secret(key)
  }

  private static func errorText() -> String { String(cString: strerror(errno)) }

  /// Encrypts, bound to `purpose` and account: a sealed value that is moved to another place can't be opened there.
  func seal(_ secret: Secret, purpose: String, of id: AccountID) -> Secret? {
    let context = Array("\(purpose):\(id.number)".utf8)
    let box = secret.withBytes { try? ChaChaPoly.seal($0, using: sealing, authenticating: context) }
    return box.map { Secret([UInt8]($0.combined)) }
  }

  /// What `seal` sealed; `nil` when it is damaged, from another place, or sealed with another key.
  func unseal(_ sealed: Secret, purpose: String, of id: AccountID) -> Secret? {
    let context = Array("\(purpose):\(id.number)".utf8)
    return sealed.withBytes { bytes in
      guard let box = try? ChaChaPoly.SealedBox(combined: bytes),
        let opened = try? ChaChaPoly.open(box, using: sealing, authenticating: context)
      else { return nil }
      return Secret([UInt8](opened))
    }
  }

  /// HMAC-SHA-256 of a random token. Fast, which is fine for what can't be guessed, and keyed, so that the hash alone
  /// is of no use.
  func hash(_ token: Secret, purpose: String, of id: AccountID) -> Secret {
    let context = Array("\(purpose):\(id.number):".utf8)
    return token.withBytes { Secret([UInt8](HMAC<SHA256>.authenticationCode(for: context + $0, using: hashing))) }
  }
}
