import WireKit

/// How many connections a process grants to its peers, all together and by source.
public struct SourceLimits: Sendable, Hashable {
  /// Connections at the same time, over everything that shares the counter.
  public var maximumConnections: Int
  /// Connections at the same time from one source.
  public var maximumConnectionsPerSource: Int
  /// Connections of one source within one second; 0 for any number.
  public var connectionsPerSecond: Int
  /// Leading bits of an address that make up a source: one household has a whole IPv6 /64.
  public var v4PrefixLength: Int
  public var v6PrefixLength: Int
  /// Networks that only `maximumConnections` holds back.
  public var exempt: [IPNetwork]

  public init(
    maximumConnections: Int = 10_000, maximumConnectionsPerSource: Int = 100, connectionsPerSecond: Int = 0,
    v4PrefixLength: Int = 32, v6PrefixLength: Int = 64, exempt: [IPNetwork] = []
  ) {
    self.maximumConnections = maximumConnections
    self.maximumConnectionsPerSource = maximumConnectionsPerSource
    self.connectionsPerSecond = connectionsPerSecond
    self.v4PrefixLength = v4PrefixLength
    self.v6PrefixLength = v6PrefixLength
    self.exempt = exempt
  }

  /// The network that counts as the source of this address; `nil` for those that are exempt.
  func source(of address: IPAddress) -> IPNetwork? {
    let address = address.unmapped
    guard !exempt.contains(where: { $0.contains(address) }) else { return nil }
    let length = address.family == .v4 ? v4PrefixLength : v6PrefixLength
    return IPNetwork(containing: address, prefixLength: min(max(length, 0), address.family.bitWidth))
  }
}
