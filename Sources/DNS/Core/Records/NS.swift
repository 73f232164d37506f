import WireKit

extension RecordType {
  /// A name server of the zone (RFC 1035 §3.3.11): `@ NS ns1`.
  public static let ns = RecordType(2)
}

extension RecordSchema {
  static let ns = RecordSchema(.ns, "NS", [.name(.compressible)], additionalNameOffset: 0)
}

/// The name of a zone's server.
public struct NS: RecordValue, Hashable {
  public static let type = RecordType.ns
  public var server: Name

  public init(_ server: Name) { self.server = server }

  public init(from reader: inout WireReader) throws(WireError) { server = try Name(from: &reader) }

  public func encode(into wire: inout [UInt8]) { wire.append(contentsOf: server.wire) }
}
