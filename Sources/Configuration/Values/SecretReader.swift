import Services

/// How a secret's reference reaches the outside. Injected, so that reading a configuration touches no file.
public protocol SecretReader: Sendable {
  /// The number of the user that the server runs as.
  var user: UInt32 { get }
  /// The value of an environment variable.
  func environment(_ name: String) -> String?
  /// A file's content and attributes, following no symbolic link at its end, and no more than `limit` bytes of it.
  func read(_ path: AbsolutePath, limit: Int) throws(SecretError) -> SecretFile
}

/// What a `SecretReader` found.
public struct SecretFile: Sendable {
  public var content: [UInt8]
  /// The permission bits, such as 0o600.
  public var mode: UInt32
  public var owner: UInt32
  /// Whether it is a plain file, not a device, pipe or folder.
  public var isRegular: Bool

  public init(content: [UInt8], mode: UInt32, owner: UInt32, isRegular: Bool = true) {
    self.content = content
    self.mode = mode
    self.owner = owner
    self.isRegular = isRegular
  }
}

/// Why a secret can't be had. Names the reference, never the secret.
public struct SecretError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

extension SecretReference {
  /// Most bytes of a secret; a 16,384-bit RSA key in PEM fits several times.
  public static let maximumBytes = 65536

  /// Fetches the secret. One line end behind it is taken off, since editors put it there.
  public func resolve(using reader: some SecretReader) throws(SecretError) -> Secret {
    let bytes: [UInt8]
    switch self {
    case .credential(let name):
      guard let folder = reader.environment("CREDENTIALS_DIRECTORY") else {
        throw SecretError("\(self): $CREDENTIALS_DIRECTORY is not set; systemd sets it for LoadCredential=")
      }
      guard let path = try? AbsolutePath(configuration: folder + "/" + name) else {
        throw SecretError("\(self): $CREDENTIALS_DIRECTORY is no absolute path")
      }
      // systemd guards the folder itself; its files may carry group bits of an ACL.
      let file = try reader.read(path, limit: Self.maximumBytes)
      guard file.isRegular else { throw SecretError("\(self): not a regular file") }
      bytes = file.content
    case .file(let path):
      let file = try reader.read(path, limit: Self.maximumBytes)
      guard file.isRegular else { throw SecretError("\(self): not a regular file") }
      guard file.mode & ~0o600 == 0 else {
        throw SecretError("\(self): mode \(Self.octal(file.mode)) lets others in; use 0600 or 0400")
      }
      guard file.owner == reader.user || file.owner == 0 else {
        throw SecretError("\(self): belongs to user \(file.owner), not to the server's user or root")
      }
      bytes = file.content
    case .environment(let name):
      guard let value = reader.environment(name) else { throw SecretError("\(self): the variable is not set") }
      bytes = Array(value.utf8)
    }
    let trimmed = bytes.last == 0x0A ? bytes.dropLast(bytes.dropLast().last == 0x0D ? 2 : 1) : bytes[...]
    guard !trimmed.isEmpty else { throw SecretError("\(self): empty") }
    guard trimmed.count <= Self.maximumBytes else { throw SecretError("\(self): more than \(Self.maximumBytes) bytes") }
    return Secret(Array(trimmed))
  }

  private static func octal(_ mode: UInt32) -> String {
    let digits = String(mode & 0o7777, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}
