import NIOCore
import WireKit

extension Endpoint {
  /// The endpoint of a TCP or UDP socket address; `nil` for Unix sockets.
  public init?(_ address: SocketAddress) {
    switch address {
    case .v4(let address):
      let raw = address.address
      self.init(IPAddress(v4: UInt32(bigEndian: raw.sin_addr.s_addr)), UInt16(bigEndian: raw.sin_port))
    case .v6(let address):
      var raw = address.address
      let octets = withUnsafeBytes(of: &raw.sin6_addr) { Array($0) }
      guard let ip = IPAddress(octets: octets) else { return nil }
      self.init(ip, UInt16(bigEndian: raw.sin6_port))
    case .unixDomainSocket:
      return nil
    }
  }

  /// The peer as penalties and permissions see it: an IPv4-mapped address counts as IPv4.
  public var unmapped: Endpoint { Endpoint(address.unmapped, port) }
}
