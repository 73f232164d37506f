import WireKit

/// The data of a record: its type and its uncompressed wire form, which keeps to the type's schema.
public struct RData: Hashable, Sendable {
  public let type: RecordType
  /// Octets without pointers; names keep their case.
  public let wire: [UInt8]

  init(validType type: RecordType, wire: [UInt8]) {
    self.type = type
    self.wire = wire
  }

  /// The data of a typed value.
  public init<Value: RecordValue>(_ value: Value) {
    type = Value.type
    var wire: [UInt8] = []
    value.encode(into: &wire)
    self.wire = wire
  }

  /// Data in wire form; throws when it is not what the type's schema says. Unknown types take anything (RFC 3597).
  public init(type: RecordType, wire: RawSpan) throws(WireError) {
    var reader = WireReader(wire)
    self.type = type
    self.wire = try RDataWire.decode(type, from: &reader, length: wire.byteCount)
  }

  /// The typed value; throws when this is another type.
  public func value<Value: RecordValue>(as _: Value.Type = Value.self) throws(WireError) -> Value {
    guard Value.type == type else { throw WireError(.unsupported, "record type") }
    var reader = WireReader(wire.span.bytes)
    return try Value(from: &reader)
  }

  /// Names in lower case as RFC 4034 §6.2 has it: what signatures and digests cover, and what makes duplicates.
  public var canonical: RData {
    guard let schema = RecordCatalog.standard.schema(of: type), schema.hasNames else { return self }
    var wire = wire
    RDataWire.lowercaseNames(schema, in: &wire)
    return RData(validType: type, wire: wire)
  }
}

/// A record's data as a Swift value.
public protocol RecordValue: Sendable {
  static var type: RecordType { get }
  /// Reads the whole data; the reader's end is the data's end.
  init(from reader: inout WireReader) throws(WireError)
  /// Appends the uncompressed wire form.
  func encode(into wire: inout [UInt8])
}
