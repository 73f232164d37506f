/// `docs/example.toml`.
extension ConfigurationDocumentation {
  /// A whole configuration that sets every key, each with its meaning. It loads without a finding.
  public static func annotatedExample() -> String {
    var text = """
      # Every key of the configuration, with its meaning, type and default. A key that can't stand beside the others
      # here is commented out.
      # Made from the schema in Sources/Configuration by `portside docs`. Change it there.

      """
    for key in PortsideConfiguration.schema.description.keys { write(key, at: [key.name], into: &text) }
    return text
  }

  private static func write(_ key: KeyDescription, at path: [String], into text: inout String) {
    text += "\n# \(key.meaning)\n"
    if let details = key.details { comment(details, into: &text) }
    switch key.shape {
    case .table(let table): write(table, at: path, into: &text)
    case .map(_, let value):
      guard let table = value.table, isSection(key) else {
        text += "[\(header(path))]\n"
        text += "\(TOMLText.key(key.exampleKey ?? "name")) = \(key.example)\n"
        return
      }
      write(table, at: path + [key.exampleKey ?? "name"], into: &text)
    case .scalar, .list, .either: break
    }
  }

  private static func write(_ table: SchemaDescription, at path: [String], into text: inout String) {
    text += "[\(header(path))]\n"
    for key in table.keys where !isSection(key) {
      text += "\n# \(key.meaning)\n"
      if let details = key.details { comment(details, into: &text) }
      let standard = key.isRequired ? "required" : "default: \(key.defaultValue?.description ?? "none")"
      comment([key.typeName, key.bounds, standard].compactMap { $0 }.joined(separator: "; "), into: &text)
      text += "\(key.isAlternative ? "# " : "")\(key.name) = \(key.example)\n"
    }
    for key in table.keys where isSection(key) { write(key, at: path + [key.name], into: &text) }
  }

  private static func header(_ path: [String]) -> String { path.map(TOMLText.key).joined(separator: ".") }

  /// Comment lines of at most 120 characters.
  private static func comment(_ words: String, into text: inout String) {
    var line = "#"
    for word in words.split(separator: " ") {
      if line.count + word.count + 1 > 120 {
        text += line + "\n"
        line = "#"
      }
      line += " " + word
    }
    text += line + "\n"
  }
}
