import Crypto
import FoundationEssentials
import Services

/// The gate's word that somebody may have sessions of an account of the operating system: signed, for a short time, and handed
/// by the worker that serves the client to the session helper, which trusts no worker.
///
/// ```
/// eyJhY2NvdW50Ijo….5f0c9e…
/// ```
public struct SessionTicket: Hashable, Sendable, Codable {
  /// How long a ticket is good for. A session is started at once; the rest is for a busy machine.
  public static let lifetime: Int64 = 60

  /// The account of this server that has logged in.
  public var account: String
  /// The account of the operating system.
  public var user: String
  /// The second since 1970 until which it is good.
  public var expires: Int64

  public init(account: String, user: String, now: WallTime) {
    self.account = account
    self.user = user
    expires = now.seconds + Self.lifetime
  }

  /// What gate and helper sign with, from the key of `server.key`.
  public static func key(from masterKey: Secret) -> Secret {
    let key = masterKey.withBytes { bytes in
      HKDF<SHA256>.deriveKey(
        inputKeyMaterial: SymmetricKey(data: bytes), info: Data("portside session tickets".utf8), outputByteCount: 32)
    }
    return Secret(key.withUnsafeBytes { Array($0) })
  }

  /// The signed form.
  public func signed(with key: Secret) -> String? {
    guard let content = try? JSONEncoder().encode(self) else { return nil }
    let mark = key.withBytes { HMAC<SHA256>.authenticationCode(for: content, using: SymmetricKey(data: $0)) }
    return "\(content.base64EncodedString()).\(Data(mark).base64EncodedString())"
  }

  /// Reads a signed ticket; `nil` when it is not the gate's, or too old.
  public init?(_ text: String, key: Secret, now: WallTime) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Data(base64Encoded: String($0)) }
    guard parts.count == 2, let content = parts[0], let mark = parts[1] else { return nil }
    let isGenuine = key.withBytes {
      HMAC<SHA256>.isValidAuthenticationCode(mark, authenticating: content, using: SymmetricKey(data: $0))
    }
    guard isGenuine, let ticket = try? JSONDecoder().decode(Self.self, from: content), ticket.expires >= now.seconds,
      ticket.expires <= now.seconds + 2 * Self.lifetime
    else { return nil }
    self = ticket
  }
}
