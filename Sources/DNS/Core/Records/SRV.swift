import WireKit

extension RecordType {
  /// The location of a service (RFC 2782): `_imap._tcp SRV 0 1 143 mail`.
  public static let srv = RecordType(33)
}

extension RecordSchema {
  static let srv = RecordSchema(.srv, "SRV", [.uint16, .uint16, .uint16, .name(.legacy)], additionalNameOffset: 6)
}

/// Where a service runs. A target of the root means that it does not (RFC 2782).
public struct SRV: RecordValue, Hashable {
  public static let type = RecordType.srv
  public var priority: UInt16
  public var weight: UInt16
  public var port: UInt16
  public var target: Name

  public init(priority: UInt16, weight: UInt16, port: UInt16, target: Name) {
    self.priority = priority
    self.weight = weight
    self.port = port
    self.target = target
  }

  public init(from reader: inout WireReader) throws(WireError) {
    priority = try reader.readUInt16("SRV priority")
    weight = try reader.readUInt16("SRV weight")
    port = try reader.readUInt16("SRV port")
    target = try Name(from: &reader)
  }

  public func encode(into wire: inout [UInt8]) {
    wire.appendInteger(priority)
    wire.appendInteger(weight)
    wire.appendInteger(port)
    wire.append(contentsOf: target.wire)
  }
}
