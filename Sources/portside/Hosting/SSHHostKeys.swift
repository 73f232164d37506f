import Crypto
import Foundation
import SSHCore
import Services

/// The keys that the SSH server proves itself by: made at the first start, and kept sealed, so that a copy of the disk
/// alone is not enough to stand in for this server.
enum SSHHostKeys {
  private static let kinds: [(kind: PrivateKey.Kind, name: String)] = [
    (.ed25519, "ed25519"), (.p256, "ecdsa"), (.rsa, "rsa"),
  ]

  /// How a file begins.
  private static let magic = Data("portside sealed host key 1\n".utf8)

  /// What seals the files, from the key of `server.key`.
  static func secret(from masterKey: Secret) -> Secret {
    let key = masterKey.withBytes { bytes in
      HKDF<SHA256>.deriveKey(
        inputKeyMaterial: SymmetricKey(data: bytes), info: Data("portside ssh host keys".utf8), outputByteCount: 32)
    }
    return Secret(key.withUnsafeBytes { Array($0) })
  }

  /// The keys in the folder, best first; those that are missing are made. Beside each lies its public half.
  static func load(_ folder: String, _ secret: Secret) throws -> [PrivateKey] {
    try kinds.map { kind, name in
      let path = "\(folder)/host_\(name)"
      if let content = FileManager.default.contents(atPath: path) { return try open(content, secret, path) }
      let key = try PrivateKey(kind)
      try write(try seal(key, secret, path), to: path, mode: 0o600)
      try write(Data((key.publicKey.line + "\n").utf8), to: path + ".pub", mode: 0o644)
      return key
    }
  }

  /// The public halves of the keys in the folder, as far as there are some.
  static func publicKeys(_ folder: String) -> [PublicKey] {
    kinds.compactMap { _, name in
      guard let content = FileManager.default.contents(atPath: "\(folder)/host_\(name).pub") else { return nil }
      return PublicKey(line: String(decoding: content, as: UTF8.self).trimmingCharacters(in: .newlines))
    }
  }

  /// Certificates beside the keys, `host_ed25519-cert.pub` and so on, as `ssh-keygen -s CA -h` makes them. One that is not of its
  /// key, or no host's, says nothing.
  static func certificates(_ folder: String, of keys: [PrivateKey]) -> [KeyCertificate] {
    kinds.compactMap { _, name in
      guard let content = FileManager.default.contents(atPath: "\(folder)/host_\(name)-cert.pub"),
        let certificate = KeyCertificate(line: String(decoding: content, as: UTF8.self)), certificate.kind == .host,
        keys.contains(where: { $0.publicKey == certificate.key })
      else { return nil }
      return certificate
    }
  }

  /// Puts a key of another server, in a file of OpenSSH's, in the place of the one of its kind.
  static func replace(in folder: String, with key: PrivateKey, _ secret: Secret) throws -> String {
    let type = key.publicKey.type
    let name = type == "ssh-ed25519" ? "ed25519" : type == "ssh-rsa" ? "rsa" : "ecdsa"
    let path = "\(folder)/host_\(name)"
    try write(try seal(key, secret, path), to: path, mode: 0o600)
    try write(Data((key.publicKey.line + "\n").utf8), to: path + ".pub", mode: 0o644)
    return path
  }

  private static func open(_ content: Data, _ secret: Secret, _ path: String) throws -> PrivateKey {
    guard content.starts(with: magic) else { throw CommandFailure("\(path) is no sealed host key") }
    do {
      let box = try AES.GCM.SealedBox(combined: content.dropFirst(magic.count))
      let file = try AES.GCM.open(box, using: symmetric(secret), authenticating: name(path))
      return try PrivateKey(openSSHFile: [UInt8](file))
    } catch {
      throw CommandFailure(
        "\(path) can't be opened with server.key: put that key back, or remove the file for a new one")
    }
  }

  private static func seal(_ key: PrivateKey, _ secret: Secret, _ path: String) throws -> Data {
    let box = try AES.GCM.seal(key.openSSHFile(), using: symmetric(secret), authenticating: name(path))
    guard let combined = box.combined else { throw CommandFailure("\(path) can't be sealed") }
    return magic + combined
  }

  private static func symmetric(_ secret: Secret) -> SymmetricKey {
    secret.withBytes { SymmetricKey(data: $0) }
  }

  /// A file that was put in another one's place does not open.
  private static func name(_ path: String) -> Data { Data((path as NSString).lastPathComponent.utf8) }

  /// All of it or nothing: a key that was cut off would have clients warn of a new one.
  private static func write(_ content: Data, to path: String, mode: mode_t) throws {
    let part = path + ".part"
    unlink(part)
    let descriptor = Foundation.open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw CommandFailure("can't make \(part): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    let written = content.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    guard written == content.count, fsync(descriptor) == 0, rename(part, path) == 0 else {
      throw CommandFailure("can't write \(path): \(String(cString: strerror(errno)))")
    }
  }
}
