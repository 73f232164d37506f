import DNSCore
import Transport

/// What a DNS server is told.
public struct DNSServerConfiguration: Sendable {
  /// The zones; handed to `DNSServer.reload`.
  public var zones: [ZoneSource] = []
  /// Sizes of replies, and what the server says about itself.
  public var responder = ResponderSettings()
  /// Batch sizes of the receive threads.
  public var datagrams = DatagramLoop.Limits()
  /// Bounds of like answers over UDP; `nil` for none.
  public var limiter: RateLimiter?
  /// Bounds of TCP connections.
  public var streams = DNSStreamSession.Limits()

  public init() {}

  /// What is wrong with these values; empty when nothing is.
  public func validate() -> [String] {
    var problems: [String] = []
    if !(512...4096).contains(responder.udpLimit) { problems.append("the UDP limit must be 512 to 4096 octets") }
    if responder.udpLimit > datagrams.reply { problems.append("the UDP limit is larger than the reply buffers") }
    if !(1...1024).contains(datagrams.batch) { problems.append("a batch is 1 to 1024 datagrams") }
    if responder.identifier.count > 128 { problems.append("the identifier (NSID) is longer than 128 octets") }
    if !(0...64).contains(responder.aliasLimit) { problems.append("the alias limit must be 0 to 64") }
    if streams.idle <= .zero { problems.append("the idle time of streams must be above zero") }
    var seen: Set<Name> = []
    for zone in zones where !seen.insert(zone.apex).inserted { problems.append("the zone \(zone.apex) stands twice") }
    return problems
  }
}

/// Counts since the start.
public struct DNSMetrics: Hashable, Sendable {
  /// Over UDP.
  public var datagrams: ResponderTally
  /// Over TCP and TLS.
  public var streams: ResponderTally
}
