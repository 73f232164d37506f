import Services
import SFTPCore

/// A line as `ls -l` shows it, which clients of version 3 print without looking into it.
enum ListingLine {
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  static func line(_ entry: DirectoryEntry) -> [UInt8] {
    let attributes = entry.attributes
    var text = mode(attributes)
    text += " " + right(String(attributes.links), 4)
    text += " " + left(String(attributes.user), 8) + " " + left(String(attributes.group), 8)
    text += " " + right(String(attributes.size), 8)
    let time = CivilTime(attributes.modified)
    text += " " + months[max(0, min(11, time.month - 1))] + " " + right(String(time.day), 2)
    text += " " + String(time.clock.prefix(5)) + " "
    return Array(text.utf8) + entry.name
  }

  private static func mode(_ attributes: FileAttributes) -> String {
    let type =
      switch attributes.kind {
      case .file: "-"
      case .directory: "d"
      case .symbolicLink: "l"
      case .other: "?"
      }
    let letters = Array("rwxrwxrwx")
    return type + String(letters.indices.map { attributes.permissions >> UInt32(8 - $0) & 1 == 1 ? letters[$0] : "-" })
  }

  private static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.utf8.count)) + text
  }

  private static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.utf8.count))
  }
}

extension SFTPAttributes {
  init(_ attributes: FileAttributes) {
    let type: UInt32 =
      switch attributes.kind {
      case .file: 0o100_000
      case .directory: 0o040_000
      case .symbolicLink: 0o120_000
      case .other: 0o060_000
      }
    self.init(
      size: attributes.size, owner: Owner(user: attributes.user, group: attributes.group),
      permissions: type | attributes.permissions,
      times: Times(
        accessed: UInt32(truncatingIfNeeded: attributes.accessed.seconds),
        modified: UInt32(truncatingIfNeeded: attributes.modified.seconds)))
  }
}

extension FileAttributeChanges {
  init(_ attributes: SFTPAttributes) {
    self.init(
      size: attributes.size, permissions: attributes.permissions.map { $0 & 0o7777 },
      owner: attributes.owner.map { Owner(user: $0.user, group: $0.group) },
      times: attributes.times.map {
        Times(accessed: WallTime(seconds: Int64($0.accessed)), modified: WallTime(seconds: Int64($0.modified)))
      })
  }
}
