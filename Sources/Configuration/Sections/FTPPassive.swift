import WireKit

/// `[ftp.passive]`: passive data connections.
public struct FTPPassive: ConfigurationRecord {
  public var ports = PortRange(constant: 50000, 50019)
  public var address = AddressChoice.automatic
  public var addresses: [IPNetwork: IPAddress] = [:]

  public init() {}

  public static let schema = Schema(FTPPassive(), "Passive data connections.") { keys in
    keys.key(
      "ports", \.ports, .text(), "The ports; the firewall must let them in.",
      details: "One transfer takes one port. None below 1024.", example: "\"50000-50019\"")
    keys.key(
      "address", \.address, .text(), "The address that clients are told.",
      details: "`\"auto\"`: the one that they connected to. Behind NAT: the address outside.", example: "\"auto\"")
    keys.key(
      "addresses", \.addresses, .map(IPNetwork.self, .text()), "The address that clients of certain networks are told.",
      details: "Behind NAT, clients within can reach what those outside can't. The narrowest network that holds the "
        + "client counts; all others are told `address`.", example: "{ \"192.168.10.0/24\" = \"192.168.10.2\" }")
  }

  public func problems() -> [Problem] {
    guard ports.lowest < 1024 else { return [] }
    return [Problem(ConfigurationPath("ports"), "\(ports) begins below 1024, among other services' ports")]
  }
}
