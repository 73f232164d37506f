import WireKit

extension RecordType {
  /// The redirection of a whole subtree (RFC 6672).
  public static let dname = RecordType(39)
}

extension RecordSchema {
  static let dname = RecordSchema(.dname, "DNAME", [.name(.legacy)])
}

/// Where a subtree is redirected to.
public struct DNAME: RecordValue, Hashable {
  public static let type = RecordType.dname
  public var target: Name

  public init(_ target: Name) { self.target = target }

  public init(from reader: inout WireReader) throws(WireError) { target = try Name(from: &reader) }

  public func encode(into wire: inout [UInt8]) { wire.append(contentsOf: target.wire) }
}
