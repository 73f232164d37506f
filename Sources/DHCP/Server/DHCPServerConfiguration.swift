import DHCPCore
import Services

/// How a `DHCPServer` behaves.
public struct DHCPServerConfiguration: Sendable {
  /// Who gets what.
  public var policy: Policy
  /// The interfaces whose broadcasts are answered, by name; empty for all. Messages from relays are answered wherever they come in.
  public var interfaces: Set<String> = []
  /// Answers relays only: for a port over 1024, where no client asks.
  public var isRelayedOnly = false
  /// Sends to relays at the port that they sent from, instead of 67: for laboratories, where that port is not to be had.
  public var answersRelaysAtSourcePort = false
  /// How long a probe waits for an answer before the address is offered.
  public var probeTime: Duration = .milliseconds(500)
  /// Probes at a time; while there are as many, addresses are offered without.
  public var maximumProbes = 256
  /// Replies that wait for their leases to be on disk; further requests are dropped, and come again.
  public var maximumWaiting = 16_384
  /// Events about decisions that are less severe are not made, unless somebody watches or the machine boots.
  public var minimumSeverity = Event.Severity.debug

  public init(_ policy: Policy) { self.policy = policy }
}
