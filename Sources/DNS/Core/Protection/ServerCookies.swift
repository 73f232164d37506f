import WireKit

/// Who asks, and when: what cookies and rate limits go by.
public struct RequestOrigin: Sendable {
  public let address: IPAddress
  /// Seconds since 1970, as RFC 9018 counts them.
  public let time: UInt32

  public init(_ address: IPAddress, time: UInt32) {
    self.address = address
    self.time = time
  }
}

/// Makes and checks the server's part of DNS cookies (RFC 7873; RFC 9018 §4, version 1 with SipHash-2-4).
public struct ServerCookies: Sendable, BitwiseCopyable {
  /// Octets of the server's part.
  static let length = 16
  /// How long a cookie is good: an hour, and five minutes into the future (RFC 9018 §4.3).
  private static let past: UInt32 = 3_600
  private static let future: UInt32 = 300

  private let key: (UInt64, UInt64)

  /// - Parameter secret: 128 random bits.
  public init(secret: (UInt64, UInt64)) { key = secret }

  /// The octets of the secret, as RFC 9018 §A writes them.
  public init?(secret: [UInt8]) {
    guard secret.count == 16 else { return nil }
    key = (
      secret[0..<8].reversed().reduce(0) { $0 << 8 | UInt64($1) },
      secret[8..<16].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    )
  }

  /// A new one.
  public static func random() -> ServerCookies {
    ServerCookies(secret: (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max)))
  }

  /// The hash of a cookie with this client's part (network order) and this time of making.
  func hash(client: UInt64, time: UInt32, reserved: UInt32, _ address: IPAddress) -> UInt64 {
    var hash = SipHash(key: key)
    hash.combine(client.byteSwapped)
    // Version 1, three reserved octets, the time: each in network order.
    hash.combine((UInt64(reserved | 0x0100_0000) << 32 | UInt64(time)).byteSwapped)
    let bits = address.bits
    if address.family == .v4 {
      return hash.finish(rest: UInt64(UInt32(truncatingIfNeeded: bits).byteSwapped), length: 20).byteSwapped
    }
    hash.combine(UInt64(truncatingIfNeeded: bits >> 64).byteSwapped)
    hash.combine(UInt64(truncatingIfNeeded: bits).byteSwapped)
    return hash.finish(rest: 0, length: 32).byteSwapped
  }

  /// Whether a server's part is one of ours, made for this client, and not too old.
  /// - Parameters:
  ///   - head: Its first eight octets: version, reserved, time.
  ///   - tail: Its hash.
  func isValid(client: UInt64, head: UInt64, tail: UInt64, _ origin: RequestOrigin) -> Bool {
    let time = UInt32(truncatingIfNeeded: head)
    guard head >> 56 == 1 else { return false }
    // Serial number arithmetic (RFC 1982), as the time is one of 32 bits.
    let age = Int32(bitPattern: origin.time &- time)
    guard age <= Int32(Self.past), age >= -Int32(Self.future) else { return false }
    let reserved = UInt32(truncatingIfNeeded: head >> 32) & 0x00FF_FFFF
    return hash(client: client, time: time, reserved: reserved, origin.address) == tail
  }
}
