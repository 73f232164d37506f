/// What comes together while a document is decoded.
struct Decoding {
  private(set) var findings: [Finding] = []
  /// Where each value that was read stands.
  private(set) var positions: [ConfigurationPath: TOMLPosition] = [:]
  /// Where each key stands.
  private(set) var keyPositions: [ConfigurationPath: TOMLPosition] = [:]
  /// All sections, to say where a misplaced key belongs.
  let catalogue: SchemaDescription

  init(catalogue: SchemaDescription) { self.catalogue = catalogue }

  mutating func record(_ path: ConfigurationPath, _ value: TOMLPosition, key: TOMLPosition? = nil) {
    positions[path] = value
    if let key { keyPositions[path] = key }
  }

  mutating func error(
    _ path: ConfigurationPath, _ position: TOMLPosition, _ message: String, hint: String? = nil,
    hidesValue: Bool = false
  ) {
    findings.append(
      Finding(.error, at: position, path: path, "\(path): \(message)", hint: hint, hidesValue: hidesValue))
  }

  mutating func unknownKey(_ entry: TOMLTable.Entry, in path: ConfigurationPath, known: SchemaDescription) {
    let place = path.components.isEmpty ? "" : " in \(path.components.count == 1 ? "[\(path)]" : "\(path)")"
    let what = path.components.isEmpty ? "section" : "key"
    let hint: String?
    if let near = NearestName.find(entry.key, among: known.keys.map(\.name)) {
      hint = "did you mean \(TOMLText.string(near))?"
    } else {
      hint = elsewhere(entry.key, besides: path)
    }
    findings.append(
      Finding(
        .error, at: entry.keyPosition, path: path.appending(entry.key),
        "unknown \(what) \(TOMLText.string(entry.key))\(place)", hint: hint, hidesValue: true))
  }

  /// The sections that have such a key, or one with nearly its name.
  private func elsewhere(_ name: String, besides path: ConfigurationPath) -> String? {
    let sections = catalogue.keys.filter { ConfigurationPath($0.name) != path }
    let owners = sections.filter { $0.shape.table?[name] != nil }.map { "[\($0.name)]" }
    if let last = owners.last {
      let list = owners.count == 1 ? last : owners.dropLast().joined(separator: ", ") + " and " + last
      return "\(TOMLText.string(name)) belongs to \(list)"
    }
    if path.components.isEmpty == false, catalogue[name] != nil { return "[\(name)] is a section of its own" }
    for section in sections {
      if let near = NearestName.find(name, among: section.shape.table?.keys.map(\.name) ?? []) {
        return "did you mean \(TOMLText.string(near)), which belongs to [\(section.name)]?"
      }
    }
    return nil
  }
}
