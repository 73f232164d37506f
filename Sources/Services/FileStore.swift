/// A tree of files, as one account sees it: what SFTP, SCP, FTP, HTTP and TFTP read and write.
///
/// Everything happens inside the tree, whatever paths and links say. Calls block while the medium works; they belong on a
/// thread that may wait.
public protocol FileStore: Sendable {
  func open(_ path: FilePath, _ options: FileOpenOptions, permissions: UInt32) throws(FileError) -> any OpenedFile
  func openDirectory(_ path: FilePath) throws(FileError) -> any OpenedDirectory
  /// - Parameter followingLinks: Whether a link at the path's end stands for what it leads to.
  func attributes(of path: FilePath, followingLinks: Bool) throws(FileError) -> FileAttributes
  func setAttributes(_ changes: FileAttributeChanges, of path: FilePath, followingLinks: Bool) throws(FileError)
  func makeDirectory(_ path: FilePath, permissions: UInt32) throws(FileError)
  func removeFile(_ path: FilePath) throws(FileError)
  func removeDirectory(_ path: FilePath) throws(FileError)
  /// - Parameter replacing: Whether a file that has the new name already gives way, in one step.
  func rename(_ path: FilePath, to newPath: FilePath, replacing: Bool) throws(FileError)
  func makeHardLink(_ path: FilePath, to existing: FilePath) throws(FileError)
  /// - Parameter target: Where it leads, in bytes; it need not exist, and is never followed out of the tree.
  func makeSymbolicLink(_ path: FilePath, target: [UInt8]) throws(FileError)
  func readSymbolicLink(_ path: FilePath) throws(FileError) -> [UInt8]
  /// The path without links; its last name need not exist.
  func realPath(of path: FilePath) throws(FileError) -> FilePath
  func space(at path: FilePath) throws(FileError) -> FileSystemSpace
  /// Returns when the names in this folder survive a power cut: what was made, renamed and removed there.
  func synchroniseDirectory(_ path: FilePath) throws(FileError)
}

/// How a file is opened.
public struct FileOpenOptions: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  public static let read = FileOpenOptions(rawValue: 1)
  public static let write = FileOpenOptions(rawValue: 2)
  /// Writes go to the end.
  public static let append = FileOpenOptions(rawValue: 4)
  /// Makes it when it does not exist.
  public static let create = FileOpenOptions(rawValue: 8)
  /// Begins with nothing.
  public static let truncate = FileOpenOptions(rawValue: 16)
  /// Only when it does not exist.
  public static let exclusive = FileOpenOptions(rawValue: 32)
}

/// An open file. It is closed when nobody refers to it.
public protocol OpenedFile: Sendable {
  /// Reads at most as many bytes as the memory holds; 0 at the end.
  func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileError) -> Int
  /// Writes all of it.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError)
  func attributes() throws(FileError) -> FileAttributes
  func setAttributes(_ changes: FileAttributeChanges) throws(FileError)
  /// Returns when what was written survives a power cut.
  func synchronise() throws(FileError)
  /// Copies bytes from another file; returns how many, which is fewer only at the end of the other.
  func copy(from other: any OpenedFile, at otherOffset: UInt64, count: UInt64?, to offset: UInt64) throws(FileError)
    -> UInt64
  func space() throws(FileError) -> FileSystemSpace
  /// Takes the file for oneself until it is closed, beside all others that do the same, in whatever process. `false` when
  /// somebody has it.
  func tryLock() -> Bool
}

/// An open directory.
public protocol OpenedDirectory: Sendable {
  /// The next names, at most so many, `.` and `..` among them; none at the end. A name that vanishes meanwhile is left out.
  func next(_ maximum: Int) throws(FileError) -> [DirectoryEntry]
}
