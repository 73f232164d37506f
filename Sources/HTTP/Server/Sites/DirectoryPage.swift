import Glibc
import HTTPCore
import Services
import SystemShims

/// The page that lists a directory: a table that sorts by links, without a script, in light and dark.
struct DirectoryPage {
  struct Entry {
    var name: [UInt8]
    var isDirectory: Bool
    var size: Int64
    /// Seconds since 1970.
    var modified: Int64
  }

  enum Order: String { case name, size, time }

  /// More names are not shown; a page of them would help nobody.
  static let maximumEntries = 20_000

  let entries: [Entry]
  let isCut: Bool

  /// A page of what somebody else has read.
  init(entries: [Entry], isCut: Bool) { (self.entries, self.isCut) = (entries, isCut) }

  /// Reads a directory below `root`; `nil` when that is not possible. Hidden names, and what is neither a file nor a
  /// directory, are left out.
  init?(root: Int32, path: [UInt8]) {
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
    let name = path.isEmpty ? [0x2E] : path
    let descriptor = (name + [0]).withUnsafeBufferPointer { bytes in
      bytes.withMemoryRebound(to: CChar.self) { text in
        text.baseAddress.map { portside_open_beneath(root, $0, flags, 0) } ?? -EINVAL
      }
    }
    guard descriptor >= 0, let directory = fdopendir(descriptor) else { return nil }
    defer { closedir(directory) }
    var entries: [Entry] = []
    var isCut = false
    while let entry = readdir(directory) {
      guard entries.count < Self.maximumEntries else {
        isCut = true
        break
      }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      guard let first = name.first, first != 0x2E else { continue }
      if let entry = Self.entry(name, in: descriptor) { entries.append(entry) }
    }
    (self.entries, self.isCut) = (entries, isCut)
  }

  private static func entry(_ name: [UInt8], in directory: Int32) -> Entry? {
    var status = stat()
    let result = (name + [0]).withUnsafeBufferPointer { bytes in
      bytes.withMemoryRebound(to: CChar.self) { text in
        text.baseAddress.map { fstatat(directory, $0, &status, AT_SYMLINK_NOFOLLOW) } ?? -1
      }
    }
    guard result == 0 else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFREG, S_IFLNK: break
    case S_IFDIR: break
    default: return nil
    }
    return Entry(
      name: name, isDirectory: status.st_mode & S_IFMT == S_IFDIR, size: Int64(status.st_size),
      modified: Int64(status.st_mtim.tv_sec))
  }

  // MARK: The page

  /// The page for a directory. `query` chooses the order: `sort=size`, `desc`.
  func html(title: String, isRoot: Bool, query: String?) -> String {
    let words = (query ?? "").split(separator: "&")
    let order =
      words.compactMap { $0.hasPrefix("sort=") ? Order(rawValue: String($0.dropFirst(5))) : nil }.first ?? .name
    let descends = words.contains("desc")
    let shown = HTMLEscaping.escape(title)
    var rows = isRoot ? "" : "<tr><td><a href=\"../\">../</a><td><td>\n"
    for entry in sorted(order, descends) { rows += row(entry) }
    return """
      <!doctype html>
      <html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
      <title>\(shown)</title>
      <style>\(Self.style)</style>
      <h1>\(shown)</h1>
      <table><thead><tr>\(heading("Name", .name, order, descends))\(heading("Size", .size, order, descends))\
      \(heading("Changed (UTC)", .time, order, descends))<tbody>
      \(rows)</table>
      \(isCut ? "<p>The first \(Self.maximumEntries) names; there are more.\n" : "")
      """
  }

  private func heading(_ text: String, _ column: Order, _ order: Order, _ descends: Bool) -> String {
    let turns = column == order && !descends
    let mark = column == order ? (descends ? " ↓" : " ↑") : ""
    let sort = column == order ? " aria-sort=\"\(descends ? "descending" : "ascending")\"" : ""
    return "<th\(sort)><a href=\"?sort=\(column.rawValue)\(turns ? "&amp;desc" : "")\">\(text)</a>\(mark)"
  }

  private func row(_ entry: Entry) -> String {
    let slash = entry.isDirectory ? "/" : ""
    // `./` keeps a name with a colon from being read as a scheme.
    let link = "./" + PercentEncoding.path(entry.name) + slash
    let name = HTMLEscaping.escape(String(decoding: entry.name, as: UTF8.self))
    let time = CivilTime(WallTime(seconds: entry.modified, nanoseconds: 0)).rfc3339.prefix(16)
      .map { $0 == "T" ? " " : $0 }
    let size = entry.isDirectory ? "" : Self.size(entry.size)
    return "<tr><td><a href=\"\(link)\">\(name)\(slash)</a><td>\(size)<td>\(String(time))\n"
  }

  private func sorted(_ order: Order, _ descends: Bool) -> [Entry] {
    entries.sorted { left, right in
      // Directories first, whatever the order.
      if left.isDirectory != right.isDirectory { return left.isDirectory }
      let (one, other) = descends ? (right, left) : (left, right)
      switch order {
      case .size where one.size != other.size: return one.size < other.size
      case .time where one.modified != other.modified: return one.modified < other.modified
      default: return one.name.lexicographicallyPrecedes(other.name)
      }
    }
  }

  private static func size(_ bytes: Int64) -> String {
    var (value, unit) = (Double(bytes), 0)
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024, unit < units.count - 1 { (value, unit) = (value / 1024, unit + 1) }
    return unit == 0 ? "\(bytes) B" : "\((value * 10).rounded() / 10) \(units[unit])"
  }

  private static let style =
    ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    + "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.2rem 1rem .2rem 0}"
    + "td+td,th+th{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}"
    + "tr:nth-child(even) td{background:color-mix(in srgb,currentColor 5%,transparent)}a{overflow-wrap:anywhere}"
}
