/// One name of a folder, as a listing shows it.
public struct FTPEntry: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    case file, folder
    /// The folder that is listed, and the one above it (RFC 3659 §7.5.1).
    case current, parent
    /// A symbolic link that leads nowhere inside.
    case link
    case other
  }

  public var name: [UInt8]
  public var kind: Kind
  public var size: UInt64
  /// 0...0o7777.
  public var permissions: UInt32
  public var modified: FTPTime
  public var links: UInt64
  public var owner: String
  public var group: String
  /// What a symbolic link says, where one is shown as such.
  public var target: [UInt8]?
  /// The letters of the fact `perm` (RFC 3659 §7.5.5).
  public var rights: String

  public init(
    name: [UInt8], kind: Kind, size: UInt64, permissions: UInt32, modified: FTPTime, links: UInt64 = 1,
    owner: String = "ftp", group: String = "ftp", target: [UInt8]? = nil, rights: String = ""
  ) {
    self.name = name
    self.kind = kind
    self.size = size
    self.permissions = permissions
    self.modified = modified
    self.links = links
    self.owner = owner
    self.group = group
    self.target = target
    self.rights = rights
  }

  var isFolder: Bool { kind == .folder || kind == .current || kind == .parent }
}

/// Which facts MLST and MLSD tell (RFC 3659 §7.8); a client chooses by `OPTS MLST`.
public struct FTPFacts: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  public static let type = FTPFacts(rawValue: 1)
  public static let size = FTPFacts(rawValue: 2)
  public static let modify = FTPFacts(rawValue: 4)
  public static let perm = FTPFacts(rawValue: 8)
  public static let mode = FTPFacts(rawValue: 16)
  public static let all: FTPFacts = [.type, .size, .modify, .perm, .mode]

  static let names: [(FTPFacts, String)] = [
    (.type, "type"), (.size, "size"), (.modify, "modify"), (.perm, "perm"), (.mode, "UNIX.mode"),
  ]

  /// `type;size;` in whatever letters.
  init(option text: String) {
    let wanted = Set(text.lowercased().split(separator: ";").map(String.init))
    self = Self.names.reduce(into: []) { if wanted.contains($1.1.lowercased()) { $0.insert($1.0) } }
  }

  /// `type*;size;…` for FEAT: a star marks what is told now.
  var feature: String { Self.names.map { $0.1 + (contains($0.0) ? "*" : "") + ";" }.joined() }

  /// `type;size;`
  var text: String { Self.names.filter { contains($0.0) }.map { $0.1 + ";" }.joined() }
}

/// How a listing is written.
public enum FTPListingStyle: Hashable, Sendable {
  /// LIST: as `ls -l` does, which every client reads.
  case long
  /// NLST: names alone; with a prefix where a path was named.
  case names
  /// MLSD: facts (RFC 3659 §7.2).
  case facts(FTPFacts)
}

extension FTPEntry {
  /// Appends the entry's line with its line end. Names that hold a line end are left out: no client could name them.
  public func write(_ style: FTPListingStyle, now: FTPTime, into output: inout [UInt8]) {
    guard FTPText.isOneLine(name) else { return }
    switch style {
    case .names:
      guard kind != .current, kind != .parent else { return }
      output += name
    case .facts(let facts):
      output += factLine(facts)
    case .long:
      guard kind != .current, kind != .parent else { return }
      writeLong(now: now, into: &output)
    }
    output += [0x0D, 0x0A]
  }

  /// `type=file;size=25;modify=20260325081530;perm=adfrw; name`
  public func factLine(_ facts: FTPFacts) -> [UInt8] {
    var line = ""
    if facts.contains(.type) {
      let type =
        switch kind {
        case .file: "file"
        case .folder: "dir"
        case .current: "cdir"
        case .parent: "pdir"
        case .link: "OS.unix=symlink"
        case .other: "OS.unix=other"
        }
      line += "type=\(type);"
    }
    if facts.contains(.size), kind == .file { line += "size=\(size);" }
    if facts.contains(.modify) { line += "modify=\(modified.text);" }
    if facts.contains(.perm) { line += "perm=\(rights);" }
    if facts.contains(.mode) { line += "UNIX.mode=0\(String(permissions, radix: 8));" }
    return Array(line.utf8) + [0x20] + name
  }

  private func writeLong(now: FTPTime, into output: inout [UInt8]) {
    let type =
      if target != nil || kind == .link { "l" } else if isFolder { "d" } else if kind == .file { "-" } else { "?" }
    let letters = Array("rwxrwxrwx")
    var text = type
    for index in letters.indices { text.append(permissions >> UInt32(8 - index) & 1 == 1 ? letters[index] : "-") }
    text +=
      " " + FTPText.padded(Int(clamping: links), 3, with: " ") + " " + Self.left(owner, 8) + " " + Self.left(group, 8)
    text += " " + FTPText.padded(Int(clamping: size), 12, with: " ") + " " + modified.listText(now: now) + " "
    output += text.utf8
    output += name
    if let target, FTPText.isOneLine(target) { output += Array(" -> ".utf8) + target }
  }

  private static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.utf8.count))
  }
}
