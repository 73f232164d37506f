import ACMECore
import Crypto
import Synchronization

/// Nonces (RFC 8555 §6.5), each good once. Those that have not come back are known by their seal alone, so that asking for
/// many costs nothing.
final class NonceBook: Sendable {
  private static let lifetime: Int64 = 3600
  private static let maximumUsed = 100_000

  private struct State {
    var used: Set<String> = []
    var older: Set<String> = []
    var turned: Int64 = 0
  }

  private let key = SymmetricKey(size: .bits256)
  private let state = Mutex(State())

  func make(now: Int64) -> String {
    var bytes = (0..<8).map { UInt8(truncatingIfNeeded: now >> (8 * (7 - $0))) }
    bytes += (0..<12).map { _ in UInt8.random(in: .min ... .max) }
    return Base64URL.encode(bytes + seal(bytes))
  }

  /// Whether it is ours, not too old, and comes for the first time.
  func use(_ nonce: String, now: Int64) -> Bool {
    guard let bytes = Base64URL.decode(nonce), bytes.count == 36 else { return false }
    let body = Array(bytes[..<20])
    guard seal(body).elementsEqual(bytes[20...]) else { return false }
    let made = body[..<8].reduce(Int64(0)) { $0 << 8 | Int64($1) }
    guard made <= now, now - made < Self.lifetime else { return false }
    return state.withLock { state in
      // Two generations, so that what is forgotten is too old in any case.
      if now - state.turned >= Self.lifetime { (state.older, state.used, state.turned) = (state.used, [], now) }
      guard state.used.count < Self.maximumUsed, !state.older.contains(nonce) else { return false }
      return state.used.insert(nonce).inserted
    }
  }

  private func seal(_ bytes: [UInt8]) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: bytes, using: key).prefix(16))
  }
}
