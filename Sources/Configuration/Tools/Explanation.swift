/// `config explain KEY`: what a key means, and what it is set to.
public struct Explanation: Sendable {
  /// Where the effective value comes from.
  public enum Source: Hashable, Sendable {
    case file(name: String, line: Int, column: Int)
    case environment(String)
    case `default`
  }

  public let path: ConfigurationPath
  public let key: KeyDescription
  /// The effective value; `nil` when there is none, or no configuration was given.
  public let value: PlainValue?
  public let source: Source
  /// The variable that overrides the key, if it is one that can be.
  public let variable: String?
}

extension LoadedConfiguration {
  /// Explains the key that `text` names, as in `smtp.max_size` or `dhcp.subnet."192.168.10.0/24".pool`; any name stands for
  /// itself where keys are free. For a key that does not exist: the nearest that does.
  public func explain(_ text: String) -> Result<Explanation, TextError> {
    guard let path = ConfigurationPath(parsing: text) else {
      return .failure(TextError("\(TOMLText.string(text)) is no key", hint: "such as smtp.max_size"))
    }
    switch Self.find(path) {
    case .failure(let error): return .failure(error)
    case .success(let key):
      let source: Explanation.Source =
        positions[path].map { position in
          position.origin.map { .environment($0) } ?? .file(name: name, line: position.line, column: position.column)
        } ?? .default
      let variable = EnvironmentOverrides.variable(path)
      let known = EnvironmentOverrides(PortsideConfiguration.schema.description).variables
      return .success(
        Explanation(
          path: path, key: key, value: configuration?.plain[path] ?? (configuration == nil ? nil : key.defaultValue),
          source: source, variable: known.contains(variable) ? variable : nil))
    }
  }

  private static func find(_ path: ConfigurationPath) -> Result<KeyDescription, TextError> {
    let root = PortsideConfiguration.schema.description
    var table = root
    var found: KeyDescription?
    var free: Shape?
    for component in path.components {
      guard case .key(let name) = component else { continue }
      if let shape = free {
        // Any key is right here; what follows is looked up in its value.
        free = nil
        if let inner = shape.table { table = inner }
        continue
      }
      guard let key = table[name] else {
        let near = NearestName.find(name, among: table.keys.map(\.name))
        let owners = root.keys.filter { $0.shape.table?[name] != nil }.map { "\($0.name).\(name)" }
        let hint = near ?? (owners.isEmpty ? nil : owners.joined(separator: ", "))
        return .failure(TextError("there is no key \"\(path)\"", hint: hint.map { "did you mean \($0)?" }))
      }
      found = key
      table = key.shape.table ?? SchemaDescription(meaning: "", keys: [])
      if case .map(_, let value) = key.shape { free = value }
    }
    return found.map { .success($0) } ?? .failure(TextError("there is no key \"\(path)\""))
  }
}

/// As the command line prints it.
extension Explanation: CustomStringConvertible {
  public var description: String {
    var lines = ["\(path): \(key.meaning)"]
    if let details = key.details { lines.append("  \(details)") }
    lines.append("  type:    \(key.typeName)")
    if let bounds = key.bounds { lines.append("  bounds:  \(bounds)") }
    lines.append("  default: \(key.isRequired ? "none, must be set" : key.defaultValue?.description ?? "none")")
    if key.shape.table == nil { lines.append("  example: \(key.name) = \(key.example)") }
    if let variable { lines.append("  variable: \(variable)") }
    lines.append("  since:   \(key.since)")
    lines.append("  value:   \(value?.description ?? "none") (\(origin))")
    return lines.joined(separator: "\n")
  }

  private var origin: String {
    switch source {
    case .file(let name, let line, let column): "\(name):\(line):\(column)"
    case .environment(let name): name
    case .default: "default"
    }
  }
}
