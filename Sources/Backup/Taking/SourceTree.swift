import Foundation
import Glibc

/// Walks folders without following links, and describes what it finds.
struct SourceTree {
  let source: BackupSource
  private(set) var entries: [(path: [UInt8], entry: SnapshotEntry)] = []
  private(set) var findings: [BackupFinding] = []
  private var users: [uid_t: String] = [:]
  private var groups: [gid_t: String] = [:]
  private let skipped: Set<[UInt8]>

  /// - Parameter staging: A folder that is never taken: the repository itself, where it lies below a source.
  init(_ source: BackupSource, besides staging: [String]) {
    self.source = source
    var skipped = Set(source.excluded.map { Array("\(source.data)/\($0)".utf8) })
    for database in source.databases {
      for ending in ["", "-wal", "-shm", "-journal"] {
        skipped.insert(Array("\(source.data)/\(database)\(ending)".utf8))
      }
    }
    for path in staging { skipped.insert(Array(path.utf8)) }
    self.skipped = skipped
  }

  mutating func walk() {
    visit(Array(source.data.utf8), isRoot: true)
    for path in source.elsewhere where path != source.data && !path.hasPrefix(source.data + "/") {
      visit(Array(path.utf8), isRoot: true)
    }
  }

  private mutating func visit(_ path: [UInt8], isRoot: Bool = false) {
    guard !skipped.contains(path) else { return }
    var status = stat()
    // What a source names may be a link; what lies below is taken as it is.
    guard Self.withPath(path, { isRoot ? stat($0, &status) : lstat($0, &status) }) == 0 else {
      // Gone meanwhile: it was not there at the end either.
      if errno != ENOENT || isRoot { note(path, errno) }
      return
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      entries.append((path, entry(path, status, .folder)))
      for name in names(in: path) { visit(path + [UInt8(ascii: "/")] + name) }
    case S_IFREG: entries.append((path, entry(path, status, .file)))
    case S_IFLNK:
      var entry = entry(path, status, .link)
      var target = [CChar](repeating: 0, count: 4096)
      let count = Self.withPath(path) { readlink($0, &target, target.count) }
      guard count >= 0 else { return note(path, errno) }
      entry.target = Data(target[..<count].map { UInt8(bitPattern: $0) })
      entries.append((path, entry))
    default: break  // Sockets, pipes and devices are no data.
    }
  }

  private mutating func names(in path: [UInt8]) -> [[UInt8]] {
    guard let directory = Self.withPath(path, { opendir($0) }) else {
      note(path, errno)
      return []
    }
    defer { closedir(directory) }
    var names: [[UInt8]] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name != Array(".".utf8), name != Array("..".utf8) { names.append(name) }
    }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
  }

  mutating func entry(_ path: [UInt8], _ status: stat, _ kind: SnapshotEntry.Kind) -> SnapshotEntry {
    let text = String(decoding: path, as: UTF8.self)
    return SnapshotEntry(
      path: text, rawPath: Array(text.utf8) == path ? nil : Data(path), kind: kind,
      mode: UInt32(status.st_mode & 0o7777),
      user: user(status.st_uid), group: group(status.st_gid), modifiedSeconds: Int64(status.st_mtim.tv_sec),
      modifiedNanoseconds: Int64(status.st_mtim.tv_nsec), changedSeconds: Int64(status.st_ctim.tv_sec),
      changedNanoseconds: Int64(status.st_ctim.tv_nsec), inode: UInt64(status.st_ino),
      size: kind == .file ? Int64(status.st_size) : 0, chunks: [], target: nil)
  }

  private mutating func user(_ id: uid_t) -> String {
    if let known = users[id] { return known }
    let name = getpwuid(id).map { String(cString: $0.pointee.pw_name) } ?? String(id)
    users[id] = name
    return name
  }

  private mutating func group(_ id: gid_t) -> String {
    if let known = groups[id] { return known }
    let name = getgrgid(id).map { String(cString: $0.pointee.gr_name) } ?? String(id)
    groups[id] = name
    return name
  }

  private mutating func note(_ path: [UInt8], _ code: Int32) {
    findings.append(
      BackupFinding(path: String(decoding: path, as: UTF8.self), reason: String(cString: strerror(code))))
  }

  /// A path for C. None of ours has a zero in it: the system gave it.
  static func withPath<Value>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) -> Value) -> Value {
    (path.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { buffer in
      // Never empty: it has its zero.
      body(buffer.baseAddress.unsafelyUnwrapped)
    }
  }
}
