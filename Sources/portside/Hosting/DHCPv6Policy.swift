import Configuration
import DHCPCore
import Foundation
import WireKit

/// Turns the IPv6 subnets of `[dhcp]` into what the DHCPv6 engine goes by. Throws what cannot work.
enum DHCPv6Policy {
  static func make(_ configuration: PortsideConfiguration, server: [UInt8]) throws -> V6Policy {
    let section = configuration.dhcp
    var policy = V6Policy(server: server)
    policy.maximumLeasesPerCircuit = section.circuitLimit
    policy.registersNames = section.register != nil
    for (network, entry) in section.subnet.sorted(by: { $0.key < $1.key }) where network.address.family == .v6 {
      policy.subnets.append(try subnet(network, entry, configuration))
    }
    for (name, entry) in section.reserve.sorted(by: { $0.key < $1.key }) where entry.ip.family == .v6 {
      let host = entry.host?.description ?? name.description
      if let mac = entry.mac {
        policy.reservations.append(
          V6Policy.Reservation(.hardwareAddress(mac.octets), address: entry.ip, hostName: host))
      } else if let client = entry.client.flatMap({ Hexadecimal.bytes($0.description) }) {
        policy.reservations.append(V6Policy.Reservation(.client(client), address: entry.ip, hostName: host))
      } else {
        throw CommandFailure("[dhcp]: dhcp.reserve.\(name): for IPv6, mac or client (a DUID) in hexadecimal digits")
      }
    }
    let problems = policy.problems()
    guard problems.isEmpty else { throw CommandFailure("[dhcp]: \(problems.joined(separator: "; "))") }
    return policy
  }

  private static func subnet(
    _ network: IPNetwork, _ entry: DHCPSubnet, _ configuration: PortsideConfiguration
  ) throws -> V6Policy.Subnet {
    var subnet = V6Policy.Subnet(network)
    // What is named here goes before what the shorter keys say.
    for (name, values) in entry.options.sorted(by: { $0.key < $1.key }) {
      do throws(OptionValueError) {
        let (code, bytes) = try V6OptionDefinition.encode(name.description, values.map(\.description))
        subnet.options.append(code, bytes)
      } catch { throw CommandFailure("[dhcp]: dhcp.subnet.\"\(network)\".options: \(error)") }
    }
    if let pool = entry.pool { subnet.pool = pool.lowest.bits...pool.highest.bits }
    subnet.delegated = entry.delegate
    subnet.delegatedLength = entry.delegateLength
    subnet.lifetime = UInt32(clamping: entry.lease.components.seconds)
    let resolvers = entry.dns.filter { $0.family == .v6 }
    if !resolvers.isEmpty { subnet.options.append(.resolvers, resolvers.flatMap(\.octets)) }
    if let domain = entry.domain?.description ?? configuration.dhcp.register?.description,
      let wire = DomainNames.encode(domain)
    {
      subnet.options.append(.domains, wire)
    }
    // Option 56 holds sub-options: 1 is an address (RFC 5908).
    let clocks = entry.ntp.filter { $0.family == .v6 }
    if !clocks.isEmpty { subnet.options.append(.timeServers, clocks.flatMap { [0, 1, 0, 16] + $0.octets }) }
    let server = configuration.tftp.on.flatMap { configuration.listen[$0] ?? [] }.first(where: network.contains)
    let place = (entry.boot.server ?? server).map { "tftp://[\($0)]/" }
    let url = entry.boot.http?.description
    subnet.bootFile =
      url.flatMap { $0.hasSuffix(".ipxe") ? nil : $0 }
      ?? entry.boot.efi64.flatMap { file in place.map { $0 + file.description } }
    subnet.bootScript =
      entry.boot.script.flatMap { file in
        file.description.contains("://") ? file.description : place.map { $0 + file.description }
      } ?? url
      ?? (configuration.tftp.menu.isEmpty ? nil : place.map { $0 + BootMenu.Loader.ipxe.rawValue })
    return subnet
  }

  /// What is advertised on the interface with this address; `nil` for nothing.
  static func advertisement(_ configuration: PortsideConfiguration, at address: IPAddress) -> RouterAdvertisement? {
    let subnets = configuration.dhcp.subnet.filter { $0.key.contains(address) && $0.value.advertise != .off }
    guard !subnets.isEmpty else { return nil }
    var advertisement = RouterAdvertisement()
    advertisement.isManaged = subnets.values.contains { $0.advertise == .managed }
    advertisement.hasOther = true
    for (network, entry) in subnets.sorted(by: { $0.key < $1.key }) {
      let lifetime = UInt32(clamping: entry.lease.components.seconds)
      advertisement.prefixes.append(
        .init(
          network, isAutonomous: entry.advertise == .stateless, valid: lifetime,
          preferred: UInt32(UInt64(lifetime) * 3 / 4)))
      advertisement.resolvers += entry.dns.filter { $0.family == .v6 }
      advertisement.domain =
        advertisement.domain ?? entry.domain?.description ?? configuration.dhcp.register?.description
      if entry.router == address { advertisement.lifetime = 1_800 }
    }
    return advertisement
  }

  /// The server's DUID (RFC 8415 §11.5: a UUID), made once and kept: clients know the server by it.
  static func identifier(_ folder: DataFolder) -> [UInt8] {
    let path = "\(folder.leases)/duid"
    if let content = FileManager.default.contents(atPath: path),
      let bytes = Hexadecimal.bytes(
        String(decoding: content, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)),
      bytes.count >= 3
    {
      return bytes
    }
    let made = [0, 4] + (0..<16).map { _ in UInt8.random(in: 0...255) }
    try? Data((Hexadecimal.text(made) + "\n").utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    return made
  }
}
