import Services

/// A file store that can also be reached by the paths that its folders have in the operating system.
///
/// Who has a shell as well learns such paths there (`echo $HOME`), and programs such as Ansible use them over SFTP. They mean
/// the same files as without; nothing else of the operating system can be reached by this.
public struct AliasedFileStore: FileStore {
  private let store: any FileStore
  /// Where a path leads that begins with the first.
  private let aliases: [(outside: FilePath, inside: FilePath)]

  /// - Parameter aliases: The absolute paths of folders in the operating system, and where they lie in the store.
  public init(_ store: any FileStore, aliases: [(outside: String, inside: String)]) {
    self.store = store
    self.aliases = aliases.compactMap { alias in
      guard let outside = FilePath(alias.outside.utf8), let inside = FilePath(alias.inside.utf8), !outside.isRoot else {
        return nil
      }
      return (outside, inside)
    }
  }

  private func inner(_ path: FilePath) -> FilePath {
    guard let alias = aliases.first(where: { path.names.starts(with: $0.outside.names) }) else { return path }
    var result = alias.inside
    for name in path.names.dropFirst(alias.outside.names.count) { result = result.appending(name) ?? result }
    return result
  }

  public func open(
    _ path: FilePath, _ options: FileOpenOptions, permissions: UInt32
  ) throws(FileError) -> any OpenedFile {
    try store.open(inner(path), options, permissions: permissions)
  }

  public func openDirectory(_ path: FilePath) throws(FileError) -> any OpenedDirectory {
    try store.openDirectory(inner(path))
  }

  public func attributes(of path: FilePath, followingLinks: Bool) throws(FileError) -> FileAttributes {
    try store.attributes(of: inner(path), followingLinks: followingLinks)
  }

  public func setAttributes(
    _ changes: FileAttributeChanges, of path: FilePath, followingLinks: Bool
  ) throws(FileError) {
    try store.setAttributes(changes, of: inner(path), followingLinks: followingLinks)
  }

  public func makeDirectory(_ path: FilePath, permissions: UInt32) throws(FileError) {
    try store.makeDirectory(inner(path), permissions: permissions)
  }

  public func removeFile(_ path: FilePath) throws(FileError) { try store.removeFile(inner(path)) }
  public func removeDirectory(_ path: FilePath) throws(FileError) { try store.removeDirectory(inner(path)) }

  public func rename(_ path: FilePath, to newPath: FilePath, replacing: Bool) throws(FileError) {
    try store.rename(inner(path), to: inner(newPath), replacing: replacing)
  }

  public func makeHardLink(_ path: FilePath, to existing: FilePath) throws(FileError) {
    try store.makeHardLink(inner(path), to: inner(existing))
  }

  public func makeSymbolicLink(_ path: FilePath, target: [UInt8]) throws(FileError) {
    try store.makeSymbolicLink(inner(path), target: target)
  }

  public func readSymbolicLink(_ path: FilePath) throws(FileError) -> [UInt8] {
    try store.readSymbolicLink(inner(path))
  }

  public func realPath(of path: FilePath) throws(FileError) -> FilePath { try store.realPath(of: inner(path)) }
  public func space(at path: FilePath) throws(FileError) -> FileSystemSpace { try store.space(at: inner(path)) }
  public func synchroniseDirectory(_ path: FilePath) throws(FileError) { try store.synchroniseDirectory(inner(path)) }
}
