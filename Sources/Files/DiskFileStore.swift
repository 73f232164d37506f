import Glibc
import Services
import SystemShims

/// A directory of the disk as a file store.
///
/// One descriptor holds the root, and every path is resolved by the kernel beneath it (`openat2`, RESOLVE_BENEATH and
/// RESOLVE_NO_MAGICLINKS): what changes names acts on one name within a directory that was opened that way. No string is
/// ever compared to decide whether a path stays inside.
public struct DiskFileStore: FileStore {
  private let root: Descriptor
  private let isReadOnly: Bool
  /// Whether links that lead out are refused. Not where the root is the system's: there is nothing outside of it, and absolute
  /// links are common.
  private let isConfined: Bool

  /// - Parameter path: The directory; it must exist.
  public init(root path: String, isReadOnly: Bool = false) throws(FileError) {
    let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(errno) }
    root = Descriptor(descriptor)
    self.isReadOnly = isReadOnly
    isConfined = true
  }

  /// The whole system, as the user of this process sees it.
  public static func system() throws(FileError) -> DiskFileStore {
    let descriptor = Glibc.open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(errno) }
    return DiskFileStore(Descriptor(descriptor), isConfined: false)
  }

  /// A directory that is open already.
  init(_ root: Descriptor, isConfined: Bool = true) {
    self.root = root
    self.isConfined = isConfined
    isReadOnly = false
  }

  // MARK: Resolving

  private func open(
    beneath path: FilePath, _ flags: Int32, _ mode: UInt32 = 0, followingLinks: Bool = true
  ) throws(FileError) -> Descriptor {
    var name = Array(path.names.joined(separator: [0x2F]))
    if name.isEmpty { name = [0x2E] }
    let result = name.withCString {
      let flags = flags | O_CLOEXEC | (followingLinks ? 0 : O_NOFOLLOW)
      return isConfined
        ? portside_open_beneath(root.number, $0, flags, mode) : portside_open_from(root.number, $0, flags, mode)
    }
    guard result >= 0 else { throw FileError(-result) }
    return Descriptor(result)
  }

  /// The directory that holds the path's last name, and that name.
  private func parent(of path: FilePath) throws(FileError) -> (directory: Descriptor, name: [UInt8]) {
    guard let name = path.name else { throw .permissionDenied }
    return (try open(beneath: path.parent, portside_flag_path() | O_DIRECTORY), name)
  }

  private func checkWritable() throws(FileError) { if isReadOnly { throw .readOnly } }

  private func check(_ result: Int32) throws(FileError) { if result < 0 { throw FileError(-result) } }

  // MARK: Files

  public func open(
    _ path: FilePath, _ options: FileOpenOptions, permissions: UInt32
  ) throws(FileError) -> any OpenedFile {
    let writes = !options.isDisjoint(with: [.write, .append])
    if writes || options.contains(.create) || options.contains(.truncate) { try checkWritable() }
    var flags = writes ? (options.contains(.read) ? O_RDWR : O_WRONLY) : O_RDONLY
    // A pipe or a terminal in the tree must not make us wait, or become ours.
    flags |= O_NONBLOCK | O_NOCTTY
    if options.contains(.append) { flags |= O_APPEND }
    if options.contains(.create) { flags |= O_CREAT }
    if options.contains(.truncate), writes { flags |= O_TRUNC }
    if options.contains(.exclusive), options.contains(.create) { flags |= O_EXCL }
    let descriptor = try open(beneath: path, flags, options.contains(.create) ? permissions & 0o7777 : 0)
    let file = DiskFile(descriptor, appends: options.contains(.append), isReadOnly: isReadOnly)
    switch try file.attributes().kind {
    case .file: return file
    case .directory: throw .isDirectory
    case .symbolicLink, .other: throw .permissionDenied
    }
  }

  public func openDirectory(_ path: FilePath) throws(FileError) -> any OpenedDirectory {
    try DiskDirectory(try open(beneath: path, O_RDONLY | O_DIRECTORY))
  }

  // MARK: Attributes

  public func attributes(of path: FilePath, followingLinks: Bool) throws(FileError) -> FileAttributes {
    var status = stat()
    let descriptor = try open(beneath: path, portside_flag_path(), followingLinks: followingLinks)
    try check(portside_descriptor_attributes(descriptor.number, &status))
    return FileAttributes(status)
  }

  public func setAttributes(
    _ changes: FileAttributeChanges, of path: FilePath, followingLinks: Bool
  ) throws(FileError) {
    try checkWritable()
    if changes.size != nil {
      guard followingLinks else { throw .unsupported }
      try open(path, .write, permissions: 0).setAttributes(changes)
      return
    }
    let descriptor = try open(beneath: path, portside_flag_path(), followingLinks: followingLinks)
    try descriptor.apply(changes)
  }

  // MARK: Names

  public func makeDirectory(_ path: FilePath, permissions: UInt32) throws(FileError) {
    try checkWritable()
    guard !path.isRoot else { throw .exists }
    let (directory, name) = try parent(of: path)
    try check(name.withCString { portside_make_directory(directory.number, $0, permissions & 0o7777) })
  }

  public func removeFile(_ path: FilePath) throws(FileError) {
    try checkWritable()
    let (directory, name) = try parent(of: path)
    try check(name.withCString { portside_remove_file(directory.number, $0) })
  }

  public func removeDirectory(_ path: FilePath) throws(FileError) {
    try checkWritable()
    let (directory, name) = try parent(of: path)
    try check(name.withCString { portside_remove_directory(directory.number, $0) })
  }

  public func rename(_ path: FilePath, to newPath: FilePath, replacing: Bool) throws(FileError) {
    try checkWritable()
    let (directory, name) = try parent(of: path)
    // Within one folder, as at the end of each upload, it is opened once.
    let isWithin = path.parent == newPath.parent && !newPath.isRoot
    let (newDirectory, newName) = isWithin ? (directory, newPath.name ?? []) : try parent(of: newPath)
    try check(
      name.withCString { name in
        newName.withCString {
          portside_rename(directory.number, name, newDirectory.number, $0, replacing ? 1 : 0)
        }
      })
  }

  public func makeHardLink(_ path: FilePath, to existing: FilePath) throws(FileError) {
    try checkWritable()
    let (directory, name) = try parent(of: existing)
    let (newDirectory, newName) = try parent(of: path)
    try check(
      name.withCString { name in
        newName.withCString { portside_hard_link(directory.number, name, newDirectory.number, $0) }
      })
  }

  public func makeSymbolicLink(_ path: FilePath, target: [UInt8]) throws(FileError) {
    try checkWritable()
    guard !target.isEmpty, !target.contains(0), target.count <= FilePath.maximumBytes else { throw .invalidName }
    let (directory, name) = try parent(of: path)
    try check(
      target.withCString { target in
        name.withCString { portside_symbolic_link(target, directory.number, $0) }
      })
  }

  public func readSymbolicLink(_ path: FilePath) throws(FileError) -> [UInt8] {
    let (directory, name) = try parent(of: path)
    var target = [CChar](repeating: 0, count: FilePath.maximumBytes + 1)
    let length = name.withCString { portside_read_link(directory.number, $0, &target, target.count) }
    guard length >= 0 else { throw FileError(Int32(-length)) }
    return target.prefix(length).map { UInt8(bitPattern: $0) }
  }

  /// Where the path really is: the kernel says where the opened directory lies, and the root's own place is cut off.
  public func realPath(of path: FilePath) throws(FileError) -> FilePath {
    if let place = try? place(of: try open(beneath: path, portside_flag_path())) { return place }
    guard let name = path.name else { return path }
    let parent = try place(of: try open(beneath: path.parent, portside_flag_path() | O_DIRECTORY))
    guard let real = parent.appending(name) else { throw .invalidName }
    return real
  }

  private func place(of descriptor: Descriptor) throws(FileError) -> FilePath {
    let whole = try descriptor.path()
    let prefix = try root.path()
    // Only to name what the kernel has resolved already: nothing is opened by this answer.
    guard whole.starts(with: prefix), let path = FilePath(whole.dropFirst(prefix.count == 1 ? 0 : prefix.count)) else {
      throw .notFound
    }
    return path
  }

  public func space(at path: FilePath) throws(FileError) -> FileSystemSpace {
    try open(beneath: path, portside_flag_path()).space()
  }

  public func synchroniseDirectory(_ path: FilePath) throws(FileError) {
    let directory = try open(beneath: path, O_RDONLY | O_DIRECTORY)
    guard withExtendedLifetime(directory, { fsync(directory.number) }) == 0 else { throw FileError(errno) }
  }
}

extension [UInt8] {
  /// Lends the bytes as a C string. They hold no NUL: paths and targets are checked for it.
  func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    (self + [0]).withUnsafeBufferPointer { bytes in
      bytes.withMemoryRebound(to: CChar.self) { characters in
        guard let base = characters.baseAddress else { preconditionFailure("a string with its end has an address") }
        return body(base)
      }
    }
  }
}
