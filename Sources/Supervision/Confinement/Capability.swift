/// A privilege of root that a worker may keep without being root (capabilities(7)).
public enum Capability: UInt8, Hashable, Sendable, Codable, CaseIterable, CustomStringConvertible {
  /// Files of other users.
  case dacOverride = 1
  /// To bind ports below 1024, as FTP's active data connections from port 20 need.
  case netBindService = 10
  /// To configure the network, such as a neighbour entry for a DHCP client without an address.
  case netAdmin = 12
  /// Raw and packet sockets, as DHCP needs for clients without an address.
  case netRaw = 13

  public var description: String {
    switch self {
    case .dacOverride: "dac_override"
    case .netBindService: "net_bind_service"
    case .netAdmin: "net_admin"
    case .netRaw: "net_raw"
    }
  }

  /// The bit of this capability in the kernel's sets.
  var bit: UInt64 { 1 << UInt64(rawValue) }
}
