import Crypto
import FoundationEssentials
import Glibc
import Services

/// Where the key comes from that encrypts stored secrets: the configuration's `[server] key`.
public enum KeySource: Hashable, Sendable {
  /// `file:PATH`: 32 octets, or 64 hexadecimal digits, readable by its owner alone.
  case file(path: String)
  /// `credential:NAME`: a file of that name in systemd's `$CREDENTIALS_DIRECTORY`.
  case credential(name: String)

  /// From the configuration's text; `nil` when it has neither form.
  public init?(_ text: String) {
    if let path = Self.rest(text, "file:") {
      self = .file(path: path)
    } else if let name = Self.rest(text, "credential:"), !name.contains("/"), name != ".", name != ".." {
      self = .credential(name: name)
    } else {
      return nil
    }
  }

  private static func rest(_ text: String, _ prefix: String) -> String? {
    guard text.hasPrefix(prefix), text.count > prefix.count else { return nil }
    return String(text.dropFirst(prefix.count))
  }

  /// Reads the key; a `file:` that does not exist is made, with mode 0600, when `creating` permits it.
  ///
  /// Several processes may do this at once: one of them makes the file, all get its content.
  /// `credentialsDirectory` is the environment's `CREDENTIALS_DIRECTORY`.
  public func load(creating: Bool, credentialsDirectory: String? = nil) throws(KeyEncryptionError) -> KeyEncryption {
    switch self {
    case .credential(let name):
      guard let credentialsDirectory else {
        throw .unavailable(
          "no credentials were handed over: the unit needs LoadCredentialEncrypted=\(name), or use key = \"file:PATH\"")
      }
      // systemd guards the directory; the file's mode may show an access list of its own.
      return try KeyEncryption(key: Self.read("\(credentialsDirectory)/\(name)", requiresPrivateMode: false))
    case .file(let path):
      if access(path, F_OK) != 0, errno == ENOENT, creating { try Self.create(path) }
      return try KeyEncryption(key: Self.read(path, requiresPrivateMode: true))
    }
  }

  private static func read(_ path: String, requiresPrivateMode: Bool) throws(KeyEncryptionError) -> Secret {
    do {
      let (bytes, mode) = try DurableDirectory.readFile(path, limit: 4096)
      if requiresPrivateMode, mode & 0o077 != 0 {
        throw KeyEncryptionError.unavailable(
          "\(path) can be read by others than its owner (mode \(String(mode & 0o777, radix: 8))); chmod 600 it, and "
            + "replace the key if others may have read it")
      }
      return Secret(fromHexadecimal(bytes) ?? bytes)
    } catch let error as KeyEncryptionError {
      throw error
    } catch {
      throw .unavailable("the key that encrypts stored secrets can't be read: \(error)")
    }
  }

  /// The octets of 64 hexadecimal digits and an end of line; `nil` for anything else.
  private static func fromHexadecimal(_ bytes: [UInt8]) -> [UInt8]? {
    let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters { $0.isWhitespace }
    guard text.utf8.count == 2 * KeyEncryption.keyByteCount else { return nil }
    var octets: [UInt8] = []
    var rest = text[...]
    while !rest.isEmpty {
      guard rest.utf8.first != UInt8(ascii: "+"), let octet = UInt8(rest.prefix(2), radix: 16) else { return nil }
      octets.append(octet)
      rest = rest.dropFirst(2)
    }
    return octets
  }

  private static func create(_ path: String) throws(KeyEncryptionError) {
    let slash = path.lastIndex(of: "/")
    let directory = slash.map { String(path[..<$0]) } ?? "."
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    let key = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
    do {
      let folder = DurableDirectory(path: directory.isEmpty ? "/" : directory)
      try folder.make()
      try folder.create(name, key, mode: 0o600)
    } catch {
      throw .unavailable("the key that encrypts stored secrets can't be made: \(error)")
    }
  }
}

extension String {
  /// Without the characters at both ends that satisfy `isTrimmed`.
  func trimmingCharacters(_ isTrimmed: (Character) -> Bool) -> String {
    var part = self[...]
    while let first = part.first, isTrimmed(first) { part.removeFirst() }
    while let last = part.last, isTrimmed(last) { part.removeLast() }
    return String(part)
  }
}
