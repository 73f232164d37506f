import Synchronization
import WireKit

/// Response rate limiting: like answers to one network are few, so that we are of no use to whoever forges its addresses.
///
/// A table of fixed size for all threads, without locks: an entry is one number, and what two threads do to it at once may
/// lose one count. Networks that share an entry by chance take it from one another.
///
/// unchecked: its memory is reached by atomic operations alone, and freed when the last reference goes.
public final class RateLimiter: @unchecked Sendable {
  /// What is done about an answer.
  public enum Verdict: Hashable, Sendable {
    case send
    /// Nothing is said.
    case drop
    /// Header and question with TC: a client that is real comes back over TCP.
    case slip
  }

  private let slots: UnsafeMutablePointer<Atomic<UInt64>>
  private let mask: UInt64
  private let rate: UInt64
  private let exempt: [IPNetwork]
  private let key: (UInt64, UInt64)

  /// Leading bits of an address that count.
  static let prefix4: UInt128 = 24
  static let prefix6: UInt128 = 56

  /// - Parameters:
  ///   - rate: Like answers a second, 1...1,000,000.
  ///   - exempt: Networks that are not limited.
  ///   - size: Entries, a power of two; 8 octets each.
  public init(rate: Int, exempt: [IPNetwork] = [], size: Int = 1 << 17) {
    precondition(size > 0 && size & (size - 1) == 0, "a power of two")
    self.rate = UInt64(max(1, min(rate, 1_000_000)))
    self.exempt = exempt
    mask = UInt64(size - 1)
    slots = .allocate(capacity: size)
    for index in 0..<size { (slots + index).initialize(to: Atomic(0)) }
    key = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
  }

  deinit {
    slots.deinitialize(count: Int(mask) + 1)
    slots.deallocate()
  }

  /// Counts an answer.
  /// - Parameter likeness: The same for answers that are alike.
  public func judge(_ origin: RequestOrigin, likeness: UInt32) -> Verdict {
    let address = origin.address
    if address.isLoopback { return .send }
    for network in exempt where network.contains(address) { return .send }
    var hash = SipHash(key: key)
    if address.family == .v4 {
      hash.combine(UInt64(truncatingIfNeeded: address.bits >> (32 - Self.prefix4)))
    } else {
      hash.combine(UInt64(truncatingIfNeeded: address.bits >> (128 - Self.prefix6)))
    }
    return count(hash.finish(rest: UInt64(likeness), length: 12), second: UInt64(origin.time))
  }

  /// An entry: 24 bits of the hash, 20 of the second, 20 of the count.
  private func count(_ hash: UInt64, second: UInt64) -> Verdict {
    let slot = slots + Int(hash & mask)
    let tag = hash >> 40
    let now = second & 0xF_FFFF
    let old = slot.pointee.load(ordering: .relaxed)
    var used: UInt64 = 0
    if old >> 40 == tag {
      let passed = (now &- (old >> 20)) & 0xF_FFFF
      let count = old & 0xF_FFFF
      // Each second gives back a second's worth.
      used = passed < 1_000 && count > passed * rate ? count - passed * rate : 0
    } else if (now &- (old >> 20)) & 0xF_FFFF == 0, old & 0xF_FFFF > rate {
      // Another network is being held back here at this very moment: it stays.
      return .send
    }
    let next = min(used + 1, 0xF_FFFF)
    slot.pointee.store(tag << 40 | now << 20 | next, ordering: .relaxed)
    guard next > rate else { return .send }
    return (next - rate) & 1 == 0 ? .slip : .drop
  }
}
