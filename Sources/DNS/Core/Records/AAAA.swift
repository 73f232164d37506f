import WireKit

extension RecordType {
  /// An IPv6 host address (RFC 3596 §2.1): `www AAAA 2001:db8::1`.
  public static let aaaa = RecordType(28)
}

extension RecordSchema {
  static let aaaa = RecordSchema(.aaaa, "AAAA", [.ipv6])
}

/// An IPv6 address of a host.
public struct AAAA: RecordValue, Hashable {
  public static let type = RecordType.aaaa
  public var address: IPAddress

  public init(_ address: IPAddress) { self.address = address }

  public init(from reader: inout WireReader) throws(WireError) {
    address = IPAddress(v6: try reader.readInteger("AAAA address"))
  }

  public func encode(into wire: inout [UInt8]) { wire.append(contentsOf: address.octets) }
}
