import Foundation
import WireKit

/// The zones of another name server, read from its configuration.
///
/// Known are BIND's `named.conf`, dnsmasq's configuration, and hosts files.
struct ZoneImport {
  /// A zone that the other server has.
  struct Found: Equatable {
    enum Content: Equatable {
      /// A zone file, by the path that the configuration gives.
      case file(String)
      /// The text of a zone file, made of single records.
      case text(String)
      /// It is fetched from these servers.
      case from([String])
    }

    var name: String
    var content: Content
  }

  private(set) var zones: [Found] = []
  /// What stands in the file and was not taken.
  private(set) var unread: [String] = []

  /// - Parameter zone: the zone into which single names go; dnsmasq's `domain=` stands in for it.
  init(_ text: String, zone: String?) throws(CommandFailure) {
    if text.contains("zone \"") || text.contains("zone '") {
      readBIND(Self.withoutComments(text))
    } else {
      try readNames(text, zone)
    }
    guard !zones.isEmpty || !unread.isEmpty else { throw CommandFailure("no zone is in this file") }
  }

  // MARK: BIND

  /// Takes `//`, `#` and `/* */` out; quoted text stays.
  private static func withoutComments(_ text: String) -> String {
    var result = "", rest = text[...]
    while let character = rest.first {
      if character == "\"", let end = rest.dropFirst().firstIndex(of: "\"") {
        result += rest[...end]
        rest = rest[rest.index(after: end)...]
      } else if rest.hasPrefix("//") || character == "#" {
        rest = rest.drop { !$0.isNewline }
      } else if rest.hasPrefix("/*") {
        rest = rest.range(of: "*/").map { rest[$0.upperBound...] } ?? rest.suffix(0)
      } else {
        result.append(character)
        rest = rest.dropFirst()
      }
    }
    return result
  }

  private static func quoted(_ words: Substring) -> String {
    words.trimmingCharacters(in: .whitespacesAndNewlines.union(CharacterSet(charactersIn: "\"'")))
  }

  /// What stands between the braces that open at the front, and what follows them.
  private static func block(_ text: Substring) -> (inside: Substring, rest: Substring)? {
    guard let open = text.firstIndex(of: "{") else { return nil }
    var depth = 0
    for index in text[open...].indices {
      if text[index] == "{" { depth += 1 }
      if text[index] == "}" { depth -= 1 }
      if depth == 0 { return (text[text.index(after: open)..<index], text[text.index(after: index)...]) }
    }
    return nil
  }

  /// The statements of a block at its own depth: `type master`, `file "x"`, `masters { 192.0.2.1; }`.
  private static func statements(_ text: Substring) -> [String: String] {
    var values: [String: String] = [:], depth = 0, statement = ""
    for character in text {
      if character == "{" { depth += 1 }
      if character == "}" { depth -= 1 }
      guard character == ";", depth == 0 else {
        statement.append(character)
        continue
      }
      let trimmed = statement.trimmingCharacters(in: .whitespacesAndNewlines)
      if let space = trimmed.firstIndex(where: \.isWhitespace) {
        values[String(trimmed[..<space])] = quoted(trimmed[space...])
      }
      statement = ""
    }
    return values
  }

  private mutating func readBIND(_ text: String) {
    var directory = ""
    if let options = text.range(of: "options"), let (inside, _) = Self.block(text[options.upperBound...]) {
      directory = Self.statements(inside)["directory"] ?? ""
    }
    var rest = text[...]
    while let start = rest.range(of: "\\bzone\\s+[\"']", options: .regularExpression) {
      let head = rest[rest.index(before: start.upperBound)...]
      guard let (inside, after) = Self.block(head), let open = head.firstIndex(of: "{") else { return }
      rest = after
      var name = Self.quoted(head[..<open].prefix { $0 != "{" }.split(whereSeparator: \.isWhitespace).first ?? "")
      if name.hasSuffix(".") { name.removeLast() }
      let values = Self.statements(inside)
      let file = values["file"].map { $0.hasPrefix("/") || directory.isEmpty ? $0 : "\(directory)/\($0)" }
      switch (values["type"] ?? "", file) {
      case ("master", .some(let file)), ("primary", .some(let file)):
        zones.append(Found(name: name, content: .file(file)))
      case ("slave", _), ("secondary", _):
        let list = values["masters"] ?? values["primaries"] ?? ""
        let addresses = list.split { "{};".contains($0) || $0.isWhitespace }.map(String.init)
          .filter { $0.contains(".") || $0.contains(":") }
        zones.append(Found(name: name, content: .from(addresses)))
      case ("hint", _): continue
      case (let type, _): unread.append("\(name): type \(type.isEmpty ? "missing" : type)")
      }
    }
  }

  // MARK: Single names

  /// dnsmasq's lines and those of a hosts file, as records of one zone.
  private mutating func readNames(_ text: String, _ wanted: String?) throws(CommandFailure) {
    let lines = text.split(whereSeparator: \.isNewline)
      .map { ($0.prefix { $0 != "#" }).trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    let own = lines.first { $0.hasPrefix("domain=") }.map { String($0.dropFirst(7).prefix { $0 != "," }) }
    guard let zone = wanted ?? own else {
      throw CommandFailure("these are names without a zone: say --zone, such as --zone lan.example")
    }
    var records = ZoneText(zone: zone)
    for line in lines { readLine(line, &records) }
    if !records.lines.isEmpty { zones.append(Found(name: zone, content: .text(records.text))) }
  }

  private mutating func readLine(_ line: String, _ records: inout ZoneText) {
    guard let sign = line.firstIndex(of: "="), line[..<sign].allSatisfy({ $0.isLetter || $0 == "-" }) else {
      let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
      guard words.count > 1, ZoneText.isAddress(words[0]) else {
        // A dnsmasq switch such as `bogus-priv`.
        if words.count > 1 { unread.append(line) }
        return
      }
      for name in words.dropFirst() where !records.addAddress(name, words[0]) { unread.append("\(words[0]) \(name)") }
      return
    }
    let values = line[line.index(after: sign)...].split(separator: ",").map {
      $0.trimmingCharacters(in: .whitespaces.union(CharacterSet(charactersIn: "\"")))
    }
    let isTaken: Bool
    switch (line[..<sign], values.count) {
    case ("host-record", 2...):
      let addresses = values.filter(ZoneText.isAddress)
      let names = values.filter { !ZoneText.isAddress($0) && Int($0) == nil }
      isTaken = !addresses.isEmpty && names.allSatisfy { name in addresses.allSatisfy { records.addAddress(name, $0) } }
    case ("address", 1):
      let parts = values[0].split(separator: "/").map(String.init)
      // In dnsmasq it holds for all names below as well.
      isTaken =
        parts.count == 2 && ZoneText.isAddress(parts[1]) && records.addAddress(parts[0], parts[1])
        && records.addAddress("*.\(parts[0])", parts[1])
    case ("cname", 2...):
      isTaken = values.dropLast().filter { Int($0) == nil }.allSatisfy {
        records.add($0, "CNAME", records.target(values.last ?? ""))
      }
    case ("mx-host", 2...):
      isTaken = records.add(values[0], "MX", "\(values.count > 2 ? values[2] : "1") \(records.target(values[1]))")
    case ("txt-record", 2...):
      isTaken = records.add(values[0], "TXT", values.dropFirst().map { "\"\($0)\"" }.joined(separator: " "))
    case ("srv-host", 3...):
      let priority = values.count > 3 ? values[3] : "0", weight = values.count > 4 ? values[4] : "0"
      isTaken = records.add(values[0], "SRV", "\(priority) \(weight) \(values[2]) \(records.target(values[1]))")
    case ("domain", _), ("dhcp-host", _), ("dhcp-range", _), ("dhcp-option", _): isTaken = true
    default: isTaken = false
    }
    if !isTaken { unread.append(line) }
  }
}

/// A zone file in the making.
private struct ZoneText {
  let zone: String
  private(set) var lines: [String] = []

  init(zone: String) { self.zone = zone }

  static func isAddress(_ text: String) -> Bool { IPAddress(text) != nil }

  /// The name as it stands in the zone's file; `nil` when it lies in another zone.
  private func owner(_ name: String) -> String? {
    let name = (name.hasSuffix(".") ? String(name.dropLast()) : name).lowercased()
    if name == zone { return "@" }
    if name.hasSuffix(".\(zone)") { return String(name.dropLast(zone.count + 1)) }
    return name.contains(".") && !name.hasPrefix("*.") ? nil : name
  }

  /// A name that a record points at.
  func target(_ name: String) -> String { name.contains(".") ? (name.hasSuffix(".") ? name : name + ".") : name }

  mutating func add(_ name: String, _ type: String, _ data: String) -> Bool {
    guard let owner = owner(name) else { return false }
    let line = "\(owner)\tIN\t\(type)\t\(data)"
    if !lines.contains(line) { lines.append(line) }
    return true
  }

  /// Loopback and the names of multicast groups, which every hosts file has, belong in no zone.
  mutating func addAddress(_ name: String, _ address: String) -> Bool {
    if ["localhost", "ip6-localhost", "ip6-loopback", "broadcasthost"].contains(name) || name.hasPrefix("ip6-") {
      return true
    }
    return add(name, address.contains(":") ? "AAAA" : "A", address)
  }

  var text: String {
    let head = """
      $TTL 3600
      @\tIN\tSOA\tns hostmaster 1 7200 900 1209600 300
      @\tIN\tNS\tns

      """
    let hasServer = lines.contains { $0.hasPrefix("ns\t") }
    return head + (hasServer ? "" : "ns\tIN\tA\t127.0.0.1 ; the address of this server belongs here\n")
      + lines.joined(separator: "\n") + "\n"
  }
}
