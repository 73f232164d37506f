import WireKit

extension RecordType {
  /// The canonical name of an alias (RFC 1035 §3.3.1): `www CNAME web`.
  public static let cname = RecordType(5)
}

extension RecordSchema {
  static let cname = RecordSchema(.cname, "CNAME", [.name(.compressible)])
}

/// What an alias stands for.
public struct CNAME: RecordValue, Hashable {
  public static let type = RecordType.cname
  public var target: Name

  public init(_ target: Name) { self.target = target }

  public init(from reader: inout WireReader) throws(WireError) { target = try Name(from: &reader) }

  public func encode(into wire: inout [UInt8]) { wire.append(contentsOf: target.wire) }
}
