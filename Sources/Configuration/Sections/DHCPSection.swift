import WireKit

/// `[dhcp]`: addresses for machines.
public struct DHCPSection: ServiceSection {
  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(67)
  public var register: ZoneName?
  public var update: [DHCPNameUpdate] = []
  public var authoritative = true
  public var probe = true
  public var subnet: [IPNetwork: DHCPSubnet] = [:]
  public var options: [ConfigurationName: [PlainText]] = [:]
  public var classes: [ConfigurationName: DHCPClass] = [:]
  public var circuitLimit = 256
  public var proxy = false
  public var proxyPort = ListenPort.off
  public var v6Port = ListenPort.off
  public var reserve: [ConfigurationName: DHCPReservation] = [:]
  public var leaseQuery: [IPNetwork] = []

  public init() {}

  public static let ports = [
    ServicePort<DHCPSection>(service: .dhcp, key: "port", place: \.port, transports: [.udp], tls: .none, family: .v4),
    ServicePort<DHCPSection>(
      service: .dhcp, key: "v6_port", place: \.v6Port, transports: [.udp], tls: .none, family: .v6),
    ServicePort<DHCPSection>(
      service: .dhcp, key: "proxy_port", place: \.proxyPort, transports: [.udp], tls: .none, family: .v4),
  ]

  public static let schema = Schema(DHCPSection(), "Addresses for machines, and what they need to boot.") { keys in
    keys.service("DHCP")
    keys.port("port", "The port.", details: "On another port than 67 only relays are served.")
    keys.key(
      "register", \.register, Codec<ZoneName>.text().optional(),
      "The zone that gets A, AAAA and PTR records at every lease and renewal.", example: "\"lan.acme.example\"")
    keys.key(
      "update", \.update, .list(.record()),
      "Zones of other servers that get the names of leases by updates (RFC 2136).",
      details: "The zone of `register` may be one of these instead of ours, and so may the reverse zones.",
      example: "[{ zone = \"lan.acme.example\", to = \"192.168.10.2\", key = \"tsig:dhcp\" }]")
    keys.key(
      "authoritative", \.authoritative, .flag,
      "Whether a client that asks for a wrong address is told so (RFC 2131 §4.3.2).",
      example: "true")
    keys.key("probe", \.probe, .flag, "Whether an address is probed before it is offered.", example: "true")
    keys.key(
      "options", \.options, .map(ConfigurationName.self, .list(.text(), unique: false)),
      "Options for every client, by IANA's names; or `option-NUMBER`, in hexadecimal digits.",
      details: "A client gets those that it asks for. What a subnet, class or reservation says goes first.",
      example: "{ domain-search = [\"acme.example\"] }")
    keys.key(
      "class", \.classes, .map(ConfigurationName.self, .record()),
      "Clients that have something in common. A later one, by name, may ask for membership in an earlier one.",
      example: "{ test = \"option[93] == 0x0007\" }", exampleKey: "uefi")
    keys.key(
      "circuit_limit", \.circuitLimit, .integer(1...1_000_000),
      "How many addresses of the pools one circuit of one relay may have at a time.",
      details: "Who invents hardware addresses there gets no more than this. Reservations do not count.", example: "256"
    )
    keys.key(
      "lease_query", \.leaseQuery, .list(.text()),
      "Relays and access devices that may ask who has which address (RFC 4388).",
      details: "The answer goes to the relay's address in the question.", example: "[\"192.168.10.3/32\"]")
    keys.key(
      "proxy", \.proxy, .flag, "Whether another DHCP server gives the addresses, and this one only tells what to boot.",
      example: "false")
    keys.key(
      "proxy_port", \.proxyPort, .port, "The port on which firmware asks for what to boot (PXE).",
      details: "Needed with `proxy`.", example: "4011")
    keys.key(
      "v6_port", \.v6Port, .port, "The port for DHCPv6, 547, on the IPv6 addresses of `on`.",
      details:
        "Subnets of IPv6 are served there only. Routers of the network must set the flag M in their advertisements.",
      example: "547")
    keys.key(
      "subnet", \.subnet, .map(IPNetwork.self, .record()), "The networks that are served.",
      example: "{ pool = \"192.168.10.100-192.168.10.199\" }", exampleKey: "192.168.10.0/24")
    keys.key(
      "reserve", \.reserve, .map(ConfigurationName.self, .record()), "Addresses kept for machines, by a name.",
      details: "The name is also the machine's host name, unless `host` gives another.",
      example: "{ mac = \"00:11:22:33:44:55\", ip = \"192.168.10.20\" }", exampleKey: "printer")
  }

  public func problems() -> [Problem] { subnetProblems() + reservationProblems() + proxyProblems() + updateProblems() }

  private func updateProblems() -> [Problem] {
    guard !update.isEmpty, register == nil else { return [] }
    return [
      Problem(
        ConfigurationPath("update"), "has no effect without register", hint: "register = \"\(update[0].zone)\"",
        severity: .warning, basis: [ConfigurationPath("register")])
    ]
  }

  private func proxyProblems() -> [Problem] {
    guard proxy, proxyPort == .off else { return [] }
    return [
      Problem(
        ConfigurationPath("proxy"), "firmware asks on port 4011 what to boot, and nothing listens there",
        hint: "proxy_port = 4011", severity: .warning, basis: [ConfigurationPath("proxy_port")])
    ]
  }

  private func subnetProblems() -> [Problem] {
    var problems: [Problem] = []
    let networks = subnet.keys.sorted()
    for (index, network) in networks.enumerated() {
      let place = ConfigurationPath("subnet", network.description)
      if let outer = networks[..<index].first(where: { $0.contains(network) }) {
        problems.append(Problem(place, "lies within the subnet \(outer)"))
      }
      problems += subnet[network]?.problems(in: network).map { $0.below(place) } ?? []
    }
    return problems
  }

  private func reservationProblems() -> [Problem] {
    var problems: [Problem] = []
    var addresses: [IPAddress: ConfigurationName] = [:]
    var hardware: [HardwareAddress: ConfigurationName] = [:]
    for (name, entry) in reserve.sorted(by: { $0.key < $1.key }) {
      let place = ConfigurationPath("reserve", name.description)
      if let first = addresses[entry.ip] {
        problems.append(Problem(place.appending("ip"), "\(entry.ip) is reserved for \"\(first)\" as well"))
      }
      if let mac = entry.mac, let first = hardware.updateValue(name, forKey: mac) {
        problems.append(Problem(place.appending("mac"), "\(mac) is that of \"\(first)\" as well"))
      }
      addresses[entry.ip] = name
      let basis = [ConfigurationPath("subnet")]
      guard let home = subnet.first(where: { $0.key.contains(entry.ip) }) else {
        problems.append(Problem(place.appending("ip"), "\(entry.ip) lies in no subnet of [dhcp]", basis: basis))
        continue
      }
      if home.value.router == entry.ip {
        problems.append(Problem(place.appending("ip"), "\(entry.ip) is the router of \(home.key)", basis: basis))
      } else if home.key.isReservedForNetwork(entry.ip) {
        problems.append(
          Problem(
            place.appending("ip"), "\(entry.ip) is no host's address: it ends the subnet \(home.key)", basis: basis))
      }
    }
    return problems
  }
}
