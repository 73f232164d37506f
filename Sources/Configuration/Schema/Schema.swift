/// A table whose keys are declared: a section, or a table within one.
public protocol ConfigurationRecord: Hashable, Sendable, Codable {
  /// One declaration per key; decoding, checks, the reference and the example all come from it.
  static var schema: Schema<Self> { get }
  /// What is wrong between the values of this table. Paths are relative to it.
  func problems() -> [Problem]
}

extension ConfigurationRecord {
  public func problems() -> [Problem] { [] }

  /// Everything that is wrong with this value, at every depth. Paths are relative to it.
  public func validate() -> [Problem] { Self.schema.validate(self) }
}

/// One key of a record: its place in the value, its codec, and its words.
struct Field<Record: Sendable>: Sendable {
  let key: KeyDescription
  let decode: @Sendable (TOMLValue, ConfigurationPath, inout Record, inout Decoding) -> Bool
  let encode: @Sendable (Record) -> PlainValue?
  let validate: @Sendable (Record) -> [Problem]
}

/// The keys of a record.
public struct Schema<Record: ConfigurationRecord>: Sendable {
  let meaning: String
  private(set) var fields: [Field<Record>] = []
  /// The values of keys that are absent.
  private let initial: Record

  /// `initial` holds the defaults; for a required key any value will do.
  init(_ initial: Record, _ meaning: String, _ declare: (inout Schema<Record>) -> Void) {
    self.initial = initial
    self.meaning = meaning
    declare(&self)
  }

  /// Declares a key. `example` is TOML; `exampleKey` one of the free keys, where the value is a map.
  mutating func key<Value: Sendable>(
    _ name: String, _ place: any WritableKeyPath<Record, Value> & Sendable, _ codec: Codec<Value>, _ meaning: String,
    details: String? = nil, example: String, exampleKey: String? = nil, isAlternative: Bool = false,
    isRequired: Bool = false, since: String = "0.1"
  ) {
    let description = KeyDescription(
      name: name, typeName: codec.typeName, shape: codec.shape, bounds: codec.bounds, meaning: meaning,
      details: details, example: example, exampleKey: exampleKey, isAlternative: isAlternative, since: since,
      isRequired: isRequired, defaultValue: isRequired ? nil : codec.encode(initial[keyPath: place]))
    fields.append(
      Field(
        key: description,
        decode: { value, path, record, decoding in
          guard let decoded = codec.decode(value, path, &decoding) else { return false }
          record[keyPath: place] = decoded
          return true
        },
        encode: { codec.encode($0[keyPath: place]) },
        validate: { record in codec.validate(record[keyPath: place]).map { $0.below(ConfigurationPath(name)) } }))
  }

  var description: SchemaDescription { SchemaDescription(meaning: meaning, keys: fields.map(\.key)) }

  /// Reads a table. `nil` when a required key is missing or can't be read; every trouble is reported.
  func decode(
    _ table: TOMLTable, at position: TOMLPosition, _ path: ConfigurationPath, _ decoding: inout Decoding
  ) -> Record? {
    var record = initial
    var isComplete = true
    for entry in table.entries {
      let place = path.appending(entry.key)
      guard let field = fields.first(where: { $0.key.name == entry.key }) else {
        decoding.unknownKey(entry, in: path, known: description)
        continue
      }
      decoding.record(place, entry.value.position, key: entry.keyPosition)
      if !field.decode(entry.value, place, &record, &decoding), field.key.isRequired { isComplete = false }
    }
    for field in fields where field.key.isRequired && table[field.key.name] == nil {
      decoding.error(
        path, position, "\"\(field.key.name)\" is missing", hint: "such as \(field.key.name) = \(field.key.example)")
      isComplete = false
    }
    return isComplete ? record : nil
  }

  func encode(_ record: Record) -> PlainValue {
    .table(fields.compactMap { field in field.encode(record).map { PlainValue.Entry(field.key.name, $0) } })
  }

  func validate(_ record: Record) -> [Problem] { fields.flatMap { $0.validate(record) } + record.problems() }
}
