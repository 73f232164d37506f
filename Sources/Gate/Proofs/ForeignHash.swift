import CCrypt
import CSodium
import Crypto
import Services

import struct FoundationEssentials.Data

/// A password hash that another system made: brought in with its account, good until the first log-in, when the server makes
/// its own of the password that was right.
///
/// What the field keeps passwords in: crypt(5) of Linux (`$6$`, `$5$`, `$y$`, `$2b$`, `$1$`), Argon2, and Dovecot's, LDAP's and
/// Apache's forms with a scheme in braces (`{SSHA512}…`, RFC 2307 §5.3).
public enum ForeignHash: Sendable, Equatable {
  /// As `PasswordVerifiers` keeps it.
  case hash(Secret)
  /// The scheme keeps the password itself.
  case password(Secret)
  /// The account has none, or is locked (`*`, `!…`, `x`).
  case none

  /// The schemes that are salted digests: digest bytes, then the salt, in base 64.
  private enum Digest: String, CaseIterable {
    case sha = "SHA"
    case sha256 = "SHA256"
    case sha512 = "SHA512"

    var length: Int {
      switch self {
      case .sha: Insecure.SHA1.byteCount
      case .sha256: SHA256.byteCount
      case .sha512: SHA512.byteCount
      }
    }

    func digest(_ bytes: [UInt8]) -> [UInt8] {
      switch self {
      case .sha: Array(Insecure.SHA1.hash(data: bytes))
      case .sha256: Array(SHA256.hash(data: bytes))
      case .sha512: Array(SHA512.hash(data: bytes))
      }
    }
  }

  private static let cryptMarks = ["$1$", "$5$", "$6$", "$2a$", "$2b$", "$2y$", "$y$", "$gy$", "$7$"]
  /// Dovecot's names for what crypt(3) judges.
  private static let cryptSchemes: Set = ["CRYPT", "MD5-CRYPT", "SHA256-CRYPT", "SHA512-CRYPT", "BLF-CRYPT"]
  /// The longest that any of the schemes makes.
  private static let maximumLength = 512
  /// Memory that a check may take, in KiB: a hash from outside says itself what it costs.
  private static let maximumMemory = 256 * 1024

  /// Reads a hash. `nil` when the form is not known, or would cost more to check than a log-in may.
  public init?(_ text: String) {
    guard text.utf8.count <= Self.maximumLength else { return nil }
    if ["", "*", "x", "NP", "LK"].contains(text) || text.hasPrefix("!") || text.hasPrefix("*") {
      self = .none
      return
    }
    guard text.hasPrefix("{"), let end = text.firstIndex(of: "}") else {
      guard Self.isKnown(text) else { return nil }
      self = .hash(Secret(Array(text.utf8)))
      return
    }
    let scheme = text[text.index(after: text.startIndex)..<end].uppercased()
    let value = String(text[text.index(after: end)...])
    switch scheme {
    case "PLAIN", "CLEARTEXT", "CLEAR": self = .password(Secret(Array(value.utf8)))
    case "ARGON2I", "ARGON2ID",
      _ where Self.cryptSchemes.contains(scheme):
      guard Self.isKnown(value) else { return nil }
      self = .hash(Secret(Array(value.utf8)))
    default:
      let canonical = "{\(scheme)}\(value)"
      guard Self.digest(canonical) != nil else { return nil }
      self = .hash(Secret(Array(canonical.utf8)))
    }
  }

  /// Whether a hash that is kept came from elsewhere, so that one of ours should take its place.
  static func isForeign(_ hash: Secret) -> Bool {
    hash.withBytes { bytes in
      [UInt8(ascii: "{"), UInt8(ascii: "$")].contains(bytes.first)
        && !bytes.starts(with: Array(Argon2idHasher.prefix.utf8))
    }
  }

  private static func isKnown(_ text: String) -> Bool {
    let fields = text.split(separator: "$").map(String.init)
    if text.hasPrefix("$argon2id$") || text.hasPrefix("$argon2i$") {
      let costs = fields.first { $0.hasPrefix("m=") }?.split(separator: ",").map { $0.split(separator: "=") } ?? []
      let memory = costs.first { $0.first == "m" }?.last.flatMap { Int($0) }
      let passes = costs.first { $0.first == "t" }?.last.flatMap { Int($0) }
      guard let memory, let passes else { return false }
      return memory <= maximumMemory && passes <= 16
    }
    guard cryptMarks.contains(where: text.hasPrefix), fields.count >= 3 || text.hasPrefix("$2") else { return false }
    if text.hasPrefix("$2") { return fields.count == 3 && (Int(fields[1]) ?? 99) <= 15 && fields[2].count == 53 }
    if let rounds = fields.first(where: { $0.hasPrefix("rounds=") }) {
      return (Int(rounds.dropFirst(7)) ?? .max) <= 5_000_000
    }
    return true
  }

  /// `{SSHA256}…` and its like, taken apart.
  private static func digest(_ text: String) -> (kind: Digest, digest: [UInt8], salt: [UInt8])? {
    guard text.hasPrefix("{"), let end = text.firstIndex(of: "}") else { return nil }
    var scheme = String(text[text.index(after: text.startIndex)..<end])
    let value = String(text[text.index(after: end)...])
    if scheme.hasSuffix(".B64") || scheme.hasSuffix(".BASE64") { scheme = String(scheme.prefix { $0 != "." }) }
    let isSalted = scheme.hasPrefix("SS")
    guard let kind = Digest(rawValue: isSalted ? String(scheme.dropFirst()) : scheme),
      let bytes = Data(base64Encoded: value), bytes.count >= kind.length, isSalted || bytes.count == kind.length
    else { return nil }
    return (kind, Array(bytes.prefix(kind.length)), Array(bytes.dropFirst(kind.length)))
  }

  /// Whether the password belongs to a hash that `init` accepted. Blocks; `nil` where memory is short.
  static func verify(_ password: Secret, against hash: Secret) -> Bool? {
    let text = hash.withBytes { String(decoding: $0, as: UTF8.self) }
    if let parts = digest(text) {
      let own = password.withBytes { parts.kind.digest($0 + parts.salt) }
      return Secret(own) == Secret(parts.digest)
    }
    guard cryptMarks.contains(where: text.hasPrefix) else { return false }
    // crypt(3) takes C strings: what is behind a zero byte would not count.
    guard password.withBytes({ !$0.contains(0) }) else { return false }
    var memory: UnsafeMutableRawPointer?
    var size: Int32 = 0
    defer {
      if let memory { sodium_memzero(memory, Int(size)) }
      free(memory)
    }
    let made = password.withBytes { bytes -> Secret? in
      let phrase = bytes.map { CChar(bitPattern: $0) } + [0]
      guard let result = crypt_ra(phrase, text, &memory, &size) else { return nil }
      return Secret(Array(String(cString: result).utf8))
    }
    // A failure gives `*0` or nothing: no hash begins so.
    guard let made else { return false }
    return made == hash
  }
}

/// Our own hashes, and those that came from elsewhere.
public struct PasswordHashes: PasswordHasher {
  private let own: Argon2idHasher

  public init(own: Argon2idHasher) { self.own = own }

  public func hash(_ password: Secret) -> Secret? { own.hash(password) }

  public func verify(_ password: Secret, against hash: Secret) -> Bool? {
    let isArgon2 = hash.withBytes { $0.starts(with: Array("$argon2".utf8)) }
    return isArgon2 ? own.verify(password, against: hash) : ForeignHash.verify(password, against: hash)
  }
}
