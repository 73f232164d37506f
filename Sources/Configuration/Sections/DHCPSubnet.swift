import WireKit

/// `[dhcp.subnet."NETWORK"]`: what machines in a network get.
public struct DHCPSubnet: ConfigurationRecord {
  public var pool: AddressRange?
  public var router: IPAddress?
  public var dns: [IPAddress] = []
  public var ntp: [IPAddress] = []
  public var domain: HostName?
  public var lease = Duration.seconds(8 * 3600)
  public var boot = DHCPBoot()
  public var options: [ConfigurationName: [PlainText]] = [:]
  public var shared: ConfigurationName?

  public init() {}

  public static let schema = Schema(DHCPSubnet(), "What machines in a network get.") { keys in
    keys.key(
      "pool", \.pool, Codec<AddressRange>.text().optional(), "Addresses to give away; absent: only reserved ones.",
      example: "\"192.168.10.100-192.168.10.199\"")
    keys.key(
      "router", \.router, Codec<IPAddress>.text().optional(), "The way out (option 3).", example: "\"192.168.10.1\"")
    keys.key("dns", \.dns, .list(.text(), count: 0...16), "Resolvers (option 6).", example: "[\"192.168.10.2\"]")
    keys.key("ntp", \.ntp, .list(.text(), count: 0...16), "Time servers (option 42).", example: "[\"192.168.10.2\"]")
    keys.key(
      "domain", \.domain, Codec<HostName>.text().optional(), "The domain (option 15); absent: the zone of `register`.",
      example: "\"lan.acme.example\"")
    keys.key(
      "lease", \.lease, .duration(.seconds(60) ... .seconds(365 * 86400)), "How long an address is given.",
      example: "\"8h\"")
    keys.key("boot", \.boot, .record(), "What machines boot from the network, by kind.", example: "{}")
    keys.key(
      "options", \.options, .map(ConfigurationName.self, .list(.text(), unique: false)),
      "Further options, as in `dhcp.options`.", example: "[\"10.0.0.0/8 via 192.168.10.9\"]",
      exampleKey: "classless-static-routes")
    keys.key(
      "shared", \.shared, Codec<ConfigurationName>.text().optional(),
      "Subnets with the same name here are on one link: a machine there may get an address of any of them.",
      example: "\"office\"")
  }

  /// What doesn't fit the network that the subnet is for.
  func problems(in network: IPNetwork) -> [Problem] {
    var problems: [Problem] = []
    let place = ConfigurationPath("pool")
    if let pool {
      if !network.contains(pool.lowest) || !network.contains(pool.highest) {
        let outside = network.contains(pool.lowest) ? pool.highest : pool.lowest
        problems.append(Problem(place, "\(outside) lies outside of \(network)"))
      } else if network.isReservedForNetwork(pool.lowest) || network.isReservedForNetwork(pool.highest) {
        let wrong = network.isReservedForNetwork(pool.lowest) ? pool.lowest : pool.highest
        problems.append(Problem(place, "\(wrong) is no host's address: it ends the subnet \(network)"))
      }
    }
    if let router {
      if !network.contains(router) {
        problems.append(Problem(ConfigurationPath("router"), "\(router) lies outside of \(network)"))
      } else if pool?.contains(router) == true {
        problems.append(Problem(place, "the pool holds the router, \(router)", basis: [ConfigurationPath("router")]))
      }
    }
    return problems
  }
}

extension IPNetwork {
  /// Whether this is the first or last address of an IPv4 network, which name the network and everyone in it.
  func isReservedForNetwork(_ candidate: IPAddress) -> Bool {
    address.family == .v4 && prefixLength < 31 && (candidate == address || candidate == lastAddress)
  }
}
