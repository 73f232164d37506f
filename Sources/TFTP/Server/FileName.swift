import TFTPCore

/// A requested name as a path below a root.
enum FileName {
  /// Backslashes count as slashes, as Windows' boot loader has them. A leading slash means the root, as GRUB has it: never the
  /// machine's own. `..` is refused, whatever it would lead to.
  static func path(_ name: String) throws(TransferFailure) -> String {
    var parts: [Substring] = []
    for part in name.split(whereSeparator: { $0 == "/" || $0 == "\\" }) {
      if part == "." { continue }
      guard part != ".." else { throw TransferFailure(.accessViolation, "a name may not contain ..") }
      guard part.utf8.count <= 255 else { throw TransferFailure(.fileNotFound) }
      parts.append(part)
    }
    guard !parts.isEmpty else { throw TransferFailure(.fileNotFound) }
    return parts.joined(separator: "/")
  }

  /// A name as one component of a path: what is not a letter, a digit, `-`, `_` or `.` becomes `_`, and it starts with no dot.
  static func component(_ name: String) -> String {
    var result = ""
    for scalar in name.unicodeScalars.prefix(200) {
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9", "-", "_", ".": result.unicodeScalars.append(scalar)
      default: result += "_"
      }
    }
    if result.hasPrefix(".") || result.isEmpty { result = "_" + result }
    return result
  }
}
