import Foundation
import Gate
import Services

/// The people of another system, read from its files.
///
/// Known are passwd(5) with its shadow(5), Dovecot's passwd-file, Apache's htpasswd, and a CSV file with a header.
struct AccountImport {
  struct Person {
    var specification: AccountSpecification
    /// As the file has it; empty for none.
    var hash: String
  }

  private(set) var people: [Person] = []
  /// Names that the file has and that are none for people: below or above the numbers asked for.
  private(set) var passedOver: [String] = []
  /// Lines that look like a person and could not be understood.
  private(set) var unread: [String] = []

  /// - Parameters:
  ///   - shadow: the text of the shadow file that belongs to a passwd file.
  ///   - users: the numbers of users who are people, in a passwd file.
  init(_ text: String, shadow: String?, users: ClosedRange<Int>) throws(CommandFailure) {
    let lines = text.split(whereSeparator: \.isNewline).map(String.init)
      .filter { !$0.hasPrefix("#") && !$0.allSatisfy(\.isWhitespace) }
    guard let first = lines.first else { throw CommandFailure("the file is empty") }
    if first.lowercased().split(separator: ",").contains("name") {
      try readCSV(lines)
    } else {
      let hashes = Dictionary(
        (shadow ?? "").split(whereSeparator: \.isNewline).map { Self.fields(String($0), ":") }.filter { $0.count > 1 }
          .map { ($0[0], $0[1]) }, uniquingKeysWith: { first, _ in first })
      for line in lines { readLine(line, hashes, users) }
    }
    guard !people.isEmpty || !unread.isEmpty || !passedOver.isEmpty else {
      throw CommandFailure("nobody is in this file")
    }
  }

  private static func fields(_ line: String, _ separator: Character) -> [String] {
    line.split(separator: separator, omittingEmptySubsequences: false).map(String.init)
  }

  /// `name:hash`, `name:{SCHEME}hash:uid:gid:gecos:home:shell:extra` or `name:x:uid:gid:gecos:home:shell`.
  private mutating func readLine(_ line: String, _ hashes: [String: String], _ users: ClosedRange<Int>) {
    let fields = Self.fields(line, ":")
    guard fields.count >= 2, !fields[0].isEmpty else { return unread.append(fields.first ?? "") }
    var specification = AccountSpecification(name: fields[0])
    if fields.count >= 5 {
      specification.displayName = Self.fields(fields[4], ",").first ?? ""
    }
    var hash = fields[1]
    if hash == "x", fields.count >= 7 {
      guard let number = Int(fields[2]) else { return unread.append(fields[0]) }
      guard users.contains(number) else { return passedOver.append(fields[0]) }
      hash = hashes[fields[0]] ?? ""
    }
    if let rule = fields.dropFirst(7).joined(separator: ":").split(separator: " ")
      .first(where: { $0.hasPrefix("userdb_quota_rule=*:storage=") })
    {
      specification.quotaBytes = Self.size(String(rule.dropFirst("userdb_quota_rule=*:storage=".count)))
    }
    add(specification, hash)
  }

  private mutating func readCSV(_ lines: [String]) throws(CommandFailure) {
    let header = Self.csv(lines[0]).map { $0.lowercased() }
    let known: Set = ["name", "hash", "password", "display-name", "addresses", "roles", "groups", "quota"]
    if let odd = header.first(where: { !known.contains($0) }) {
      throw CommandFailure("the column '\(odd)' is not known; there are \(known.sorted().joined(separator: ", "))")
    }
    for line in lines.dropFirst() {
      let values = Dictionary(zip(header, Self.csv(line)), uniquingKeysWith: { first, _ in first })
      guard let name = values["name"], !name.isEmpty else {
        unread.append(String(line.prefix { $0 != "," }))
        continue
      }
      func list(_ column: String) -> [String] { (values[column] ?? "").split(separator: " ").map(String.init) }
      var specification = AccountSpecification(
        name: name, displayName: values["display-name"] ?? "", addresses: list("addresses"), roles: list("roles"),
        groups: list("groups"))
      if let quota = values["quota"], !quota.isEmpty {
        guard let bytes = Self.size(quota) else {
          unread.append(name)
          continue
        }
        specification.quotaBytes = bytes
      }
      add(specification, values["hash"] ?? values["password"].map { $0.isEmpty ? "" : "{PLAIN}\($0)" } ?? "")
    }
  }

  private mutating func add(_ specification: AccountSpecification, _ hash: String) {
    guard ForeignHash(hash) != nil else { return unread.append("\(specification.name): a hash of an unknown form") }
    people.append(Person(specification: specification, hash: hash))
  }

  /// A line of RFC 4180.
  private static func csv(_ line: String) -> [String] {
    var fields = [""], isQuoted = false
    for character in line {
      switch (character, isQuoted) {
      case ("\"", true): isQuoted = false
      case ("\"", false):
        // A quote doubled inside quotes is one.
        if fields[fields.count - 1].isEmpty == false { fields[fields.count - 1].append("\"") }
        isQuoted = true
      case (",", false): fields.append("")
      default: fields[fields.count - 1].append(character)
      }
    }
    return fields.map { $0.trimmingCharacters(in: .whitespaces) }
  }

  /// `2G`, `500M`, `1048576`.
  private static func size(_ text: String) -> Int64? {
    let units: [Character: Int64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
    let upper = text.uppercased().filter { $0 != "B" && $0 != "I" }
    guard let last = upper.last else { return nil }
    guard let unit = units[last] else { return Int64(upper) }
    return Int64(upper.dropLast()).flatMap { $0.multipliedReportingOverflow(by: unit).overflow ? nil : $0 * unit }
  }
}
