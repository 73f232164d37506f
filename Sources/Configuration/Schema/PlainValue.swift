/// A configured value without its type: what `export`, `diff` and `explain` show.
///
/// Secrets appear as their references only, since a configuration holds nothing else.
public indirect enum PlainValue: Hashable, Sendable {
  case string(String)
  case integer(Int64)
  case boolean(Bool)
  case list([PlainValue])
  /// In the order in which the schema declares the keys.
  case table([Entry])

  public struct Entry: Hashable, Sendable {
    public var key: String
    public var value: PlainValue
    public init(_ key: String, _ value: PlainValue) {
      self.key = key
      self.value = value
    }
  }

  /// The value that a path leads to.
  public subscript(_ path: ConfigurationPath) -> PlainValue? {
    var value = self
    for component in path.components {
      switch (component, value) {
      case (.key(let name), .table(let entries)):
        guard let entry = entries.first(where: { $0.key == name }) else { return nil }
        value = entry.value
      case (.index(let index), .list(let elements)):
        guard elements.indices.contains(index) else { return nil }
        value = elements[index]
      default: return nil
      }
    }
    return value
  }
}

extension PlainValue: CustomStringConvertible {
  /// The value as TOML, on one line.
  public var description: String {
    switch self {
    case .string(let text): return TOMLText.string(text)
    case .integer(let number): return "\(number)"
    case .boolean(let flag): return "\(flag)"
    case .list(let elements): return "[" + elements.map(\.description).joined(separator: ", ") + "]"
    case .table(let entries):
      if entries.isEmpty { return "{}" }
      return "{ " + entries.map { "\(TOMLText.key($0.key)) = \($0.value)" }.joined(separator: ", ") + " }"
    }
  }
}
