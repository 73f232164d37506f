/// The keys that there are, for those who type them.
public enum ConfigurationKeys {
  /// Every key that can be set, in the order of the schema; a free key in capitals: `http.sites.NAME.root`.
  public static var all: [(path: String, meaning: String)] {
    var list: [(path: String, meaning: String)] = []
    collect(PortsideConfiguration.schema.description, "", into: &list)
    return list
  }

  private static func collect(
    _ table: SchemaDescription, _ prefix: String, into list: inout [(path: String, meaning: String)]
  ) {
    for key in table.keys { collect(key.shape, prefix + key.name, key.meaning, into: &list) }
  }

  private static func collect(
    _ shape: Shape, _ name: String, _ meaning: String, into list: inout [(path: String, meaning: String)]
  ) {
    switch shape {
    case .scalar, .list, .either: list.append((name, meaning))
    case .table(let inner): collect(inner, name + ".", into: &list)
    case .map(let key, let value):
      collect(value, "\(name).\(key.uppercased().replacing(" ", with: "-"))", meaning, into: &list)
    }
  }

  /// The path that was typed. A free key may have dots of its own without quotes: `http.sites.www.example.org.root`.
  public static func path(_ text: String) -> ConfigurationPath? {
    guard let typed = ConfigurationPath(parsing: text) else { return nil }
    let keys = typed.keys
    guard keys.count == typed.components.count,
      let found = match(keys[...], .table(PortsideConfiguration.schema.description))
    else { return nil }
    return ConfigurationPath(found.map { .key($0) })
  }

  /// The keys as the schema has them; `nil` when they lead nowhere.
  private static func match(_ keys: ArraySlice<String>, _ shape: Shape) -> [String]? {
    guard let first = keys.first else { return [] }
    switch shape {
    case .table(let table):
      guard let key = table[first], let rest = match(keys.dropFirst(), key.shape) else { return nil }
      return [first] + rest
    case .map(_, let value):
      for count in 1...keys.count {
        if let rest = match(keys.dropFirst(count), value) {
          return [keys.prefix(count).joined(separator: ".")] + rest
        }
      }
      return nil
    case .either(_, let full): return match(keys, full)
    case .scalar, .list: return nil
    }
  }

  /// What a key's value looks like; `nil` when there is no such key.
  static func shape(of path: ConfigurationPath) -> Shape? {
    var shape = Shape.table(PortsideConfiguration.schema.description)
    for key in path.keys {
      switch shape {
      case .table(let table):
        guard let inner = table[key] else { return nil }
        shape = inner.shape
      case .map(_, let value): shape = value
      case .either(_, .table(let table)):
        guard let inner = table[key] else { return nil }
        shape = inner.shape
      default: return nil
      }
    }
    return shape
  }

  /// How many keys name the object that a path lies in: those up to its first free key; `nil` where all are fixed.
  static func objectLength(of path: ConfigurationPath) -> Int? {
    var shape = Shape.table(PortsideConfiguration.schema.description)
    for (index, key) in path.keys.enumerated() {
      switch shape {
      case .table(let table):
        guard let inner = table[key] else { return nil }
        shape = inner.shape
      case .map: return index + 1
      default: return nil
      }
    }
    return nil
  }

  /// Whether a change of the key needs a restart, so that only the file can make it.
  public static func needsRestart(_ path: ConfigurationPath) -> Bool {
    ConfigurationDifference.restartKeys.contains(path)
  }
}
