import Configuration
import DHCPCore
import WireKit

/// Turns `[dhcp]` into what the engine goes by. Throws every mistake that only DHCP itself can see.
struct DHCPPolicy {
  private let configuration: PortsideConfiguration
  private var problems: [String] = []

  static func make(_ configuration: PortsideConfiguration, _ reserved: [StaticReservation]) throws -> Policy {
    var maker = DHCPPolicy(configuration: configuration)
    let policy = maker.policy(reserved)
    let problems = maker.problems + policy.problems()
    guard problems.isEmpty else { throw CommandFailure("[dhcp]: \(problems.joined(separator: "; "))") }
    return policy
  }

  private init(configuration: PortsideConfiguration) { self.configuration = configuration }

  private var section: DHCPSection { configuration.dhcp }

  private mutating func policy(_ reserved: [StaticReservation]) -> Policy {
    var policy = Policy()
    policy.options = options(section.options, "dhcp.options")
    policy.probesConflicts = section.probe
    policy.maximumLeasesPerCircuit = section.circuitLimit
    policy.isBootProxy = section.proxy
    policy.leaseQueriesFrom = section.leaseQuery
    policy.registersNames = section.register != nil
    policy.nameDomain = section.register?.description
    for (name, entry) in section.classes.sorted(by: { $0.key < $1.key }) {
      if let made = clientClass(name.description, entry) { policy.classes.append(made) }
    }
    for (network, entry) in section.subnet.sorted(by: { $0.key < $1.key }) where network.address.family == .v4 {
      policy.subnets.append(subnet(network, entry))
    }
    for (name, entry) in section.reserve.sorted(by: { $0.key < $1.key }) where entry.ip.family == .v4 {
      guard let identity = identity(entry, "dhcp.reserve.\(name)") else { continue }
      var reservation = Policy.Reservation(name.description, identity, address: entry.ip)
      reservation.hostName = entry.host?.description ?? name.description
      reservation.options = options(entry.options, "dhcp.reserve.\(name).options")
      let home = policy.subnets.first { $0.network.contains(entry.ip) }?.network
      reservation.boot = boot(entry.boot, for: home)
      policy.reservations.append(reservation)
    }
    // What the configuration says goes before what was entered by `portside lease reserve`.
    for entry in reserved
    where !policy.reservations.contains(where: { $0.address == entry.address || $0.identity == entry.identity })
      && policy.subnets.contains(where: { $0.network.contains(entry.address) })
    {
      var reservation = Policy.Reservation(entry.name, entry.identity, address: entry.address)
      reservation.hostName = entry.host
      policy.reservations.append(reservation)
    }
    return policy
  }

  private mutating func subnet(_ network: IPNetwork, _ entry: DHCPSubnet) -> Policy.Subnet {
    var pools: [Policy.Pool] = []
    if let pool = entry.pool.flatMap({ DHCPCore.AddressRange($0.lowest, $0.highest) }) {
      pools.append(Policy.Pool(pool))
    }
    for (name, member) in section.classes.sorted(by: { $0.key < $1.key }) {
      guard let range = member.pool, network.contains(range.lowest) else { continue }
      // Members' own addresses go first.
      if let pool = DHCPCore.AddressRange(range.lowest, range.highest) {
        pools.insert(Policy.Pool(pool, onlyClass: name.description), at: 0)
      }
    }
    var subnet = Policy.Subnet(network, pools: pools)
    subnet.lease = Self.leaseTime(entry.lease)
    subnet.options = options(entry.options, "dhcp.subnet.\"\(network)\".options")
    let shorthand: [(OptionDefinition?, [String])] = [
      (.numbered(3), entry.router.map { [$0.description] } ?? []), (.numbered(6), entry.dns.map(\.description)),
      (.numbered(42), entry.ntp.map(\.description)),
      (.numbered(15), (entry.domain?.description ?? section.register?.description).map { [$0] } ?? []),
    ]
    for case (let definition?, let values) in shorthand where !values.isEmpty && subnet.options[definition.code] == nil
    {
      let place = "dhcp.subnet.\"\(network)\""
      do { subnet.options[definition.code] = try definition.encode(values) } catch {
        problems.append("\(place): \(error)")
      }
    }
    subnet.sharedNetwork = entry.shared?.description
    subnet.isAuthoritative = section.authoritative
    subnet.boot = boot(entry.boot, for: network)
    return subnet
  }

  private mutating func clientClass(_ name: String, _ entry: DHCPClass) -> Policy.Class? {
    do {
      var made = Policy.Class(name, try Expression(entry.test.description))
      made.options = options(entry.options, "dhcp.class.\(name).options")
      made.lease = entry.lease.map(Self.leaseTime)
      made.boot = boot(entry.boot, for: nil)
      return made
    } catch {
      problems.append("dhcp.class.\(name).test: \(error)")
      return nil
    }
  }

  private mutating func options(_ wanted: [ConfigurationName: [PlainText]], _ place: String) -> Options {
    var options = Options()
    for (name, values) in wanted.sorted(by: { $0.key < $1.key }) {
      let texts = values.map(\.description)
      do throws(OptionValueError) {
        if let definition = OptionDefinition.named(name.description) {
          options[definition.code] = try definition.encode(texts)
        } else if name.description.hasPrefix("option-"), let code = UInt8(name.description.dropFirst(7)),
          (1...254).contains(code), let bytes = Hexadecimal.bytes(texts.joined())
        {
          options[code] = bytes
        } else {
          problems.append("\(place): there is no option '\(name)'; by number: option-NUMBER = [\"HEXADECIMAL\"]")
        }
      } catch {
        problems.append("\(place): \(error)")
      }
    }
    return options
  }

  private mutating func identity(_ entry: DHCPReservation, _ place: String) -> Policy.Reservation.Identity? {
    if let mac = entry.mac { return .hardwareAddress(mac.octets) }
    if let circuit = entry.circuit { return .circuitID(Array(circuit.description.utf8)) }
    if let client = entry.client {
      if let bytes = Hexadecimal.bytes(client.description) { return .clientIdentifier(bytes) }
      problems.append("\(place).client: \(client) is not hexadecimal digits")
    }
    return nil
  }

  /// A client may ask for less than it is given, not for more.
  private static func leaseTime(_ duration: Duration) -> Policy.LeaseTime {
    let seconds = UInt32(clamping: duration.components.seconds)
    return Policy.LeaseTime(standard: seconds, minimum: min(60, seconds), maximum: seconds)
  }

  private func boot(_ entry: DHCPBoot, for network: IPNetwork?) -> BootEntry? {
    if entry.isEmpty { return nil }
    guard let server = entry.server ?? Self.bootServer(configuration, for: network) else { return nil }
    var boot = BootEntry(server: server)
    // The types of RFC 4578 §2.1 and IANA's list: 0 BIOS, 6 EFI IA32, 7 and 9 EFI x86-64, 10 EFI ARM 32, 11 EFI ARM 64.
    if let file = entry.bios { boot.files[0] = file.description }
    if let file = entry.efi32 { boot.files[6] = file.description }
    if let file = entry.efi64 { for type in [7, 9] as [UInt16] { boot.files[type] = file.description } }
    if let file = entry.arm64 { boot.files[11] = file.description }
    let url = entry.http?.description
    let menu = configuration.tftp.menu.isEmpty ? nil : BootMenu.Loader.ipxe.rawValue
    boot.script = entry.script?.description ?? url ?? menu
    boot.httpURL = url.flatMap { $0.hasSuffix(".ipxe") ? nil : $0 }
    return boot
  }

  /// Our own address for TFTP on a network: what `siaddr` says where `boot.server` does not.
  static func bootServer(_ configuration: PortsideConfiguration, for network: IPNetwork?) -> IPAddress? {
    let groups = configuration.tftp.isActive ? configuration.tftp.on : configuration.dhcp.on
    let addresses = groups.flatMap { configuration.listen[$0] ?? [] }.filter { $0.family == .v4 && !$0.isUnspecified }
    return addresses.first { network?.contains($0) ?? true } ?? addresses.first
  }
}
