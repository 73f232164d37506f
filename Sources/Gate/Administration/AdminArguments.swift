import Services
import WireKit

/// The words behind a verb, taken apart: values in their order, `--option value`, `--flag`.
struct AdminArguments {
  private var values: [String] = []
  private var options: [String: [String]] = [:]
  private let now: WallTime

  /// Reads the words by the options that the verb declares. Each option may be repeated.
  init(_ words: [String], options known: [AdminVerb.Option], now: WallTime) throws(AdminFailure) {
    self.now = now
    var rest = words[...]
    while let word = rest.popFirst() {
      guard word.hasPrefix("--"), word.count > 2 else {
        values.append(word)
        continue
      }
      let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      guard let option = known.first(where: { $0.name == name }) else {
        let names = known.map { "--\($0.name)" }.joined(separator: ", ")
        throw AdminFailure(.usage, "there is no option --\(name) here\(names.isEmpty ? "" : "; there are: \(names)")")
      }
      guard option.value != nil else {
        guard parts.count == 1 else { throw AdminFailure(.usage, "--\(name) takes no value") }
        options[name, default: []].append("")
        continue
      }
      guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
        throw AdminFailure(.usage, "--\(name) needs a value")
      }
      options[name, default: []].append(value)
    }
  }

  /// The next value, which must be there.
  mutating func value(_ what: String) throws(AdminFailure) -> String {
    guard !values.isEmpty else { throw AdminFailure(.usage, "\(what) is missing") }
    return values.removeFirst()
  }

  mutating func optionalValue() -> String? { values.isEmpty ? nil : values.removeFirst() }

  /// All values that are left, as one text.
  mutating func rest(_ what: String) throws(AdminFailure) -> String {
    guard !values.isEmpty else { throw AdminFailure(.usage, "\(what) is missing") }
    defer { values = [] }
    return values.joined(separator: " ")
  }

  /// No value may be left that nobody asked for.
  func finish() throws(AdminFailure) {
    if let extra = values.first {
      throw AdminFailure(.usage, "'\(AccountDirectory.shown(extra))' is one word too many")
    }
  }

  func flag(_ name: String) -> Bool { options[name] != nil }

  func option(_ name: String) -> String? { options[name]?.last }

  /// Values of a repeatable option, each of which may be a list with commas; `nil` when it is not there. An empty value
  /// is an empty list.
  func list(_ name: String) -> [String]? {
    options[name].map { $0.flatMap { $0.split(separator: ",").map(String.init) } }
  }

  func services(_ name: String) throws(AdminFailure) -> Set<ServiceName> {
    Set(
      try parsed(list(name) ?? [], "service (\(ServiceName.allCases.map(\.rawValue).joined(separator: ", ")))") {
        ServiceName(rawValue: $0)
      })
  }

  func networks(_ name: String) throws(AdminFailure) -> [IPNetwork] {
    try parsed(list(name) ?? [], "network, such as 192.168.10.0/24") { IPNetwork($0) }
  }

  func parsedOption<Value>(
    _ name: String, _ what: String, _ read: (String) -> Value?
  ) throws(AdminFailure) -> Value? {
    try parsed(option(name).map { [$0] } ?? [], what, read).first
  }

  /// A number of rows for a listing, 100 if nothing is said.
  func limit() throws(AdminFailure) -> Int {
    try parsedOption("limit", "number from 1 to \(AdminRequest.maximumRows)") {
      Int($0).flatMap { (1...AdminRequest.maximumRows).contains($0) ? $0 : nil }
    } ?? 100
  }

  func time(_ name: String) throws(AdminFailure) -> WallTime? {
    try parsedOption(name, "date (2027-01-31, 2027-01-31T18:00:00Z)") { CivilTime.parse($0, now: now) }
  }

  /// A moment or a duration from here on, or `never`; `nil` when it is not there.
  func expiry() throws(AdminFailure) -> AccountChange.Limit<WallTime>? {
    try parsedOption("expires", "date (2027-01-31), duration (30d) or 'never'") { text in
      text == "never" ? AccountChange.Limit.none : CivilTime.parse(text, now: now).map { .at($0) }
    }
  }

  /// Bytes with an optional unit (`500MB`, `2GB`), or `none`; `nil` when it is not there.
  func quota() throws(AdminFailure) -> AccountChange.Limit<Int64>? {
    try parsedOption("quota", "size (500MB, 2GB) or 'none'") { text in
      if text == "none" { return AccountChange.Limit.none }
      let units: [(String, Int64)] = [("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10), ("", 1)]
      guard let (unit, size) = units.first(where: { text.uppercased().hasSuffix($0.0) }),
        let count = Int64(text.dropLast(unit.count)), count >= 0
      else { return nil }
      let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
      return overflow ? nil : .at(bytes)
    }
  }

  private func parsed<Value>(
    _ words: [String], _ what: String, _ read: (String) -> Value?
  ) throws(AdminFailure) -> [Value] {
    var values: [Value] = []
    for word in words {
      guard let value = read(word) else {
        throw AdminFailure(.usage, "'\(AccountDirectory.shown(word))' is no \(what)")
      }
      values.append(value)
    }
    return values
  }
}
