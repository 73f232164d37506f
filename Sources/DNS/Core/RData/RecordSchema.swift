/// What a record type looks like: its number, its mnemonic and the fields of its data.
struct RecordSchema: Sendable {
  let type: RecordType
  let mnemonic: String
  let fields: [RDataField]
  /// Whether a name that points to hosts stands in the data, and where: its addresses go along (RFC 1035 §3.3.9, RFC 2782).
  let additionalNameOffset: Int?

  init(_ type: RecordType, _ mnemonic: String, _ fields: [RDataField], additionalNameOffset: Int? = nil) {
    self.type = type
    self.mnemonic = mnemonic
    self.fields = fields
    self.additionalNameOffset = additionalNameOffset
  }

  /// Whether names in the data may be written as pointers.
  var isCompressible: Bool { fields.contains(.name(.compressible)) }

  /// Whether the data holds any name.
  var hasNames: Bool { fields.contains { if case .name = $0 { true } else { false } } }
}

/// The record types that are known by more than their number.
struct RecordCatalog: Sendable {
  static let standard = RecordCatalog(Self.allSchemas)

  private let schemas: [RecordSchema]
  /// Place in `schemas` plus one by type number; types above the table are looked for one by one.
  private let places: [UInt8]
  private let typesByKey: [UInt128: RecordType]

  private init(_ schemas: [RecordSchema]) {
    self.schemas = schemas
    var places = [UInt8](repeating: 0, count: 512)
    var types: [UInt128: RecordType] = [:]
    for (index, schema) in schemas.enumerated() {
      if Int(schema.type.rawValue) < places.count {
        places[Int(schema.type.rawValue)] = UInt8(truncatingIfNeeded: index + 1)
      }
      if let key = Self.key(schema.mnemonic) { types[key] = schema.type }
    }
    self.places = places
    typesByKey = types
  }

  /// The schema of a type; `nil` for one known by its number only.
  func schema(of type: RecordType) -> RecordSchema? {
    let number = Int(type.rawValue)
    guard number < places.count, places[number] > 0 else { return nil }
    return schemas[Int(places[number]) - 1]
  }

  /// All known types, in the order of their numbers.
  var types: [RecordType] { schemas.map(\.type).sorted() }

  func type(ofKey key: UInt128) -> RecordType? { typesByKey[key] }

  /// The key of a mnemonic.
  static func key(_ text: String) -> UInt128? {
    let bytes = Array(text.utf8)
    return key(bytes.span.bytes, 0..<bytes.count)
  }

  /// A mnemonic of up to 16 characters as a number, so that no string is made to look one up.
  static func key(_ source: RawSpan, _ range: Range<Int>) -> UInt128? {
    guard range.count <= 16 else { return nil }
    var key: UInt128 = 0
    for index in range {
      let byte = source.octet(index)
      key = key << 8 | UInt128(byte &- 0x61 < 26 ? byte & 0xDF : byte)
    }
    return key
  }
}
