import WireKit

/// What a router, or whoever speaks for the network, tells its hosts (RFC 4861 §4.2).
public struct RouterAdvertisement: Sendable, Hashable {
  /// A prefix of the link (RFC 4861 §4.6.2).
  public struct Prefix: Sendable, Hashable {
    public var network: IPNetwork
    /// A: hosts make their own addresses from it (RFC 4862). Only from /64.
    public var isAutonomous: Bool
    /// Seconds.
    public var valid: UInt32
    public var preferred: UInt32

    public init(_ network: IPNetwork, isAutonomous: Bool, valid: UInt32, preferred: UInt32) {
      self.network = network
      self.isAutonomous = isAutonomous
      self.valid = valid
      self.preferred = preferred
    }
  }

  /// M: addresses come by DHCPv6.
  public var isManaged = false
  /// O: the rest comes by DHCPv6.
  public var hasOther = false
  /// Seconds for which the sender is a way out; 0 for one that is none.
  public var lifetime: UInt16 = 0
  public var prefixes: [Prefix] = []
  public var resolvers: [IPAddress] = []
  public var domain: String?
  /// Of the sender, for hosts' neighbour tables; empty leaves it out.
  public var linkAddress: [UInt8] = []

  public init() {}

  /// The ICMPv6 message; the kernel adds the checksum.
  public var encoded: [UInt8] {
    var bytes: [UInt8] = [134, 0, 0, 0, 64, (isManaged ? 0x80 : 0) | (hasOther ? 0x40 : 0)]
    bytes.appendInteger(lifetime)
    bytes.appendInteger(UInt32(0))
    bytes.appendInteger(UInt32(0))
    if linkAddress.count == 6 { bytes += [1, 1] + linkAddress }
    for prefix in prefixes {
      bytes += [3, 4, UInt8(clamping: prefix.network.prefixLength), 0x80 | (prefix.isAutonomous ? 0x40 : 0)]
      bytes.appendInteger(prefix.valid)
      bytes.appendInteger(prefix.preferred)
      bytes.appendInteger(UInt32(0))
      bytes += prefix.network.address.octets
    }
    // RFC 8106: three times the interval between advertisements, so that one may be lost.
    let kept = UInt32(1_800)
    if !resolvers.isEmpty {
      bytes += [25, UInt8(clamping: 1 + 2 * resolvers.count), 0, 0]
      bytes.appendInteger(kept)
      bytes += resolvers.flatMap(\.octets)
    }
    if let wire = domain.flatMap({ DomainNames.encode($0) }) {
      let padded = wire + [UInt8](repeating: 0, count: (8 - wire.count % 8) % 8)
      bytes += [31, UInt8(clamping: 1 + padded.count / 8), 0, 0]
      bytes.appendInteger(kept)
      bytes += padded
    }
    return bytes
  }
}
