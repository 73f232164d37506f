/// What a value may look like, for documents and the environment; the types themselves are with the codecs.
public indirect enum Shape: Sendable {
  /// One value; `accepts` says how an environment variable's text is taken.
  case scalar(accepts: ScalarSyntax)
  case list(Shape)
  /// Fixed keys.
  case table(SchemaDescription)
  /// Free keys of one form.
  case map(key: String, Shape)
  /// A value, or a table that says more.
  case either(Shape, Shape)

  public enum ScalarSyntax: Sendable {
    case string, integer, boolean, integerOrString
  }

  public var isScalar: Bool {
    if case .scalar = self { return true }
    return false
  }

  /// The keys, where they are fixed.
  public var table: SchemaDescription? {
    switch self {
    case .table(let description): description
    case .either(_, let other): other.table
    default: nil
    }
  }
}

/// The keys of a table, in order.
public struct SchemaDescription: Sendable {
  /// One line about the whole table.
  public let meaning: String
  public let keys: [KeyDescription]

  public subscript(_ name: String) -> KeyDescription? { keys.first { $0.name == name } }
}

/// Everything there is to know of one key.
public struct KeyDescription: Sendable {
  public let name: String
  /// `size`, `list of networks`, …
  public let typeName: String
  public let shape: Shape
  /// What limits the value: `64kB to 1GB`.
  public let bounds: String?
  /// One line.
  public let meaning: String
  /// More, where one line is not enough.
  public let details: String?
  /// A value as TOML.
  public let example: String
  /// For free keys: one of them.
  public let exampleKey: String?
  /// Whether the annotated example shows the key as a comment, since it can't stand beside the others there.
  public let isAlternative: Bool
  /// The version that brought it.
  public let since: String
  /// Whether the key must be given.
  public let isRequired: Bool
  /// The value when the key is absent; `nil` when there is none then.
  public let defaultValue: PlainValue?
}
