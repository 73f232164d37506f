import Glibc
import Services

/// A file store that keeps what is replaced: the file that gives way to an upload of the same name goes to
/// `/versions/PATH/TIME`.
///
/// For devices that send their configuration under the same name each night. Protocols know nothing of it: whatever replaces
/// or empties a file keeps a version.
struct VersioningFileStore: FileStore {
  /// The folder of the versions, in the root of the account.
  static let folderName = Array("versions".utf8)
  /// Versions that are kept of one file; the oldest go.
  static let maximumVersions = 100

  private let store: any FileStore
  private let now: @Sendable () -> WallTime

  init(_ store: any FileStore, now: @escaping @Sendable () -> WallTime = VersioningFileStore.time) {
    self.store = store
    self.now = now
  }

  static func time() -> WallTime {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return WallTime(seconds: Int64(now.tv_sec), nanoseconds: Int32(now.tv_nsec))
  }

  /// The folder of a file's versions; `nil` for what is a version itself, or the rest of an upload.
  private func folder(of path: FilePath) -> FilePath? {
    guard !path.isRoot, path.names.first != Self.folderName, path.name.map(PartialName.isOne) == false else {
      return nil
    }
    var folder: FilePath? = FilePath().appending(Self.folderName)
    for name in path.names { folder = folder?.appending(name) }
    return folder
  }

  /// Keeps the file that has this name, if there is one with something in it.
  ///
  /// - Parameter moving: Whether it may go; otherwise it gets a second name, so that there is never a moment without it.
  private func keep(_ path: FilePath, moving: Bool) throws(FileError) {
    guard let folder = folder(of: path),
      let old = try? store.attributes(of: path, followingLinks: false), old.kind == .file, old.size > 0
    else { return }
    var made = FilePath()
    for name in folder.names {
      made = made.appending(name) ?? made
      do throws(FileError) { try store.makeDirectory(made, permissions: 0o700) } catch {
        if error != .exists { throw error }
      }
    }
    let time = now()
    // Two within one millisecond are told apart by a number.
    for number in 0..<100 {
      let name = time.rfc3339 + (number == 0 ? "" : ".\(number)")
      guard let version = folder.appending(Array(name.utf8)) else { throw .invalidName }
      do throws(FileError) {
        if moving {
          try store.rename(path, to: version, replacing: false)
        } else {
          try store.makeHardLink(version, to: path)
        }
        return removeOldest(in: folder)
      } catch {
        if error != .exists { throw error }
      }
    }
    throw .exists
  }

  private func removeOldest(in folder: FilePath) {
    guard let directory = try? store.openDirectory(folder) else { return }
    var names: [[UInt8]] = []
    while let entries = try? directory.next(256), !entries.isEmpty {
      names += entries.filter { $0.attributes.kind == .file }.map(\.name)
    }
    // The names are times, so their order is that of the times.
    for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }).dropLast(Self.maximumVersions) {
      if let path = folder.appending(name) { try? store.removeFile(path) }
    }
  }

  func open(_ path: FilePath, _ options: FileOpenOptions, permissions: UInt32) throws(FileError) -> any OpenedFile {
    if options.contains(.truncate), !options.contains(.exclusive) { try keep(path, moving: options.contains(.create)) }
    return try store.open(path, options, permissions: permissions)
  }

  func rename(_ path: FilePath, to newPath: FilePath, replacing: Bool) throws(FileError) {
    if replacing, path != newPath, (try? store.attributes(of: path, followingLinks: false)) != nil {
      try keep(newPath, moving: false)
    }
    try store.rename(path, to: newPath, replacing: replacing)
  }

  func openDirectory(_ path: FilePath) throws(FileError) -> any OpenedDirectory { try store.openDirectory(path) }
  func attributes(of path: FilePath, followingLinks: Bool) throws(FileError) -> FileAttributes {
    try store.attributes(of: path, followingLinks: followingLinks)
  }
  func setAttributes(_ changes: FileAttributeChanges, of path: FilePath, followingLinks: Bool) throws(FileError) {
    try store.setAttributes(changes, of: path, followingLinks: followingLinks)
  }
  func makeDirectory(_ path: FilePath, permissions: UInt32) throws(FileError) {
    try store.makeDirectory(path, permissions: permissions)
  }
  func removeFile(_ path: FilePath) throws(FileError) { try store.removeFile(path) }
  func removeDirectory(_ path: FilePath) throws(FileError) { try store.removeDirectory(path) }
  func makeHardLink(_ path: FilePath, to existing: FilePath) throws(FileError) {
    try store.makeHardLink(path, to: existing)
  }
  func makeSymbolicLink(_ path: FilePath, target: [UInt8]) throws(FileError) {
    try store.makeSymbolicLink(path, target: target)
  }
  func readSymbolicLink(_ path: FilePath) throws(FileError) -> [UInt8] { try store.readSymbolicLink(path) }
  func realPath(of path: FilePath) throws(FileError) -> FilePath { try store.realPath(of: path) }
  func space(at path: FilePath) throws(FileError) -> FileSystemSpace { try store.space(at: path) }
  func synchroniseDirectory(_ path: FilePath) throws(FileError) { try store.synchroniseDirectory(path) }
}
