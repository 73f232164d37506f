import DHCPCore
import Foundation
import Services
import WireKit

/// Leases and reservations as other servers write them, and as we do.
struct LeaseImport {
  /// Their subnet is still to be set.
  private(set) var leases: [LeaseRecord] = []
  private(set) var reservations: [StaticReservation] = []
  /// Lines that look like something and could not be understood.
  private(set) var unread: [String] = []

  static let header = "address,hardware,client,name,state,expires"

  static func line(_ row: LeaseFolder.Row) -> String {
    [row.address, row.hardware ?? "", row.client ?? "", row.name ?? "", row.state, row.expires ?? ""]
      .map { $0.replacingOccurrences(of: ",", with: " ") }.joined(separator: ",")
  }

  /// Reads a file of any of the known forms.
  static func read(_ text: String) throws -> LeaseImport {
    var found = LeaseImport()
    let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
    let first = lines.first { !$0.hasPrefix("#") } ?? ""
    if first == header {
      found.readOwn(lines)
    } else if first.hasPrefix("address,hwaddr,") {
      found.readKeaLeases(lines)
    } else if first.hasPrefix("{") {
      try found.readKeaConfiguration(text)
    } else if text.contains("lease ") && text.contains("{") || text.contains("host ") && text.contains("{") {
      found.readISC(text)
    } else {
      found.readDnsmasq(lines)
    }
    guard !found.leases.isEmpty || !found.reservations.isEmpty || !found.unread.isEmpty else {
      throw CommandFailure("neither leases nor reservations in any known form are in this file")
    }
    return found
  }

  private mutating func add(
    _ address: String, hardware: String, client: String = "", name: String, expires: Int64, line: String
  ) {
    let bytes = Hexadecimal.bytes(hardware) ?? []
    guard let ip = IPAddress(address), ip.family == .v4, let network = IPNetwork(containing: ip, prefixLength: 32),
      !bytes.isEmpty || !client.isEmpty
    else { return unread.append(line) }
    // As the engine makes it (`ClientKey`): an identifier that only repeats the hardware address counts as that.
    let identifier = Hexadecimal.bytes(client) ?? []
    let key = identifier.isEmpty || identifier == [1] + bytes ? [0, 1] + bytes : [1] + identifier
    leases.append(
      LeaseRecord(
        subnet: network, address: ip, client: key, state: .bound, starts: WallTime(seconds: 0),
        expires: WallTime(seconds: expires), hardwareAddress: bytes, hostName: name.isEmpty || name == "*" ? nil : name)
    )
  }

  private mutating func reserve(_ name: String, _ identity: String, _ address: String, _ host: String?, line: String) {
    if let entry = StaticReservation(name: name, identity: identity, address: address, host: host) {
      reservations.append(entry)
    } else {
      unread.append(line)
    }
  }

  private mutating func readOwn(_ lines: [String]) {
    for line in lines.dropFirst() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 6 else {
        unread.append(line)
        continue
      }
      if fields[4] == "reserved" {
        let identity = fields[1].isEmpty ? "client:\(fields[2])" : fields[1]
        reserve(fields[3].isEmpty ? fields[0] : fields[3], identity, fields[0], fields[3], line: line)
      } else if fields[4] == "bound" {
        let end = fields[5].isEmpty ? .max : Self.time(fields[5])
        add(fields[0], hardware: fields[1], client: fields[2], name: fields[3], expires: end ?? 0, line: line)
      }
    }
  }

  /// `address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,…`
  private mutating func readKeaLeases(_ lines: [String]) {
    for line in lines.dropFirst() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      guard fields.count >= 10, let end = Int64(fields[4]) else {
        unread.append(line)
        continue
      }
      // State 0 is "assigned"; the last line for an address counts.
      leases.removeAll { $0.address.description == fields[0] }
      if fields[9] == "0", fields[3] != "0" {
        add(fields[0], hardware: fields[1], client: fields[2], name: fields[8], expires: end, line: line)
      }
    }
  }

  private mutating func readKeaConfiguration(_ text: String) throws {
    // Kea's files may have comments, which JSON has not.
    let plain = text.split(separator: "\n").filter {
      let line = $0.trimmingCharacters(in: .whitespaces)
      return !line.hasPrefix("//") && !line.hasPrefix("#")
    }.joined(separator: "\n")
    guard let root = try? JSONSerialization.jsonObject(with: Data(plain.utf8)) else {
      throw CommandFailure("this looks like Kea's configuration, but it is no JSON")
    }
    var queue: [Any] = [root]
    while let next = queue.popLast() {
      if let list = next as? [Any] { queue += list }
      guard let object = next as? [String: Any] else { continue }
      if let address = object["ip-address"] as? String {
        let identity = object["hw-address"] as? String ?? (object["client-id"] as? String).map { "client:\($0)" }
        let host = object["hostname"] as? String
        reserve(host ?? address, identity ?? "", address, host, line: "\(address)")
      }
      queue += object.values
    }
  }

  /// `lease 10.0.0.5 { ends 4 2026/11/25 13:00:00; hardware ethernet …; client-hostname "pc"; }` and `host NAME { … }`.
  private mutating func readISC(_ text: String) {
    for block in text.split(separator: "}") {
      guard let open = block.firstIndex(of: "{") else { continue }
      let head = block[..<open].split(whereSeparator: \.isWhitespace).suffix(2).map(String.init)
      var values: [String: String] = [:]
      for statement in block[block.index(after: open)...].split(separator: ";") {
        let words = statement.split(whereSeparator: \.isWhitespace).map(String.init)
        guard let key = words.first else { continue }
        values[key] = words.dropFirst().joined(separator: " ")
      }
      let hardware = values["hardware"]?.split(separator: " ").last.map(String.init) ?? ""
      let line = head.joined(separator: " ")
      if head.first == "host", head.count == 2, let address = values["fixed-address"] {
        reserve(head[1], hardware, address, head[1], line: line)
      } else if head.first == "lease", head.count == 2 {
        leases.removeAll { $0.address.description == head[1] }
        guard values["binding"].map({ $0 == "state active" }) ?? true else { continue }
        let ends = values["ends"] ?? ""
        let end = ends == "never" ? .max : Self.iscTime(ends) ?? 0
        let name = (values["client-hostname"] ?? "").replacingOccurrences(of: "\"", with: "")
        add(head[1], hardware: hardware, name: name, expires: end, line: line)
      }
    }
  }

  /// `1795600000 00:11:22:33:44:55 10.0.0.5 pc 01:00:11:22:33:44:55` and `dhcp-host=00:11:22:33:44:55,printer,10.0.0.20`.
  private mutating func readDnsmasq(_ lines: [String]) {
    for line in lines where !line.hasPrefix("#") {
      if line.hasPrefix("dhcp-host=") {
        let parts = line.dropFirst(10).split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        let hardware = parts.first { $0.contains(":") && Hexadecimal.bytes($0)?.count == 6 } ?? ""
        let address = parts.first { IPAddress($0)?.family == .v4 } ?? ""
        let name = parts.first {
          $0 != hardware && $0 != address && !$0.hasPrefix("set:") && $0.first?.isLetter == true
        }
        if !address.isEmpty { reserve(name ?? address, hardware, address, name, line: line) }
        continue
      }
      let fields = line.split(separator: " ").map(String.init)
      // `duid …` and leases for IPv6 follow in the same file.
      guard fields.count >= 4, let end = Int64(fields[0]), fields[1].contains(":"), IPAddress(fields[2])?.family == .v4
      else { continue }
      let client = fields.count > 4 && fields[4] != "*" ? fields[4] : ""
      add(
        fields[2], hardware: fields[1], client: client, name: fields[3], expires: end == 0 ? .max : end, line: line)
    }
  }

  private static func time(_ text: String) -> Int64? {
    let formatter = ISO8601DateFormatter()
    formatter.formatOptions =
      text.contains(".") ? [.withInternetDateTime, .withFractionalSeconds] : [.withInternetDateTime]
    return formatter.date(from: text).map { Int64($0.timeIntervalSince1970) }
  }

  /// `4 2026/11/25 13:00:00`, in UTC; or `epoch 1795600000`.
  private static func iscTime(_ text: String) -> Int64? {
    let words = text.split(separator: " ")
    if words.first == "epoch", words.count > 1 { return Int64(words[1]) }
    guard words.count == 3 else { return nil }
    return time("\(words[1].replacingOccurrences(of: "/", with: "-"))T\(words[2])Z")
  }
}
