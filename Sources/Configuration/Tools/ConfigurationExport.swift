/// `config export`: the effective configuration, defaults included.
extension PortsideConfiguration {
  /// Canonical TOML. Reading it gives the same configuration.
  public func exportTOML() -> String {
    guard case .table(let sections) = plain else { return "" }
    var text = ""
    for section in sections { TOMLWriter.write(section.value, at: [section.key], into: &text) }
    return text
  }

  /// The same content as JSON, in the same words.
  public func exportJSON() -> String {
    var text = ""
    JSONWriter.write(plain, indent: "", into: &text)
    return text + "\n"
  }
}

/// Writes tables as sections, and whatever is in a list on one line.
enum TOMLWriter {
  static func write(_ value: PlainValue, at path: [String], into text: inout String) {
    guard case .table(let entries) = value else { return }
    let inner = entries.filter { if case .table = $0.value { true } else { false } }
    if inner.count < entries.count || entries.isEmpty {
      if !text.isEmpty { text += "\n" }
      text += "[\(path.map(TOMLText.key).joined(separator: "."))]\n"
    }
    for entry in entries {
      if case .table = entry.value { continue }
      text += "\(TOMLText.key(entry.key)) = \(entry.value)\n"
    }
    for entry in inner { write(entry.value, at: path + [entry.key], into: &text) }
  }
}

/// Writes JSON (RFC 8259), two spaces to a level.
enum JSONWriter {
  static func write(_ value: PlainValue, indent: String, into text: inout String) {
    switch value {
    case .string(let string): text += quoted(string)
    case .integer(let number): text += "\(number)"
    case .boolean(let flag): text += "\(flag)"
    case .list(let elements):
      writeGroup(elements, "[", "]", indent, into: &text) { element, inner, text in
        write(element, indent: inner, into: &text)
      }
    case .table(let entries):
      writeGroup(entries, "{", "}", indent, into: &text) { entry, inner, text in
        text += quoted(entry.key) + ": "
        write(entry.value, indent: inner, into: &text)
      }
    }
  }

  private static func writeGroup<Element>(
    _ elements: [Element], _ open: String, _ close: String, _ indent: String, into text: inout String,
    _ body: (Element, String, inout String) -> Void
  ) {
    text += open
    for (index, element) in elements.enumerated() {
      text += (index == 0 ? "\n" : ",\n") + indent + "  "
      body(element, indent + "  ", &text)
    }
    text += (elements.isEmpty ? "" : "\n" + indent) + close
  }

  /// A JSON string; TOML's basic strings use the same escapes.
  static func quoted(_ string: String) -> String { TOMLText.string(string) }
}
