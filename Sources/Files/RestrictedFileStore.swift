import Services

/// A file store as somebody with certain rights sees it: what they lack is refused with `permissionDenied`.
public struct RestrictedFileStore: FileStore {
  private let store: any FileStore
  public let rights: FileRights

  public init(_ store: any FileStore, _ rights: FileRights) {
    self.store = store
    self.rights = rights
  }

  private func need(_ right: FileRights) throws(FileError) {
    guard rights.isSuperset(of: right) else { throw .permissionDenied }
  }

  private func needAny(_ some: FileRights) throws(FileError) {
    guard !rights.isDisjoint(with: some) else { throw .permissionDenied }
  }

  public func open(
    _ path: FilePath, _ options: FileOpenOptions, permissions: UInt32
  ) throws(FileError) -> any OpenedFile {
    var options = options
    let writes = !options.isDisjoint(with: [.write, .append, .truncate])
    if options.contains(.read) || !writes { try need(.read) }
    if writes { try needAny([.write, .make]) }
    if options.contains(.create) {
      if options.contains(.exclusive) || !rights.contains(.write) {
        // Who may only make files must not be given one that exists.
        try need(.make)
        options.insert(.exclusive)
      } else if !rights.contains(.make) {
        options.remove(.create)
      }
    } else if writes {
      try need(.write)
    }
    let file = try store.open(path, options, permissions: permissions)
    return writes || rights.contains(.write) ? file : UnchangingFile(file: file)
  }

  public func openDirectory(_ path: FilePath) throws(FileError) -> any OpenedDirectory {
    try need(.list)
    return try store.openDirectory(path)
  }

  public func attributes(of path: FilePath, followingLinks: Bool) throws(FileError) -> FileAttributes {
    // Who can't list learns nothing of what others put here, but finds folders.
    let attributes = try store.attributes(of: path, followingLinks: followingLinks)
    if attributes.kind != .directory { try needAny([.list, .read]) }
    return attributes
  }

  public func setAttributes(
    _ changes: FileAttributeChanges, of path: FilePath, followingLinks: Bool
  ) throws(FileError) {
    try need(.write)
    try store.setAttributes(changes, of: path, followingLinks: followingLinks)
  }

  public func makeDirectory(_ path: FilePath, permissions: UInt32) throws(FileError) {
    try need(.make)
    try store.makeDirectory(path, permissions: permissions)
  }

  public func removeFile(_ path: FilePath) throws(FileError) {
    try need(.delete)
    try store.removeFile(path)
  }

  public func removeDirectory(_ path: FilePath) throws(FileError) {
    try need(.delete)
    try store.removeDirectory(path)
  }

  public func rename(_ path: FilePath, to newPath: FilePath, replacing: Bool) throws(FileError) {
    try need(.rename)
    // A file that gives way is removed.
    try store.rename(path, to: newPath, replacing: replacing && rights.contains(.delete))
  }

  public func makeHardLink(_ path: FilePath, to existing: FilePath) throws(FileError) {
    // The new name would open the same bytes to whatever the old one was protected from.
    try need([.make, .read])
    try store.makeHardLink(path, to: existing)
  }

  public func makeSymbolicLink(_ path: FilePath, target: [UInt8]) throws(FileError) {
    try need(.make)
    try store.makeSymbolicLink(path, target: target)
  }

  public func readSymbolicLink(_ path: FilePath) throws(FileError) -> [UInt8] {
    try needAny([.list, .read])
    return try store.readSymbolicLink(path)
  }

  public func realPath(of path: FilePath) throws(FileError) -> FilePath { try store.realPath(of: path) }

  public func space(at path: FilePath) throws(FileError) -> FileSystemSpace { try store.space(at: path) }
  public func synchroniseDirectory(_ path: FilePath) throws(FileError) { try store.synchroniseDirectory(path) }
}

/// A file that was opened to be read, by somebody who may not change it: its attributes stay as they are.
private struct UnchangingFile: OpenedFile {
  let file: any OpenedFile

  func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileError) -> Int {
    try file.read(into: memory, at: offset)
  }
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError) { throw .permissionDenied }
  func attributes() throws(FileError) -> FileAttributes { try file.attributes() }
  func setAttributes(_ changes: FileAttributeChanges) throws(FileError) { throw .permissionDenied }
  func synchronise() throws(FileError) { try file.synchronise() }
  func copy(
    from other: any OpenedFile, at otherOffset: UInt64, count: UInt64?, to offset: UInt64
  ) throws(FileError) -> UInt64 { throw .permissionDenied }
  func space() throws(FileError) -> FileSystemSpace { try file.space() }
  func tryLock() -> Bool { file.tryLock() }
}
