/// Keys that are set elsewhere than in the file, by the console, and laid over it when it is read.
///
/// A key, and an object with a free name (a site, a subnet), belongs to the file or to the overlay, never to both. Where a file takes
/// over what the overlay has, the file counts.
public struct ConfigurationOverlay: Sendable, Hashable {
  public struct Entry: Sendable, Hashable {
    public var path: ConfigurationPath
    public var value: PlainValue
  }

  /// What findings call it.
  public static let origin = "console"

  /// In the order of their paths' texts; none lies within another.
  public private(set) var entries: [Entry] = []

  public init() {}

  /// Reads what `text` wrote.
  public init(parsing text: String) throws(TextError) {
    let document: TOMLDocument
    do throws(TOMLError) { document = try TOMLDocument(text) } catch {
      throw TextError("line \(error.position.line): \(error.message)", hint: error.hint)
    }
    Self.collect(document.root, .root, into: &entries)
    sort()
  }

  public var isEmpty: Bool { entries.isEmpty }

  /// One line for each key, as TOML with dotted keys.
  public var text: String { entries.map { "\($0.path) = \($0.value)\n" }.joined() }

  /// Sets a key to a value that was typed: one word, several words for a list, or a value in TOML's own form.
  public mutating func set(_ path: ConfigurationPath, to words: String) throws(TextError) {
    guard let shape = ConfigurationKeys.shape(of: path) else { throw TextError("there is no key \"\(path)\"") }
    let value = try Self.value(words, shape, path)
    remove(path)
    entries.append(Entry(path: path, value: value))
    sort()
  }

  /// Takes a key out, or all keys within it. Returns how many there were.
  @discardableResult
  public mutating func remove(_ path: ConfigurationPath) -> Int {
    let before = entries.count
    entries.removeAll { $0.path.starts(with: path) }
    return before - entries.count
  }

  /// What differs, in the lines of `config diff`.
  public func difference(from old: ConfigurationOverlay) -> [String] {
    let before = Dictionary(old.entries.map { ($0.path, $0.value) }) { first, _ in first }
    let after = Dictionary(entries.map { ($0.path, $0.value) }) { first, _ in first }
    let paths = Set(before.keys).union(after.keys).sorted { $0.description < $1.description }
    return paths.flatMap { path -> [String] in
      guard before[path] != after[path] else { return [] }
      return [before[path].map { "- \(path) = \($0)" }, after[path].map { "+ \(path) = \($0)" }].compactMap { $0 }
    }
  }

  private mutating func sort() { entries.sort { $0.path.description < $1.path.description } }

  private static func collect(_ table: TOMLTable, _ path: ConfigurationPath, into entries: inout [Entry]) {
    for entry in table.entries {
      let place = path.appending(entry.key)
      if case .table(let inner) = entry.value.content {
        collect(inner, place, into: &entries)
      } else if let value = PlainValue(entry.value) {
        entries.append(Entry(path: place, value: value))
      }
    }
  }

  private static func value(
    _ words: String, _ shape: Shape, _ path: ConfigurationPath
  ) throws(TextError) -> PlainValue {
    switch shape {
    case .scalar(let syntax):
      switch syntax {
      case .string: break
      case .boolean:
        if let flag = ["true": true, "false": false, "on": true, "off": false][words] { return .boolean(flag) }
      case .integer, .integerOrString:
        if let number = Int64(words) { return .integer(number) }
      }
      return .string(words)
    case .list(let element):
      if let value = literal(words), case .list = value { return value }
      let parts = words.split { $0 == " " || $0 == "," }
      var list: [PlainValue] = []
      for part in parts { list.append(try value(String(part), element, path)) }
      return .list(list)
    case .either(let plain, _):
      if let value = literal(words), case .table = value { return value }
      return try value(words, plain, path)
    case .table, .map:
      throw TextError("\(path) is a table", hint: "set one of the keys in it")
    }
  }

  /// A value in TOML's own form.
  private static func literal(_ text: String) -> PlainValue? {
    guard text.hasPrefix("[") || text.hasPrefix("{"), let document = try? TOMLDocument("value = \(text)"),
      let entry = document.root["value"]
    else { return nil }
    return PlainValue(entry.value)
  }
}

// MARK: Over a file

extension ConfigurationOverlay {
  /// Where the file has the key, or the object that the key would belong to; `nil` when it is the overlay's to set.
  static func owner(of path: ConfigurationPath, in root: TOMLTable) -> TOMLPosition? {
    let keys = path.keys
    let object = ConfigurationKeys.objectLength(of: path)
    var table = root
    for (index, key) in keys.enumerated() {
      guard let entry = table[key] else { return nil }
      // The object is the file's as a whole.
      if index + 1 == object || index + 1 == keys.count { return entry.keyPosition }
      guard case .table(let inner) = entry.value.content else { return entry.keyPosition }
      table = inner
    }
    return nil
  }

  /// Lays the keys over `root`. What is the file's stays as it is, and is told of.
  func apply(to root: inout TOMLTable) -> [Finding] {
    var findings: [Finding] = []
    let file = root
    for entry in entries {
      if let position = Self.owner(of: entry.path, in: file) {
        findings.append(
          Finding(
            .warning, at: position, path: entry.path,
            "\(entry.path) is set by the console too; the file counts", hint: "configure delete \(entry.path)"))
        continue
      }
      root.set(
        path: entry.path.keys[...], to: TOMLValue(plain: entry.value, at: TOMLPosition(origin: Self.origin)))
    }
    return findings
  }
}

extension ConfigurationPath {
  var keys: [String] { components.compactMap { if case .key(let name) = $0 { name } else { nil } } }
}

extension TOMLValue {
  init(plain value: PlainValue, at position: TOMLPosition) {
    switch value {
    case .string(let text): self.init(.string(text), at: position)
    case .integer(let number): self.init(.integer(number), at: position)
    case .boolean(let flag): self.init(.boolean(flag), at: position)
    case .list(let elements): self.init(.array(elements.map { TOMLValue(plain: $0, at: position) }), at: position)
    case .table(let entries):
      var table = TOMLTable()
      for entry in entries {
        table.set(entry.key, to: TOMLValue(plain: entry.value, at: position), keyPosition: position)
      }
      self.init(.table(table), at: position)
    }
  }
}

extension PlainValue {
  /// `nil` for what no key of the configuration is: a float, a date.
  init?(_ value: TOMLValue) {
    switch value.content {
    case .string(let text): self = .string(text)
    case .integer(let number): self = .integer(number)
    case .boolean(let flag): self = .boolean(flag)
    case .float, .dateTime: return nil
    case .array(let elements):
      let list = elements.compactMap { PlainValue($0) }
      guard list.count == elements.count else { return nil }
      self = .list(list)
    case .table(let table):
      let entries = table.entries.compactMap { entry in PlainValue(entry.value).map { Entry(entry.key, $0) } }
      guard entries.count == table.entries.count else { return nil }
      self = .table(entries)
    }
  }
}
