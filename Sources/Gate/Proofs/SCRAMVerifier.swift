import Crypto
import Services
import WireKit
import _CryptoExtras

import struct FoundationEssentials.Data

/// What a server keeps for SCRAM-SHA-256 (RFC 5802 §3, RFC 7677): enough to check a client, too little to be one.
public struct SCRAMVerifier: Hashable, Sendable {
  /// Rounds of PBKDF2 for new verifiers. RFC 7677 §4 wants 4096 at least; a verifier is sealed with the server's key
  /// besides, so that a copy of the database alone can't be guessed against.
  public static let defaultIterations = 15_000

  public let salt: [UInt8]
  public let iterations: Int
  public let storedKey: Secret
  public let serverKey: Secret

  /// The verifier of a password; `nil` when SASLprep does not cover the password, or `iterations` is below 4096.
  public init?(password: Secret, salt: [UInt8], iterations: Int = defaultIterations) {
    guard iterations >= 4096, let prepared = password.withBytes({ SASLPrep.prepare($0) }),
      let salted = try? KDF.Insecure.PBKDF2.deriveKey(
        from: prepared, salt: salt, using: .sha256, outputByteCount: 32, unsafeUncheckedRounds: iterations)
    else { return nil }
    let clientKey = HMAC<SHA256>.authenticationCode(for: Array("Client Key".utf8), using: salted)
    self.salt = salt
    self.iterations = iterations
    storedKey = Secret([UInt8](SHA256.hash(data: Data(clientKey))))
    serverKey = Secret([UInt8](HMAC<SHA256>.authenticationCode(for: Array("Server Key".utf8), using: salted)))
  }

  /// Checks a client's proof over the AuthMessage (RFC 5802 §3). Returns the ServerSignature, or `nil` when it is wrong.
  public func serverSignature(proof: [UInt8], authMessage: [UInt8]) -> [UInt8]? {
    let stored = SymmetricKey(data: storedKey.withBytes { $0 })
    let signature = [UInt8](HMAC<SHA256>.authenticationCode(for: authMessage, using: stored))
    guard proof.count == signature.count else { return nil }
    let clientKey = zip(proof, signature).map { $0 ^ $1 }
    guard Secret([UInt8](SHA256.hash(data: clientKey))) == storedKey else { return nil }
    let server = SymmetricKey(data: serverKey.withBytes { $0 })
    return [UInt8](HMAC<SHA256>.authenticationCode(for: authMessage, using: server))
  }

  /// Iterations, then StoredKey and ServerKey of 32 bytes each, then the salt.
  var encoded: Secret {
    var bytes: [UInt8] = []
    bytes.appendInteger(UInt32(clamping: iterations))
    storedKey.withBytes { bytes.append(contentsOf: $0) }
    serverKey.withBytes { bytes.append(contentsOf: $0) }
    return Secret(bytes + salt)
  }

  /// From `encoded`; `nil` for anything else.
  init?(encoded: Secret) {
    let bytes = encoded.withBytes { $0 }
    guard bytes.count > 68 else { return nil }
    iterations = bytes[..<4].reduce(0) { $0 << 8 | Int($1) }
    storedKey = Secret(Array(bytes[4..<36]))
    serverKey = Secret(Array(bytes[36..<68]))
    salt = Array(bytes[68...])
  }
}
