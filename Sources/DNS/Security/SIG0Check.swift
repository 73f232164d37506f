import DNSCore

extension SIG0Record {
  /// KEY records that are tried: two of one tag are an accident, many an attack.
  private static let keyLimit = 4

  /// Whether one of these KEY records made the signature (RFC 2931 §3.3), and now is the time for it.
  /// - Parameter now: Seconds since 1970.
  public func isSigned(by keys: [RData], now: UInt32) -> Bool {
    guard isTimely(at: now) else { return false }
    let candidates = keys.compactMap { data in
      (try? RData(type: .dnskey, wire: data.wire.span.bytes)).flatMap {
        try? $0.value(as: DNSKEY.self)
      }
    }
    return candidates.filter { key in
      // The highest bit says that the key is not for authentication (RFC 3445 §4, RFC 2535 §3.1.2).
      key.algorithm == algorithm && key.tag == keyTag && key.flags & 0x8000 == 0
        && [3, 255].contains(key.protocolNumber)
    }.prefix(Self.keyLimit).contains { ZoneKey($0)?.verifies(signature, over: covered) ?? false }
  }
}
