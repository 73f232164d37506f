import DHCPCore
import Foundation
import WireKit

/// An address kept for a machine by `portside lease reserve`: a line of `leases/reservations.csv`.
///
///     # name,identity,address,host
///     printer,00:11:22:33:44:55,192.168.10.20,printer
///
/// The identity is a hardware address, or `client:` and hexadecimal digits (option 61).
struct StaticReservation: Hashable, Encodable {
  var name: String
  var identityText: String
  var address: IPAddress
  var host: String

  enum CodingKeys: String, CodingKey {
    case name, identityText = "identity", address, host
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(identityText, forKey: .identityText)
    try container.encode(address.description, forKey: .address)
    try container.encode(host, forKey: .host)
  }

  /// `nil` for texts that make no reservation.
  init?(name: String, identity: String, address: String, host: String?) {
    guard let ip = IPAddress(address), ip.family == .v4, !name.isEmpty, name.utf8.count <= 63,
      !(name + (host ?? "")).contains(where: { $0 == "," || $0.isNewline }), Self.identity(identity) != nil
    else { return nil }
    self.name = name
    identityText = identity.lowercased()
    self.address = ip
    self.host = host.flatMap { HostLabel.of($0) } ?? HostLabel.of(name) ?? name
  }

  var identity: Policy.Reservation.Identity { Self.identity(identityText) ?? .hardwareAddress([]) }

  private static func identity(_ text: String) -> Policy.Reservation.Identity? {
    if text.hasPrefix("client:") { return Hexadecimal.bytes(String(text.dropFirst(7))).map { .clientIdentifier($0) } }
    guard let bytes = Hexadecimal.bytes(text), bytes.count == 6 else { return nil }
    return .hardwareAddress(bytes)
  }

  private var line: String { [name, identityText, address.description, host].joined(separator: ",") }

  /// Those of a file; none where there is no file. Lines that make no sense are left out.
  static func read(_ path: String) -> [StaticReservation] {
    guard let content = FileManager.default.contents(atPath: path) else { return [] }
    return String(decoding: content, as: UTF8.self).split(whereSeparator: \.isNewline).compactMap { line in
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      guard fields.count >= 3, !line.hasPrefix("#") else { return nil }
      return StaticReservation(
        name: fields[0], identity: fields[1], address: fields[2], host: fields.count > 3 ? fields[3] : nil)
    }
  }

  /// Writes the file anew, as a whole.
  static func write(_ reservations: [StaticReservation], to path: String) throws {
    let lines = ["# name,identity,address,host"] + reservations.sorted { $0.address < $1.address }.map(\.line)
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
  }
}
