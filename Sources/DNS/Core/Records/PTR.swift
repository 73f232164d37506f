import WireKit

extension RecordType {
  /// A pointer to another name (RFC 1035 §3.3.12): `1.2.0.192.in-addr.arpa. PTR www`.
  public static let ptr = RecordType(12)
}

extension RecordSchema {
  static let ptr = RecordSchema(.ptr, "PTR", [.name(.compressible)])
}

/// Where a pointer leads.
public struct PTR: RecordValue, Hashable {
  public static let type = RecordType.ptr
  public var target: Name

  public init(_ target: Name) { self.target = target }

  public init(from reader: inout WireReader) throws(WireError) { target = try Name(from: &reader) }

  public func encode(into wire: inout [UInt8]) { wire.append(contentsOf: target.wire) }
}
