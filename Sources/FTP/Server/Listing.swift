import FTPCore
import Glibc
import Services
import Synchronization
import WireKit

/// A listing on its way: read from the medium piece by piece, so that a folder of any size takes little memory.
final class Listing: Sendable {
  private struct State {
    /// What is known already, last first: a small folder in order, or the one file that was asked for.
    var entries: [DirectoryEntry]
    var directory: (any OpenedDirectory)?
  }

  /// Up to so many names are put in order; a larger folder comes as the medium has it.
  private static let sortedNames = 5_000

  private let state: Mutex<State>
  private let files: any FileStore
  private let folder: FilePath
  private let style: FTPListingStyle
  private let now: FTPTime
  private let isReadOnly: Bool
  private let pattern: [UInt8]?
  /// What stands before each name of NLST, where a path was named.
  private let prefix: [UInt8]

  private init(
    _ files: any FileStore, _ folder: FilePath, _ style: FTPListingStyle, now: FTPTime, isReadOnly: Bool,
    pattern: [UInt8]?, prefix: [UInt8], entries: [DirectoryEntry], directory: (any OpenedDirectory)?
  ) {
    self.files = files
    self.folder = folder
    self.style = style
    self.now = now
    self.isReadOnly = isReadOnly
    self.pattern = pattern
    self.prefix = prefix
    state = Mutex(State(entries: entries, directory: directory))
  }

  /// Opens what is to be listed: a folder, a file, or a pattern in the last name (`*.txt`), which old clients send for MGET.
  static func open(
    _ argument: [UInt8]?, _ style: FTPListingStyle, _ control: FTPControl, now: FTPTime
  ) throws -> Listing {
    var (files, path) = try control.place(argument)
    let isReadOnly = control.state.withLock { $0.isAnonymous }
    var pattern: [UInt8]?
    var prefix = argument ?? []
    var attributes: FileAttributes
    do throws(FileError) { attributes = try files.attributes(of: path, followingLinks: true) } catch {
      guard error == .notFound, let name = path.name, name.contains(where: { "*?[".utf8.contains($0) }) else {
        throw error
      }
      pattern = name
      path = path.parent
      prefix = Array(prefix.dropLast(name.count))
      attributes = try files.attributes(of: path, followingLinks: true)
    }
    guard attributes.kind == .directory else {
      if case .facts = style { throw FTPFailure.notDirectory }
      let entry = DirectoryEntry(name: argument ?? [], attributes: attributes)
      return Listing(
        files, path.parent, style, now: now, isReadOnly: isReadOnly, pattern: nil, prefix: [], entries: [entry],
        directory: nil)
    }
    if !prefix.isEmpty, prefix.last != 0x2F { prefix.append(0x2F) }
    var directory: (any OpenedDirectory)? = try files.openDirectory(path)
    var entries: [DirectoryEntry] = []
    while entries.count < sortedNames, let more = try directory?.next(512) {
      if more.isEmpty { directory = nil }
      entries += more
    }
    entries.sort { $1.name.lexicographicallyPrecedes($0.name) }
    return Listing(
      files, path, style, now: now, isReadOnly: isReadOnly, pattern: pattern, prefix: prefix, entries: entries,
      directory: directory)
  }

  /// Appends the next lines; whether there may be more. Blocks while the medium works.
  func next(into output: inout [UInt8]) throws(FileError) -> Bool {
    let (entries, isLast) = try state.withLock { state throws(FileError) -> ([DirectoryEntry], Bool) in
      if !state.entries.isEmpty {
        let part = Array(state.entries.suffix(256).reversed())
        state.entries.removeLast(part.count)
        return (part, state.entries.isEmpty && state.directory == nil)
      }
      let part = try state.directory?.next(256) ?? []
      return (part, part.isEmpty)
    }
    for entry in entries where isShown(entry.name) { write(entry, into: &output) }
    return !isLast
  }

  private func isShown(_ name: [UInt8]) -> Bool {
    if PartialName.isOne(name) { return false }
    guard let pattern else { return true }
    // A leading dot is not for patterns, as in a shell.
    return pattern.withCString { pattern in name.withCString { fnmatch(pattern, $0, FNM_PERIOD | FNM_NOESCAPE) == 0 } }
  }

  private func write(_ entry: DirectoryEntry, into output: inout [UInt8]) {
    var line = FTPEntry(entry, isReadOnly: isReadOnly)
    if entry.attributes.kind == .symbolicLink, let path = folder.appending(entry.name) {
      if style == .long {
        line.target = (try? files.readSymbolicLink(path)) ?? []
      } else if case .facts = style, let goal = try? files.attributes(of: path, followingLinks: true) {
        line = FTPEntry(DirectoryEntry(name: entry.name, attributes: goal), isReadOnly: isReadOnly)
      }
    }
    if style == .names, line.kind != .current, line.kind != .parent { line.name = prefix + line.name }
    line.write(style, now: now, into: &output)
  }
}

extension FTPEntry {
  /// From what the store says; `.` and `..` are what they are to RFC 3659.
  init(_ entry: DirectoryEntry, isReadOnly: Bool) {
    let attributes = entry.attributes
    let kind: Kind =
      switch attributes.kind {
      case .file: .file
      case .directory: entry.name == [0x2E] ? .current : entry.name == [0x2E, 0x2E] ? .parent : .folder
      case .symbolicLink: .link
      case .other: .other
      }
    let rights: String =
      switch attributes.kind {
      case .file: isReadOnly ? "r" : "adfrw"
      case .directory: isReadOnly ? "el" : "cdeflmp"
      default: ""
      }
    self.init(
      name: entry.name, kind: kind, size: attributes.size, permissions: attributes.permissions,
      modified: FTPTime(seconds: attributes.modified.seconds), links: attributes.links, owner: String(attributes.user),
      group: String(attributes.group), rights: rights)
  }
}

extension [UInt8] {
  /// Lends the bytes as a C string.
  fileprivate func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    (self + [0]).map { CChar(bitPattern: $0) }.withUnsafeBufferPointer { characters in
      guard let base = characters.baseAddress else { preconditionFailure("a string with its end has an address") }
      return body(base)
    }
  }
}
