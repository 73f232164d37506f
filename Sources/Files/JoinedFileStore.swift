import Services

/// Several file stores under one root: one is `/` itself, others lie in folders below it, such as `/shared`.
///
/// A mount hides a file of the same name in the root. Names don't cross from one store to another: to rename or link
/// across is `crossesDevices`, as between file systems, and clients copy then.
public struct JoinedFileStore: FileStore {
  /// What lies at `/`; `nil` is an empty folder that nothing can be made in.
  private let root: (any FileStore)?
  private let mounts: [[UInt8]: any FileStore]

  public init(root: (any FileStore)?, mounts: [String: any FileStore]) {
    self.root = root
    self.mounts = Dictionary(mounts.map { (Array($0.key.utf8), $0.value) }) { first, _ in first }
  }

  /// Where a path leads.
  private struct Place {
    var store: any FileStore
    var path: FilePath
    /// The mount's name; `nil` for the root.
    var mount: [UInt8]?
    var isMount: Bool { mount != nil && path.isRoot }
  }

  private func place(_ path: FilePath) -> Place {
    if let name = path.names.first, let store = mounts[name] {
      return Place(store: store, path: path.dropFirst(), mount: name)
    }
    return Place(store: root ?? EmptyFolder(names: []), path: path, mount: nil)
  }

  /// Where something is made, removed or renamed: a mount itself stays where it is.
  private func changeable(_ path: FilePath) throws(FileError) -> Place {
    let place = place(path)
    if place.isMount { throw .permissionDenied }
    return place
  }

  public func open(
    _ path: FilePath, _ options: FileOpenOptions, permissions: UInt32
  ) throws(FileError) -> any OpenedFile {
    let place = place(path)
    return try place.store.open(place.path, options, permissions: permissions)
  }

  public func openDirectory(_ path: FilePath) throws(FileError) -> any OpenedDirectory {
    let place = place(path)
    guard path.isRoot, !mounts.isEmpty else { return try place.store.openDirectory(place.path) }
    let listing = EmptyFolder(names: try mountEntries())
    guard let root else { return try listing.openDirectory(path) }
    return JoinedDirectory(
      mounts: try listing.openDirectory(path), rest: try root.openDirectory(path), hidden: Set(mounts.keys))
  }

  /// A mount that can't be asked at present is left out of the listing.
  private func mountEntries() throws(FileError) -> [DirectoryEntry] {
    mounts.sorted { $0.key.lexicographicallyPrecedes($1.key) }.compactMap { name, store in
      guard let attributes = try? store.attributes(of: FilePath(), followingLinks: true) else { return nil }
      return DirectoryEntry(name: name, attributes: attributes)
    }
  }

  public func attributes(of path: FilePath, followingLinks: Bool) throws(FileError) -> FileAttributes {
    let place = place(path)
    return try place.store.attributes(of: place.path, followingLinks: followingLinks)
  }

  public func setAttributes(
    _ changes: FileAttributeChanges, of path: FilePath, followingLinks: Bool
  ) throws(FileError) {
    let place = try changeable(path)
    try place.store.setAttributes(changes, of: place.path, followingLinks: followingLinks)
  }

  public func makeDirectory(_ path: FilePath, permissions: UInt32) throws(FileError) {
    let place = place(path)
    if place.isMount { throw .exists }
    try place.store.makeDirectory(place.path, permissions: permissions)
  }

  public func removeFile(_ path: FilePath) throws(FileError) {
    let place = try changeable(path)
    try place.store.removeFile(place.path)
  }

  public func removeDirectory(_ path: FilePath) throws(FileError) {
    let place = try changeable(path)
    try place.store.removeDirectory(place.path)
  }

  public func rename(_ path: FilePath, to newPath: FilePath, replacing: Bool) throws(FileError) {
    let (place, newPlace) = (try changeable(path), try changeable(newPath))
    guard place.mount == newPlace.mount else { throw .crossesDevices }
    try place.store.rename(place.path, to: newPlace.path, replacing: replacing)
  }

  public func makeHardLink(_ path: FilePath, to existing: FilePath) throws(FileError) {
    let (place, old) = (try changeable(path), try changeable(existing))
    guard place.mount == old.mount else { throw .crossesDevices }
    try place.store.makeHardLink(place.path, to: old.path)
  }

  public func makeSymbolicLink(_ path: FilePath, target: [UInt8]) throws(FileError) {
    let place = try changeable(path)
    try place.store.makeSymbolicLink(place.path, target: target)
  }

  public func readSymbolicLink(_ path: FilePath) throws(FileError) -> [UInt8] {
    let place = place(path)
    return try place.store.readSymbolicLink(place.path)
  }

  public func realPath(of path: FilePath) throws(FileError) -> FilePath {
    let place = place(path)
    let real = try place.store.realPath(of: place.path)
    guard let mount = place.mount else { return real }
    guard let whole = FilePath(real.bytes.dropFirst(), from: FilePath().appending(mount) ?? FilePath()) else {
      throw .invalidName
    }
    return whole
  }

  public func space(at path: FilePath) throws(FileError) -> FileSystemSpace {
    let place = place(path)
    return try place.store.space(at: place.path)
  }

  public func synchroniseDirectory(_ path: FilePath) throws(FileError) {
    let place = place(path)
    try place.store.synchroniseDirectory(place.path)
  }
}

extension FilePath {
  /// The path without its first name.
  fileprivate func dropFirst() -> FilePath {
    var path = FilePath()
    for name in names.dropFirst() { path = path.appending(name) ?? path }
    return path
  }
}

/// The mounts first, then what the root has beside them.
private struct JoinedDirectory: OpenedDirectory {
  let mounts: any OpenedDirectory
  let rest: any OpenedDirectory
  let hidden: Set<[UInt8]>

  func next(_ maximum: Int) throws(FileError) -> [DirectoryEntry] {
    // `.` and `..` of the mounts' list come again from the root itself.
    let first = try mounts.next(maximum).filter { hidden.contains($0.name) }
    if !first.isEmpty { return first }
    while true {
      let entries = try rest.next(maximum)
      let shown = entries.filter { !hidden.contains($0.name) }
      // Nothing means the end, so a piece that was hidden altogether is no answer.
      if entries.isEmpty || !shown.isEmpty { return shown }
    }
  }
}
