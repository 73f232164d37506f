import WireKit

/// `[limits]`: what one source, and all of them together, may take.
public struct LimitsSection: ConfigurationRecord {
  public var connections = 10000
  public var connectionsPerSource = 100
  public var connectionRate = 0
  public var v4 = 32
  public var v6 = 64
  public var exempt: [IPNetwork] = []
  public var loginWithin = Duration.seconds(120)

  public init() {}

  public static let schema = Schema(LimitsSection(), "What one source, and all of them together, may take.") { keys in
    keys.key(
      "connections", \.connections, .integer(1...1_000_000), "Open connections of each worker, over all its services.",
      example: "10000")
    keys.key(
      "connections_per_source", \.connectionsPerSource, .integer(1...1_000_000), "Open connections of one source.",
      example: "100")
    keys.key(
      "connection_rate", \.connectionRate, .integer(0...100_000),
      "Connections per second of one source; 0: any number.",
      example: "50")
    keys.key("v4", \.v4, .integer(8...32), "Leading bits of an IPv4 address that make up a source.", example: "32")
    keys.key("v6", \.v6, .integer(16...128), "Leading bits of an IPv6 address that make up a source.", example: "64")
    keys.key(
      "exempt", \.exempt, .list(.text()), "Networks that only the total limits.", example: "[\"192.168.10.0/24\"]")
    keys.key(
      "login_within", \.loginWithin, .duration(.seconds(5) ... .seconds(3600)),
      "How long a connection may stay without log-in, where one is due.", example: "\"2m\"")
  }

  public func problems() -> [Problem] {
    guard connectionsPerSource > connections else { return [] }
    return [
      Problem(
        ConfigurationPath("connections_per_source"), "\(connectionsPerSource) is more than connections, \(connections)",
        severity: .warning, basis: [ConfigurationPath("connections")])
    ]
  }
}
