import WireKit

extension RecordType {
  /// A mail exchange (RFC 1035 §3.3.9): `@ MX 10 mail`.
  public static let mx = RecordType(15)
}

extension RecordSchema {
  static let mx = RecordSchema(.mx, "MX", [.uint16, .name(.compressible)], additionalNameOffset: 2)
}

/// A host that takes mail for a domain; lower preferences are tried first.
public struct MX: RecordValue, Hashable {
  public static let type = RecordType.mx
  public var preference: UInt16
  public var exchange: Name

  public init(preference: UInt16, exchange: Name) {
    self.preference = preference
    self.exchange = exchange
  }

  public init(from reader: inout WireReader) throws(WireError) {
    preference = try reader.readUInt16("MX preference")
    exchange = try Name(from: &reader)
  }

  public func encode(into wire: inout [UInt8]) {
    wire.appendInteger(preference)
    wire.append(contentsOf: exchange.wire)
  }
}
