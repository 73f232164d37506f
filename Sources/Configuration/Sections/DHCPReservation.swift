import WireKit

/// `[dhcp.reserve]`: an address kept for a machine.
public struct DHCPReservation: ConfigurationRecord {
  public var mac: HardwareAddress?
  public var client: PlainText?
  public var circuit: PlainText?
  public var ip: IPAddress
  public var host: HostName?
  public var options: [ConfigurationName: [PlainText]] = [:]
  public var boot = DHCPBoot()

  public static let schema = Schema(
    DHCPReservation(ip: IPAddress(0, 0, 0, 0)), "An address kept for a machine."
  ) { keys in
    keys.key(
      "mac", \.mac, Codec<HardwareAddress>.text().optional(), "The machine's hardware address.",
      example: "\"00:11:22:33:44:55\"")
    keys.key(
      "client", \.client, Codec<PlainText>.text().optional(),
      "Instead of `mac`: the machine's client identifier (option 61), in hexadecimal digits.",
      example: "\"ff:00:01:02:03\"", isAlternative: true)
    keys.key(
      "circuit", \.circuit, Codec<PlainText>.text().optional(),
      "Instead of `mac`: whoever is at this circuit of a relay (option 82, sub-option 1).", example: "\"port 7\"",
      isAlternative: true)
    keys.key("ip", \.ip, .text(), "Its address, in one of the subnets.", example: "\"192.168.10.20\"", isRequired: true)
    keys.key(
      "host", \.host, Codec<HostName>.text().optional(), "Its host name; absent: the reservation's name.",
      example: "\"printer\"")
    keys.key(
      "options", \.options, .map(ConfigurationName.self, .list(.text(), unique: false)),
      "Options of its own, as in `dhcp.options`.", example: "{ root-path = [\"/srv/diskless\"] }")
    keys.key("boot", \.boot, .record(), "What it boots, instead of what its subnet says.", example: "{}")
  }

  public func problems() -> [Problem] {
    let count = (mac == nil ? 0 : 1) + (client == nil ? 0 : 1) + (circuit == nil ? 0 : 1)
    guard count != 1 else { return [] }
    return [
      Problem(.root, "a reservation has one of mac, client and circuit", hint: "such as mac = \"00:11:22:33:44:55\"")
    ]
  }
}
