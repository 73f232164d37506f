/// The pages that are made from the schema. CI makes them again and fails on a difference.
public enum ConfigurationDocumentation {
  /// The text of each page, by its path from the root of the project.
  public static func files() -> [String: String] {
    ["docs/configuration.md": reference(), "docs/example.toml": annotatedExample()]
  }
}

/// `docs/configuration.md`.
extension ConfigurationDocumentation {
  /// Every section and key, in Markdown.
  public static func reference() -> String {
    var text = """
      # The configuration

      <!-- Made from the schema in Sources/Configuration by `portside docs`. Change it there. -->

      One TOML 1.0 file, read strictly: an unknown key, a wrong type or unit, a duplicate or a value out of range is an error
      with its line, its column and the nearest right name. `portside config check` shows all of them,
      `portside config explain KEY` says what a key means and what it is set to.

      * A **size** is a whole number and a unit: B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB (powers of 1024).
      * A **duration** is a sequence of whole numbers with units d, h, m, s, ms: `8h`, `1h30m`.
      * A **secret reference** says where a secret is: `credential:NAME` (systemd's LoadCredential), `file:/path` (mode 0600
        or 0400, owned by the server's user or root), `env:NAME`. A secret itself never stands in the file.
      * Single values can be overridden by the environment: `PORTSIDE_SMTP_MAX_SIZE=10MB` sets `smtp.max_size`. A variable
        that begins with `PORTSIDE_` and sets nothing is an error.

      `example.toml` beside this page shows every key.

      """
    for key in PortsideConfiguration.schema.description.keys { write(key, at: [key.name], into: &text) }
    return text
  }

  private static func write(_ key: KeyDescription, at path: [String], into text: inout String) {
    text += "\n\(path.count == 1 ? "##" : "###") [\(path.joined(separator: "."))]\n\n"
    var table: SchemaDescription?
    switch key.shape {
    case .table(let inner): table = inner
    case .map(let name, let value):
      table = value.table
      text += "\(key.meaning) Each key is a \(name)\(table == nil ? "; each value a \(Self.valueName(key))" : "").\n"
      if let details = key.details { text += "\n\(details)\n" }
      if table == nil {
        text += "\n```toml\n\(TOMLText.key(key.exampleKey ?? "name")) = \(key.example)\n```\n"
        return
      }
      text += "\n"
    case .scalar, .list, .either: break
    }
    guard let table else { return }
    if case .table = key.shape { text += table.meaning + "\n\n" }
    text += "| Key | Type | Default | Meaning |\n|---|---|---|---|\n"
    for inner in table.keys where !isSection(inner) { text += row(inner) }
    for inner in table.keys {
      if isSection(inner) {
        write(inner, at: path + (freeName(key).map { [$0] } ?? []) + [inner.name], into: &text)
      } else if case .either(_, .table(let expanded)) = innermost(inner.shape) {
        text +=
          "\n\(expanded.meaning) As a table in `\(inner.name)`:\n\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n"
        for key in expanded.keys { text += row(key) }
      } else if case .table(let expanded) = innermost(inner.shape) {
        text +=
          "\n\(expanded.meaning) As a table in `\(inner.name)`:\n\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n"
        for key in expanded.keys { text += row(key) }
      }
    }
  }

  private static func valueName(_ key: KeyDescription) -> String {
    guard let mark = key.typeName.firstRange(of: " to ") else { return key.typeName }
    return String(key.typeName[mark.upperBound...])
  }

  private static func freeName(_ key: KeyDescription) -> String? {
    if case .map(let name, _) = key.shape { return name.uppercased().replacing(" ", with: "-") }
    return nil
  }

  private static func row(_ key: KeyDescription) -> String {
    let standard = key.isRequired ? "required" : key.defaultValue.map { "`\($0)`" } ?? "none"
    let bounds = key.bounds.map { "; \($0)" } ?? ""
    let details = key.details.map { " " + $0 } ?? ""
    let example = key.isAlternative || key.defaultValue == nil ? " Example: `\(key.name) = \(key.example)`" : ""
    let cells = ["`\(key.name)`", key.typeName + bounds, standard, key.meaning + details + example]
    return "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
  }

  /// Whether the key has a heading of its own.
  static func isSection(_ key: KeyDescription) -> Bool {
    switch key.shape {
    case .table: return true
    case .map(_, .table): return true
    default: return false
    }
  }

  /// What the elements of lists and maps are.
  private static func innermost(_ shape: Shape) -> Shape {
    switch shape {
    case .list(let element): innermost(element)
    case .map(_, let value): innermost(value)
    default: shape
    }
  }
}
