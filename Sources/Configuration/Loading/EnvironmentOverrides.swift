/// The `PORTSIDE_…` variables: one for every scalar key with a fixed path, laid over the document before it is decoded.
struct EnvironmentOverrides {
  static let prefix = "PORTSIDE_"

  private enum Target {
    case scalar(ConfigurationPath, Shape.ScalarSyntax)
    /// A list or a table with free keys.
    case other(ConfigurationPath, String)
  }

  private var targets: [String: Target] = [:]

  init(_ schema: SchemaDescription) { collect(schema, .root) }

  private mutating func collect(_ table: SchemaDescription, _ path: ConfigurationPath) {
    for key in table.keys {
      let place = path.appending(key.name)
      switch key.shape {
      case .scalar(let syntax): targets[Self.variable(place)] = .scalar(place, syntax)
      case .table(let inner): collect(inner, place)
      case .list, .map, .either: targets[Self.variable(place)] = .other(place, key.typeName)
      }
    }
  }

  /// `smtp.max_size` → `PORTSIDE_SMTP_MAX_SIZE`.
  static func variable(_ path: ConfigurationPath) -> String {
    let keys = path.components.compactMap { if case .key(let name) = $0 { name.uppercased() } else { nil } }
    return prefix + keys.joined(separator: "_")
  }

  /// Every variable that sets a key.
  var variables: [String] {
    targets.compactMap { if case .scalar = $0.value { $0.key } else { nil } }.sorted()
  }

  /// Lays the variables over `root`. What can't be used is reported; a value is never quoted.
  func apply(_ environment: [String: String], except ignored: Set<String>, to root: inout TOMLTable) -> [Finding] {
    var findings: [Finding] = []
    for (name, text) in environment.sorted(by: { $0.key < $1.key })
    where name.hasPrefix(Self.prefix) && !ignored.contains(name) {
      let position = TOMLPosition(origin: name)
      switch targets[name] {
      case .scalar(let path, let syntax):
        let keys = path.components.compactMap { if case .key(let name) = $0 { name } else { nil } }
        root.set(path: keys[...], to: TOMLValue(Self.content(text, syntax), at: position))
      case .other(let path, let typeName):
        findings.append(
          Finding(
            .error, at: position, path: path,
            "\(path) is a \(typeName): only single values can be set by the environment"))
      case nil:
        let hint = NearestName.find(name, among: variables).map { "did you mean \($0)?" }
        findings.append(Finding(.error, at: position, "unknown variable", hint: hint))
      }
    }
    return findings
  }

  private static func content(_ text: String, _ syntax: Shape.ScalarSyntax) -> TOMLValue.Content {
    switch syntax {
    case .string: break
    case .boolean:
      if let flag = Bool(text) { return .boolean(flag) }
    case .integer, .integerOrString:
      if let number = Int64(text) { return .integer(number) }
    }
    return .string(text)
  }
}
