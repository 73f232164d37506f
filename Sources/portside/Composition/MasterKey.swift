import Configuration
import Foundation
import Services

/// The key that encrypts what the stores keep secret (`server.key`).
enum MasterKey {
  /// Fetches it. A `file:` that does not exist is made: 32 random bytes in hexadecimal, readable by its owner alone.
  static func load(_ configuration: PortsideConfiguration) throws -> Secret {
    let reference = try configuration.server.key ?? .file(defaultPath(configuration))
    if case .file(let path) = reference, !FileManager.default.fileExists(atPath: path.description) {
      try create(path.description)
    }
    let text: Secret
    // Root may look after a server that runs as another, whose the stores are and the key that it has made.
    let owner = DataFolder(configuration).storeOwner ?? geteuid()
    do { text = try reference.resolve(using: SystemSecretReader(user: owner)) } catch {
      throw CommandFailure("server.key: \(error)")
    }
    let key = text.withBytes { decodeHexadecimal($0) ?? $0 }
    guard key.count >= 32 else {
      throw CommandFailure(
        "server.key: \(reference) has \(key.count) bytes; a key has 32 at least, or 64 hexadecimal digits")
    }
    return Secret(key)
  }

  private static func defaultPath(_ configuration: PortsideConfiguration) throws -> AbsolutePath {
    guard let path = configuration.server.data.appending("key") else {
      throw CommandFailure("server.data is too long")
    }
    return path
  }

  private static func create(_ path: String) throws {
    let digits = (0..<32).map { _ in
      let byte = UInt8.random(in: 0...255)
      return (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      if errno == EEXIST { return }
      throw CommandFailure("can't make the key \(path): \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    let bytes = Array((digits + "\n").utf8)
    guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
      unlink(path)
      throw CommandFailure("can't write the key \(path): \(String(cString: strerror(errno)))")
    }
  }

  private static func decodeHexadecimal(_ bytes: [UInt8]) -> [UInt8]? {
    guard bytes.count == 64 else { return nil }
    var result: [UInt8] = []
    for index in stride(from: 0, to: 64, by: 2) {
      guard let byte = UInt8(String(decoding: bytes[index...index + 1], as: UTF8.self), radix: 16) else { return nil }
      result.append(byte)
    }
    return result
  }
}
