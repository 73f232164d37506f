import CSodium
import Services

/// A slow hash of passwords. Injected, so that tests need not wait for it.
public protocol PasswordHasher: Sendable {
  /// The hash with its salt and parameters in one string, or `nil` where memory is short. Blocks.
  func hash(_ password: Secret) -> Secret?
  /// Whether the password belongs to the hash; `nil` where memory is short. Blocks.
  func verify(_ password: Secret, against hash: Secret) -> Bool?
}

/// Argon2id (RFC 9106) by libsodium: 19 MiB, two passes, one lane, as OWASP's password storage sheet asks for.
public struct Argon2idHasher: PasswordHasher {
  /// Most bytes of a password: nobody needs more, and a flood of long ones costs.
  public static let maximumPasswordLength = 1024
  private static let memoryBytes = 19 * 1024 * 1024
  private static let passes: UInt64 = 2
  /// What each of its hashes begins with.
  static let prefix = "$argon2id$v=19$m=19456,t=2,p=1$"

  /// `nil` when libsodium finds no source of randomness.
  public init?() {
    guard sodium_init() >= 0 else { return nil }
  }

  public func hash(_ password: Secret) -> Secret? {
    guard password.count <= Self.maximumPasswordLength else { return nil }
    var output = [CChar](repeating: 0, count: crypto_pwhash_strbytes())
    let status = password.withBytes { bytes in
      bytes.withCharacters { text, count in
        crypto_pwhash_str_alg(
          &output, text, count, Self.passes, Self.memoryBytes, crypto_pwhash_alg_argon2id13())
      }
    }
    guard status == 0 else { return nil }
    return Secret(output.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) })
  }

  public func verify(_ password: Secret, against hash: Secret) -> Bool? {
    guard password.count <= Self.maximumPasswordLength, hash.count < crypto_pwhash_strbytes() else { return false }
    var stored = hash.withBytes { $0.map { CChar(bitPattern: $0) } }
    stored += [CChar](repeating: 0, count: crypto_pwhash_strbytes() - stored.count)
    let status = password.withBytes { bytes in
      bytes.withCharacters { text, count in
        crypto_pwhash_str_verify(stored, text, count)
      }
    }
    return status == 0
  }
}

extension [UInt8] {
  /// Lends the bytes as C's `char`, with a zero behind them that is not counted, so that there is always an address.
  fileprivate func withCharacters(_ body: (UnsafePointer<CChar>, UInt64) -> Int32) -> Int32 {
    (map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { buffer in
      guard let text = buffer.baseAddress else { return -1 }
      return body(text, UInt64(count))
    }
  }
}
