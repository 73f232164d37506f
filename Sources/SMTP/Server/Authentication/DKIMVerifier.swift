import Crypto
import SASLCore
import SMTPClient
import Services
import _CryptoExtras

/// Checks the signatures of a message (RFC 6376 §6, RFC 8463).
struct DKIMVerifier: Sendable {
  enum Result: String, Sendable {
    case pass, fail, policy, neutral, temperror, permerror
  }

  struct Finding: Sendable {
    var result: Result
    var domain: String
    var selector: String
    var reason: String?
    /// The beginning of the signature, to tell several apart (RFC 6008).
    var mark: String
  }

  /// Signatures that are looked at: each costs a look-up and a hash of everything.
  static let maximumSignatures = 5

  let resolver: any MailResolver
  let now: WallTime

  func verify(_ header: HeaderBlock, body: any MessageBody) async -> [Finding] {
    var findings: [Finding] = []
    for field in header.all("dkim-signature").prefix(Self.maximumSignatures) {
      findings.append(await verify(field, header, body))
    }
    return findings
  }

  /// A signature's tags, as far as they are used.
  private struct Signature {
    var tags: [String: String]
    var domain: String
    var selector: String
    var header = DKIMCanonical.simple
    var body = DKIMCanonical.simple
    var names: [String]
    var signature: [UInt8]
    var bodyHash: [UInt8]
    var limit: Int64?
    var isEd25519: Bool
  }

  /// One signature field.
  /// - Parameter isARC: Whether it is an ARC-Message-Signature, whose `i=` is a number (RFC 8617 §4.1.2).
  func verify(
    _ field: HeaderBlock.Field, _ header: HeaderBlock, _ body: any MessageBody, isARC: Bool = false
  ) async -> Finding {
    let tags = Self.tags(field.value)
    var finding = Finding(
      result: .permerror, domain: tags["d"]?.lowercased() ?? "", selector: tags["s"] ?? "", reason: nil,
      mark: String((tags["b"] ?? "").prefix(8)))
    guard let signature = Self.parse(tags, isARC: isARC) else {
      finding.reason = "the signature makes no sense"
      return finding
    }
    if let expires = tags["x"].flatMap({ Int64($0) }), expires < now.seconds {
      (finding.result, finding.reason) = (.fail, "expired")
      return finding
    }
    let keys: [String]
    do throws(MailResolverError) {
      keys = try await resolver.texts(of: "\(signature.selector)._domainkey.\(signature.domain)")
    } catch {
      if case .temporary = error { finding.result = .temperror }
      finding.reason = "no key"
      return finding
    }
    guard let key = keys.lazy.compactMap({ PublicKey($0, isEd25519: signature.isEd25519) }).first else {
      finding.reason = keys.isEmpty ? "no key" : "the key is revoked, or of no use for this"
      return finding
    }
    var hash = DKIMBodyHash(signature.body, limit: signature.limit)
    do { try body.forEachPiece(from: Int64(header.bodyStart)) { hash.take($0) } } catch {
      finding.result = .temperror
      return finding
    }
    guard hash.finish() == signature.bodyHash else {
      (finding.result, finding.reason) = (.fail, "the body was changed")
      return finding
    }
    let digest = Self.digest(field, header, signature)
    finding.result = key.isValid(signature.signature, for: digest) ? .pass : .fail
    if finding.result == .fail { finding.reason = "the header was changed, or the key is another" }
    return finding
  }

  /// Whether a seal of ARC holds over these fields and itself (RFC 8617 §5.2).
  func isValid(seal: HeaderBlock.Field, over fields: [HeaderBlock.Field]) async -> Bool {
    let tags = Self.tags(seal.value)
    guard let algorithm = tags["a"]?.lowercased(), ["rsa-sha256", "ed25519-sha256"].contains(algorithm),
      let domain = tags["d"]?.lowercased(), domain.contains("."), domain.utf8.count <= 253, let selector = tags["s"],
      !selector.isEmpty, selector.utf8.count <= 63, tags["h"] == nil,
      let signature = tags["b"].flatMap({ Base64.decode(Array($0.utf8)) }),
      let keys = try? await resolver.texts(of: "\(selector)._domainkey.\(domain)"),
      let key = keys.lazy.compactMap({ PublicKey($0, isEd25519: algorithm.hasPrefix("ed")) }).first
    else { return false }
    var hash = SHA256()
    for field in fields { hash.update(data: DKIMCanonical.relaxed.field(field.bytes)) }
    var own = DKIMCanonical.relaxed.field(Self.withoutSignature(seal.bytes))
    while own.last == 0x0D || own.last == 0x0A { own.removeLast() }
    hash.update(data: own)
    return key.isValid(signature, for: hash.finalize())
  }

  /// `tag=value;` (RFC 6376 §3.2); of a tag that stands twice the first.
  static func tags(_ text: String) -> [String: String] {
    var tags: [String: String] = [:]
    for part in text.split(separator: ";").prefix(64) {
      guard let equals = part.firstIndex(of: "=") else { continue }
      let name = part[..<equals].filter { !$0.isWhitespace }
      let value = part[part.index(after: equals)...].filter { !$0.isWhitespace }
      if tags[name] == nil { tags[name] = String(value) }
    }
    return tags
  }

  private static func parse(_ tags: [String: String], isARC: Bool) -> Signature? {
    guard isARC || tags["v"] == "1", let algorithm = tags["a"]?.lowercased(),
      algorithm == "rsa-sha256" || algorithm == "ed25519-sha256",
      let domain = tags["d"]?.lowercased(), domain.contains("."), domain.utf8.count <= 253,
      let selector = tags["s"], !selector.isEmpty, selector.utf8.count <= 63,
      let names = tags["h"]?.lowercased().split(separator: ":").map(String.init), names.contains("from"),
      !isARC || !names.contains("arc-seal"),
      let signature = tags["b"].flatMap({ Base64.decode(Array($0.utf8)) }),
      let bodyHash = tags["bh"].flatMap({ Base64.decode(Array($0.utf8)) })
    else { return nil }
    var parsed = Signature(
      tags: tags, domain: domain, selector: selector, names: names, signature: signature, bodyHash: bodyHash,
      isEd25519: algorithm.hasPrefix("ed"))
    if let forms = tags["c"]?.lowercased().split(separator: "/") {
      guard let header = forms.first.flatMap({ DKIMCanonical(rawValue: String($0)) }),
        let body = forms.count > 1 ? DKIMCanonical(rawValue: String(forms[1])) : .simple
      else { return nil }
      (parsed.header, parsed.body) = (header, body)
    }
    if !isARC, let identity = tags["i"]?.lowercased(), let at = identity.lastIndex(of: "@") {
      let own = identity[identity.index(after: at)...]
      guard own == domain || own.hasSuffix("." + domain) else { return nil }
    }
    if let limit = tags["l"] {
      guard let number = Int64(limit), number >= 0 else { return nil }
      parsed.limit = number
    }
    return parsed
  }

  private static func digest(_ field: HeaderBlock.Field, _ header: HeaderBlock, _ signature: Signature) -> SHA256.Digest
  {
    var hash = SHA256()
    var used: [String: Int] = [:]
    for name in signature.names.prefix(500) {
      let all = header.all(name)
      let index = used[name, default: 0]
      used[name] = index + 1
      guard index < all.count else { continue }
      hash.update(data: signature.header.field(all[all.count - 1 - index].bytes))
    }
    var own = signature.header.field(withoutSignature(field.bytes))
    while own.last == 0x0D || own.last == 0x0A { own.removeLast() }
    hash.update(data: own)
    return hash.finalize()
  }

  /// The signature's own field with the value of `b=` taken out (RFC 6376 §3.7).
  static func withoutSignature(_ bytes: [UInt8]) -> [UInt8] {
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return bytes }
    var start = colon + 1
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: ";")) ?? bytes.count
      if let equals = bytes[start..<end].firstIndex(of: UInt8(ascii: "=")) {
        let name = bytes[start..<equals].filter { $0 > 0x20 }
        if name == [UInt8(ascii: "b")] { return Array(bytes[...equals]) + Array(bytes[end...]) }
      }
      start = end + 1
    }
    return bytes
  }

  /// A published key (RFC 6376 §3.6.1).
  private enum PublicKey {
    case rsa(_RSA.Signing.PublicKey)
    case ed25519(Curve25519.Signing.PublicKey)

    init?(_ record: String, isEd25519: Bool) {
      let tags = DKIMVerifier.tags(record)
      guard tags["v"] == nil || tags["v"] == "DKIM1", let text = tags["p"], !text.isEmpty,
        let bytes = Base64.decode(Array(text.utf8)),
        (tags["k"]?.lowercased() ?? "rsa") == (isEd25519 ? "ed25519" : "rsa")
      else { return nil }
      if let hashes = tags["h"]?.lowercased(), !hashes.split(separator: ":").contains("sha256") { return nil }
      if let services = tags["s"]?.lowercased(),
        !services.split(separator: ":").contains(where: { $0 == "*" || $0 == "email" })
      {
        return nil
      }
      if isEd25519 {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) else { return nil }
        self = .ed25519(key)
      } else {
        // RFC 8301 §3.2: 1024 bits at least.
        guard let key = try? _RSA.Signing.PublicKey(unsafeDERRepresentation: bytes), key.keySizeInBits >= 1024 else {
          return nil
        }
        self = .rsa(key)
      }
    }

    func isValid(_ signature: [UInt8], for digest: SHA256.Digest) -> Bool {
      switch self {
      case .rsa(let key):
        key.isValidSignature(
          _RSA.Signing.RSASignature(rawRepresentation: signature), for: digest, padding: .insecurePKCS1v1_5)
      case .ed25519(let key): key.isValidSignature(signature, for: Array(digest))
      }
    }
  }
}
