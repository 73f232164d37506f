import Crypto
import SASLCore
import Services
import Synchronization
import _CryptoExtras

/// A domain's signing key (RFC 6376 §3.3, RFC 8463).
public enum DKIMKey: Sendable {
  case rsa(_RSA.Signing.PrivateKey)
  case ed25519(Curve25519.Signing.PrivateKey)

  /// A new key of 2048 bits, which every receiver takes.
  public static func makeRSA() throws -> DKIMKey { .rsa(try _RSA.Signing.PrivateKey(keySize: .bits2048)) }
  public static func makeEd25519() -> DKIMKey { .ed25519(Curve25519.Signing.PrivateKey()) }

  /// As it is kept in a file: its kind, a line end, its bytes in base 64.
  public var stored: [UInt8] {
    switch self {
    case .rsa(let key): Array("rsa\n".utf8) + Base64.encode([UInt8](key.derRepresentation)) + [0x0A]
    case .ed25519(let key): Array("ed25519\n".utf8) + Base64.encode([UInt8](key.rawRepresentation)) + [0x0A]
    }
  }

  /// From `stored`; `nil` for anything else.
  public init?(stored: [UInt8]) {
    let lines = stored.split(separator: 0x0A)
    guard lines.count == 2, let bytes = Base64.decode(lines[1]) else { return nil }
    switch String(decoding: lines[0], as: UTF8.self) {
    case "rsa":
      guard let key = try? _RSA.Signing.PrivateKey(derRepresentation: bytes) else { return nil }
      self = .rsa(key)
    case "ed25519":
      guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes) else { return nil }
      self = .ed25519(key)
    default: return nil
    }
  }

  var algorithm: String {
    switch self {
    case .rsa: "rsa-sha256"
    case .ed25519: "ed25519-sha256"
    }
  }

  /// The record that publishes it, at `SELECTOR._domainkey.DOMAIN` (RFC 6376 §3.6.1).
  public var record: String {
    switch self {
    case .rsa(let key):
      "v=DKIM1; k=rsa; p=" + String(decoding: Base64.encode([UInt8](key.publicKey.derRepresentation)), as: UTF8.self)
    case .ed25519(let key):
      "v=DKIM1; k=ed25519; p="
        + String(decoding: Base64.encode([UInt8](key.publicKey.rawRepresentation)), as: UTF8.self)
    }
  }

  func sign(_ digest: SHA256.Digest) -> [UInt8]? {
    switch self {
    case .rsa(let key):
      (try? key.signature(for: digest, padding: .insecurePKCS1v1_5)).map { [UInt8]($0.rawRepresentation) }
    // RFC 8463 §3: what is signed is the hash itself.
    case .ed25519(let key): (try? key.signature(for: Array(digest))).map { [UInt8]($0) }
    }
  }
}

/// Signs messages for the domains that it has keys for.
public final class DKIMSigner: Sendable {
  public struct Entry: Sendable {
    public var selector: String
    public var key: DKIMKey
    public init(selector: String, key: DKIMKey) {
      self.selector = selector
      self.key = key
    }
  }

  /// Signed where they are there (RFC 6376 §5.4.1).
  private static let names = [
    "from", "reply-to", "subject", "date", "to", "cc", "message-id", "in-reply-to", "references", "mime-version",
    "content-type", "content-transfer-encoding", "list-id", "list-unsubscribe", "list-unsubscribe-post",
  ]
  /// Signed once more than they are there, so that nobody can add another.
  private static let oversigned = ["from", "subject", "date", "to", "cc", "message-id", "content-type"]

  private let keys: Mutex<[String: [Entry]]>

  public init(_ keys: [String: [Entry]]) { self.keys = Mutex(keys) }

  /// Replaces the keys, by domain.
  public func reload(_ keys: [String: [Entry]]) { self.keys.withLock { $0 = keys } }

  /// Signature fields for a message, by the domain of its From; nothing where there is no key for that.
  func signatures(
    _ fields: [HeaderBlock.Field], body: any MessageBody, from start: Int64, now: WallTime
  ) async -> [UInt8] {
    guard let from = fields.first(where: { $0.name == "from" }), let domain = FromDomain.of(from.value),
      let entries = keys.withLock({ $0[domain] }), !entries.isEmpty
    else { return [] }
    var hash = DKIMBodyHash(.relaxed)
    do { try body.forEachPiece(from: start) { hash.take($0) } } catch { return [] }
    let bodyHash = String(decoding: Base64.encode(hash.finish()), as: UTF8.self)
    return entries.flatMap { Self.signature($0, domain, fields, bodyHash, now) ?? [] }
  }

  /// A key for a domain by RSA, which every receiver of ARC takes; else whichever there is.
  func sealingKey(of domain: String) -> Entry? {
    let entries = keys.withLock { $0[domain] } ?? []
    return entries.first { $0.key.algorithm == "rsa-sha256" } ?? entries.first
  }

  /// What is made by a signature over a message.
  enum Form {
    case dkim
    /// RFC 8617 §4.1.2, with its instance.
    case arc(Int)

    var beginning: String {
      switch self {
      case .dkim: "DKIM-Signature: v=1;"
      case .arc(let number): "ARC-Message-Signature: i=\(number);"
      }
    }
  }

  /// A signature field over these fields and a body of this hash, with its line end.
  static func signature(
    _ entry: Entry, _ domain: String, _ fields: [HeaderBlock.Field], _ bodyHash: String, _ now: WallTime,
    form: Form = .dkim
  ) -> [UInt8]? {
    var signed: [String] = []
    var hash = SHA256()
    for name in names {
      // From the last upwards (RFC 6376 §5.4.2).
      for field in fields.reversed() where field.name == name {
        hash.update(data: DKIMCanonical.relaxed.field(field.bytes))
        signed.append(name)
      }
      if oversigned.contains(name) { signed.append(name) }
    }
    let list = signed.enumerated().map { index, name in index > 0 && index % 6 == 0 ? "\r\n\t\(name)" : name }
      .joined(separator: ":")
    let text =
      "\(form.beginning) a=\(entry.key.algorithm); c=relaxed/relaxed; d=\(domain);\r\n\ts=\(entry.selector); "
      + "t=\(now.seconds); h=\(list);\r\n\tbh=\(bodyHash);\r\n\tb="
    var own = DKIMCanonical.relaxed.field(Array(text.utf8))
    own.removeLast(2)
    hash.update(data: own)
    guard let signature = entry.key.sign(hash.finalize()) else { return nil }
    return Array(text.utf8) + folded(Base64.encode(signature)) + [0x0D, 0x0A]
  }

  /// A value in lines of 72 characters.
  static func folded(_ value: [UInt8]) -> [UInt8] {
    var lines: [UInt8] = []
    for start in stride(from: 0, to: value.count, by: 72) {
      if start > 0 { lines += [0x0D, 0x0A, 0x09] }
      lines += value[start..<min(start + 72, value.count)]
    }
    return lines
  }
}

/// The domain in a From field (RFC 5322 §3.6.2), for DKIM and DMARC.
enum FromDomain {
  /// `nil` where there is none, or several that differ: nobody can vouch for all of them.
  static func of(_ value: String) -> String? {
    var domains: Set<String> = []
    var isQuoted = false
    var depth = 0
    var isEscaped = false
    var current: String?
    for character in value + "," {
      if isEscaped {
        isEscaped = false
        continue
      }
      switch character {
      case "\\": isEscaped = true
      case "\"" where depth == 0: isQuoted.toggle()
      case "(" where !isQuoted: depth += 1
      case ")" where !isQuoted: depth = max(0, depth - 1)
      case "@" where !isQuoted && depth == 0: current = ""
      case ">", ",", " ", ";", "\t":
        if !isQuoted, depth == 0, let domain = current {
          if !domain.isEmpty { domains.insert(domain.lowercased()) }
          current = nil
        }
      default: if !isQuoted, depth == 0 { current?.append(character) }
      }
    }
    guard domains.count == 1, let domain = domains.first, domain.contains(".") else { return nil }
    return domain
  }
}
