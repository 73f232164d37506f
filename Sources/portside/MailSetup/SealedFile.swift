import Crypto
import Foundation
import Services

/// Files with a secret in them, sealed by a key that is kept elsewhere: a copy of the disk alone tells nothing.
struct SealedFile: Sendable {
  /// How a file begins, in plain text.
  let magic: String
  let secret: Secret

  /// A key for one purpose, from the key of `server.key`.
  static func secret(from masterKey: Secret, for purpose: String) -> Secret {
    let key = masterKey.withBytes { bytes in
      HKDF<SHA256>.deriveKey(
        inputKeyMaterial: SymmetricKey(data: bytes), info: Data(purpose.utf8), outputByteCount: 32)
    }
    return Secret(key.withUnsafeBytes { Array($0) })
  }

  /// What a file holds; `nil` when there is none, or it is not sealed.
  func read(_ path: String) throws -> [UInt8]? {
    guard let content = FileManager.default.contents(atPath: path), content.starts(with: Data(magic.utf8)) else {
      return nil
    }
    do {
      let box = try AES.GCM.SealedBox(combined: content.dropFirst(magic.utf8.count))
      return [UInt8](try AES.GCM.open(box, using: symmetric, authenticating: Self.name(path)))
    } catch {
      throw CommandFailure(
        "\(path) can't be opened with server.key: put that key back, or remove the file for a new one")
    }
  }

  /// Writes a file as a whole or not at all, for its owner alone.
  func write(_ content: [UInt8], to path: String) throws {
    let box = try AES.GCM.seal(Data(content), using: symmetric, authenticating: Self.name(path))
    guard let combined = box.combined else { throw CommandFailure("\(path) can't be sealed") }
    try Self.write(Data(magic.utf8) + combined, to: path, mode: 0o600)
  }

  private var symmetric: SymmetricKey { secret.withBytes { SymmetricKey(data: $0) } }

  /// A file that was put in another one's place does not open.
  private static func name(_ path: String) -> Data { Data((path as NSString).lastPathComponent.utf8) }

  static func write(_ content: Data, to path: String, mode: mode_t) throws {
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
