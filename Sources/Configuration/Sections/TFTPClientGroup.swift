import WireKit

/// `[tftp.client.NAME]`: clients with a folder, or a choice of the menu, of their own.
public struct TFTPClientGroup: ConfigurationRecord {
  public var mac: [PlainText] = []
  public var from: [IPNetwork] = []
  public var devices: [PlainText] = []
  public var circuits: [PlainText] = []
  public var read: AbsolutePath?
  public var menu: ConfigurationName?

  public init() {}

  public static let schema = Schema(
    TFTPClientGroup(), "Clients with a folder, or a choice of the menu, of their own."
  ) { keys in
    keys.key(
      "mac", \.mac, .list(.text()), "Hardware addresses of members, or how they begin; known by their leases.",
      example: "[\"00:11:22\"]")
    keys.key("from", \.from, .list(.text()), "Networks of members.", example: "[\"192.168.20.0/24\"]")
    keys.key(
      "devices", \.devices, .list(.text()), "Names of members: their reservations' or their own.",
      example: "[\"switch-1\"]")
    keys.key(
      "circuits", \.circuits, .list(.text()), "Circuits of relays that members are at (option 82, sub-option 1).",
      example: "[\"port 7\"]")
    keys.key(
      "read", \.read, Codec<AbsolutePath>.text().optional(), "A folder that is searched for them before `tftp.read`.",
      example: "\"/srv/tftp-phones\"")
    keys.key(
      "menu", \.menu, Codec<ConfigurationName>.text().optional(),
      "The entry of the menu that they boot at once, without being asked.", example: "\"debian\"")
  }

  public func problems() -> [Problem] {
    var problems: [Problem] = []
    if mac.isEmpty, from.isEmpty, devices.isEmpty, circuits.isEmpty {
      problems.append(Problem(.root, "nobody is a member", hint: "mac, from, devices or circuits"))
    }
    for (index, text) in mac.enumerated() where Self.octets(text.description) == nil {
      problems.append(
        Problem(
          ConfigurationPath("mac").appending(index: index), "\(text) is not the beginning of a hardware address",
          hint: "such as 00:11:22"))
    }
    return problems
  }

  /// The octets of `00:11:22`; `nil` for anything else.
  public static func octets(_ text: String) -> [UInt8]? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...6).contains(parts.count) else { return nil }
    var octets: [UInt8] = []
    for part in parts {
      guard part.utf8.count == 2, part.allSatisfy(\.isHexDigit), let octet = UInt8(part, radix: 16) else { return nil }
      octets.append(octet)
    }
    return octets
  }
}
