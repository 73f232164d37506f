import WireKit

extension RecordType {
  /// A host address (RFC 1035 §3.4.1): `www A 192.0.2.1`.
  public static let a = RecordType(1)
}

extension RecordSchema {
  static let a = RecordSchema(.a, "A", [.ipv4])
}

/// An IPv4 address of a host.
public struct A: RecordValue, Hashable {
  public static let type = RecordType.a
  public var address: IPAddress

  public init(_ address: IPAddress) { self.address = address }

  public init(from reader: inout WireReader) throws(WireError) {
    address = IPAddress(v4: try reader.readUInt32("A address"))
  }

  public func encode(into wire: inout [UInt8]) { wire.append(contentsOf: address.octets) }
}
