import Services
import Synchronization

/// A folder that holds nothing but given names, and that nothing can be made in.
struct EmptyFolder: FileStore {
  let names: [DirectoryEntry]

  static let attributes = FileAttributes(
    kind: .directory, size: 0, permissions: 0o555, user: 0, group: 0, accessed: WallTime(seconds: 0),
    modified: WallTime(seconds: 0), links: 2)

  private func find(_ path: FilePath) throws(FileError) { if !path.isRoot { throw .notFound } }

  func open(_ path: FilePath, _ options: FileOpenOptions, permissions: UInt32) throws(FileError) -> any OpenedFile {
    if path.isRoot { throw .isDirectory }
    throw options.contains(.create) ? .permissionDenied : .notFound
  }

  func openDirectory(_ path: FilePath) throws(FileError) -> any OpenedDirectory {
    try find(path)
    return Listing([".", ".."].map { DirectoryEntry(name: Array($0.utf8), attributes: Self.attributes) } + names)
  }

  func attributes(of path: FilePath, followingLinks: Bool) throws(FileError) -> FileAttributes {
    try find(path)
    return Self.attributes
  }

  func setAttributes(
    _ changes: FileAttributeChanges, of path: FilePath, followingLinks: Bool
  ) throws(FileError) {
    try find(path)
    throw .permissionDenied
  }

  func makeDirectory(_ path: FilePath, permissions: UInt32) throws(FileError) {
    throw path.isRoot ? .exists : .permissionDenied
  }

  func removeFile(_ path: FilePath) throws(FileError) {
    try find(path)
    throw .permissionDenied
  }

  func removeDirectory(_ path: FilePath) throws(FileError) {
    try find(path)
    throw .permissionDenied
  }

  func rename(_ path: FilePath, to newPath: FilePath, replacing: Bool) throws(FileError) {
    try find(path)
    throw .permissionDenied
  }

  func makeHardLink(_ path: FilePath, to existing: FilePath) throws(FileError) { throw .permissionDenied }
  func makeSymbolicLink(_ path: FilePath, target: [UInt8]) throws(FileError) { throw .permissionDenied }

  func readSymbolicLink(_ path: FilePath) throws(FileError) -> [UInt8] {
    try find(path)
    throw .invalidName
  }

  func realPath(of path: FilePath) throws(FileError) -> FilePath { path }
  func space(at path: FilePath) throws(FileError) -> FileSystemSpace { throw .unsupported }
  func synchroniseDirectory(_ path: FilePath) throws(FileError) { try find(path) }

  private final class Listing: OpenedDirectory {
    private let rest: Mutex<ArraySlice<DirectoryEntry>>
    init(_ entries: [DirectoryEntry]) { rest = Mutex(entries[...]) }

    func next(_ maximum: Int) throws(FileError) -> [DirectoryEntry] {
      rest.withLock { rest in
        defer { rest = rest.dropFirst(maximum) }
        return Array(rest.prefix(maximum))
      }
    }
  }
}
