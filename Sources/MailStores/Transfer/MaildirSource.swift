import Glibc
import Services

/// One folder of a Maildir: `cur` and `new`; flags from the names' ends (`:2,FRS`).
public struct MaildirSource: MessageSource {
  private let names: [(sortKey: String, path: String, isNew: Bool)]
  private var index = 0
  public private(set) var mark = ""

  public init(path: String) throws(StoreError) {
    var found: [(sortKey: String, path: String, isNew: Bool)] = []
    for folder in ["cur", "new"] {
      for name in MailDisk.names(in: "\(path)/\(folder)") where !name.hasPrefix(".") {
        found.append((Self.base(name), "\(path)/\(folder)/\(name)", folder == "new"))
      }
    }
    guard !found.isEmpty || access("\(path)/cur", F_OK) == 0 else {
      throw StoreError(.notFound, "\(path) is no Maildir: it has no folder cur")
    }
    names = found.sorted { $0.sortKey < $1.sortKey }
  }

  public var count: Int { names.count }
  public var done: Int { index }

  public mutating func resume(after mark: String) throws(StoreError) {
    index = names.firstIndex { $0.sortKey > mark } ?? names.count
    self.mark = mark
  }

  public mutating func next(
    _ write: (UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError) -> SourceMessage? {
    guard index < names.count else { return nil }
    let entry = names[index]
    index += 1
    mark = entry.sortKey
    let descriptor = open(entry.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw MailDisk.failure("can't open \(entry.path)") }
    let file = MailFile(owning: descriptor)
    var status = stat()
    fstat(descriptor, &status)
    var ends = LineEndWriter()
    var offset: Int64 = 0
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
      var failure: StoreError?
      let count = piece.withUnsafeMutableBytes { memory -> Int in
        do throws(StoreError) {
          let count = try MailDisk.read(into: memory, from: file.descriptor, at: offset)
          try ends.write(UnsafeRawBufferPointer(rebasing: memory[..<count]), write)
          return count
        } catch {
          failure = error
          return 0
        }
      }
      if let failure { throw failure }
      if count == 0 { break }
      offset += Int64(count)
    }
    return SourceMessage(flags: Self.flags(entry.path), date: Int64(status.st_mtim.tv_sec))
  }

  /// The part of a name that never changes.
  private static func base(_ name: String) -> String { String(name.prefix { $0 != ":" }) }

  private static func flags(_ path: String) -> MessageFlags {
    var flags: MessageFlags = []
    guard let colon = path.lastIndex(of: ":"), path[colon...].hasPrefix(":2,") else { return flags }
    for letter in path[colon...].dropFirst(3) {
      switch letter {
      case "S": flags.insert(.seen)
      case "R": flags.insert(.answered)
      case "F": flags.insert(.flagged)
      case "T": flags.insert(.deleted)
      case "D": flags.insert(.draft)
      default: break
      }
    }
    return flags
  }

  /// The letters of flags, in ASCII order as Maildir wants them.
  static func letters(_ flags: MessageFlags) -> String {
    var letters = ""
    for (flag, letter) in [
      (MessageFlags.draft, "D"), (.flagged, "F"), (.answered, "R"), (.seen, "S"), (.deleted, "T"),
    ] where flags.contains(flag) { letters += letter }
    return letters
  }

  /// The folders of a Maildir++: the inbox as "", `.Sent.2026` as `Sent/2026`.
  public static func folders(in path: String) -> [(name: String, path: String)] {
    var folders = [(name: "", path: path)]
    for name in MailDisk.names(in: path) where name.hasPrefix(".") && access("\(path)/\(name)/cur", F_OK) == 0 {
      folders.append((name.dropFirst().split(separator: ".").joined(separator: "/"), "\(path)/\(name)"))
    }
    return folders
  }
}
