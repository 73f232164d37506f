import Crypto
import Services

/// What is kept of a password for remote desktops: NTLM's hash, which is as good as the password itself. That is why such a
/// password opens remote desktops alone, and why the hash is sealed.
struct NTLMSecret: Sendable {
  /// 16 bytes.
  let hash: Secret

  /// NTOWFv1 of a password (MS-NLMP 3.3.1): MD4 of its UTF-16.
  init(password: Secret) {
    let text = password.withBytes { String(decoding: $0, as: UTF8.self) }
    hash = Secret(MD4.hash(Self.utf16(text)))
  }

  /// From what was sealed; `nil` for anything else.
  init?(hash: Secret) {
    guard hash.count == 16 else { return nil }
    self.hash = hash
  }

  /// Judges NTProofStr (MS-NLMP 3.3.2): SessionBaseKey, where it is right.
  func sessionBaseKey(for attempt: NTLMAttempt) -> Secret? {
    let names = Self.utf16(Self.capitals(attempt.user) + attempt.domain)
    let key = hash.withBytes { Self.hmac($0, names) }
    let proof = Self.hmac(key, attempt.serverChallenge + attempt.clientChallenge)
    guard Secret(proof) == Secret(attempt.proof) else { return nil }
    return Secret(Self.hmac(key, proof))
  }

  private static func hmac(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
    [UInt8](HMAC<Insecure.MD5>.authenticationCode(for: message, using: SymmetricKey(data: key)))
  }

  private static func utf16(_ text: String) -> [UInt8] {
    text.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
  }

  /// Capitals as Windows has them: one for one, so that `ß` stays.
  private static func capitals(_ text: String) -> String {
    var capitals = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      let mapped = scalar.properties.uppercaseMapping.unicodeScalars
      capitals.append(mapped.count == 1 ? mapped.first ?? scalar : scalar)
    }
    return String(capitals)
  }
}
