import WireKit

extension RecordType {
  /// The next name of the zone, and the types at this one (RFC 4034 §4).
  public static let nsec = RecordType(47)
}

extension RecordSchema {
  static let nsec = RecordSchema(.nsec, "NSEC", [.name(.never), .typeBitmap])
}

/// The next name of the zone, and the types at this one: `host.lab.test. A MX RRSIG NSEC`.
public struct NSEC: RecordValue, Hashable {
  public static let type = RecordType.nsec

  public var next: Name
  public var types: Set<RecordType>

  public init(next: Name, types: Set<RecordType>) {
    self.next = next
    self.types = types
  }

  public init(from reader: inout WireReader) throws(WireError) {
    next = try Name(from: &reader)
    types = Set(TypeBitmap.types(try reader.readSpan(reader.remaining, "NSEC types")))
  }

  public func encode(into wire: inout [UInt8]) {
    wire.append(contentsOf: next.wire)
    TypeBitmap.append(Array(types), to: &wire)
  }
}
