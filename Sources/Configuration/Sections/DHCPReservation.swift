import WireKit

/// `[dhcp.reserve]`: an address kept for a machine.
public struct DHCPReservation: ConfigurationRecord {
  public var mac: HardwareAddress
  public var ip: IPAddress
  public var host: HostName?

  public static let schema = Schema(
    DHCPReservation(mac: .zero, ip: IPAddress(0, 0, 0, 0)), "An address kept for a machine."
  ) { keys in
    keys.key(
      "mac", \.mac, .text(), "The machine's hardware address.", example: "\"00:11:22:33:44:55\"", isRequired: true)
    keys.key("ip", \.ip, .text(), "Its address, in one of the subnets.", example: "\"192.168.10.20\"", isRequired: true)
    keys.key(
      "host", \.host, Codec<HostName>.text().optional(), "Its host name; absent: the reservation's name.",
      example: "\"printer\"")
  }
}
