/// A value of a TOML document, and where it stands.
public struct TOMLValue: Hashable, Sendable {
  /// The types of TOML 1.0.
  public indirect enum Content: Hashable, Sendable {
    case string(String)
    case integer(Int64)
    case float(Double)
    case boolean(Bool)
    case dateTime(TOMLDateTime)
    case array([TOMLValue])
    case table(TOMLTable)
  }

  public var content: Content
  /// The first character of the value; of the key, for a table that has a header or dotted keys.
  public var position: TOMLPosition

  public init(_ content: Content, at position: TOMLPosition) {
    self.content = content
    self.position = position
  }

  /// The type in words, with its article: `an integer`.
  public var typeName: String {
    switch content {
    case .string: "a string"
    case .integer: "an integer"
    case .float: "a float"
    case .boolean: "a boolean"
    case .dateTime(let value): value.typeName
    case .array: "a list"
    case .table: "a table"
    }
  }
}

/// A table: its keys in the order in which they first appear.
public struct TOMLTable: Hashable, Sendable {
  /// One key of a table.
  public struct Entry: Hashable, Sendable {
    public var key: String
    /// The first character of the key, or of its part in a dotted key.
    public var keyPosition: TOMLPosition
    public var value: TOMLValue
  }

  public private(set) var entries: [Entry] = []
  /// By the bytes of the name: Swift's strings are equal when they look alike, TOML's keys are not.
  private var places: [[UInt8]: Int] = [:]

  public init() {}

  public subscript(_ key: String) -> Entry? { places[Array(key.utf8)].map { entries[$0] } }

  /// Sets a key, in place of an earlier value.
  public mutating func set(_ key: String, to value: TOMLValue, keyPosition: TOMLPosition) {
    let entry = Entry(key: key, keyPosition: keyPosition, value: value)
    if let place = places[Array(key.utf8)] {
      entries[place] = entry
    } else {
      places[Array(key.utf8)] = entries.count
      entries.append(entry)
    }
  }

  /// Sets the value that `path` leads to, and makes the tables on the way. Where something other than a table is in
  /// the way, nothing changes and the result is false.
  @discardableResult
  public mutating func set(path: ArraySlice<String>, to value: TOMLValue) -> Bool {
    guard let first = path.first else { return false }
    let rest = path.dropFirst()
    if rest.isEmpty {
      set(first, to: value, keyPosition: value.position)
      return true
    }
    var inner = TOMLTable()
    var position = value.position
    var keyPosition = value.position
    if let entry = self[first] {
      guard case .table(let table) = entry.value.content else { return false }
      (inner, position, keyPosition) = (table, entry.value.position, entry.keyPosition)
    }
    guard inner.set(path: rest, to: value) else { return false }
    set(first, to: TOMLValue(.table(inner), at: position), keyPosition: keyPosition)
    return true
  }
}
