import Services

/// A file store that takes no more than so many bytes: what would go beyond is `quotaExceeded`, before it is written.
struct QuotaFileStore: FileStore {
  private let store: any FileStore
  private let limit: Int64
  private let usage: FileUsage

  init(_ store: any FileStore, limit: Int64, usage: FileUsage) {
    self.store = store
    self.limit = limit
    self.usage = usage
  }

  func open(_ path: FilePath, _ options: FileOpenOptions, permissions: UInt32) throws(FileError) -> any OpenedFile {
    let writes = !options.isDisjoint(with: [.write, .append, .truncate])
    guard writes else { return try store.open(path, options, permissions: permissions) }
    let old = options.contains(.truncate) ? size(of: path) : 0
    let file = try store.open(path, options, permissions: permissions)
    usage.release(old)
    return QuotaFile(file: file, store: store, limit: limit, usage: usage)
  }

  /// Bytes that go when this name does: none while the file has other names.
  private func size(of path: FilePath) -> Int64 {
    guard let attributes = try? store.attributes(of: path, followingLinks: false), attributes.kind == .file,
      attributes.links <= 1
    else { return 0 }
    return Int64(clamping: attributes.size)
  }

  func setAttributes(_ changes: FileAttributeChanges, of path: FilePath, followingLinks: Bool) throws(FileError) {
    guard let size = changes.size else {
      return try store.setAttributes(changes, of: path, followingLinks: followingLinks)
    }
    let old = try store.attributes(of: path, followingLinks: followingLinks).size
    try usage.take(Int64(clamping: size) - Int64(clamping: old), limit: limit, of: store)
    try store.setAttributes(changes, of: path, followingLinks: followingLinks)
    usage.release(Int64(clamping: old) - Int64(clamping: size))
  }

  func removeFile(_ path: FilePath) throws(FileError) {
    let old = size(of: path)
    try store.removeFile(path)
    usage.release(old)
  }

  func rename(_ path: FilePath, to newPath: FilePath, replacing: Bool) throws(FileError) {
    let old = replacing && path != newPath ? size(of: newPath) : 0
    try store.rename(path, to: newPath, replacing: replacing)
    usage.release(old)
  }

  func openDirectory(_ path: FilePath) throws(FileError) -> any OpenedDirectory { try store.openDirectory(path) }
  func attributes(of path: FilePath, followingLinks: Bool) throws(FileError) -> FileAttributes {
    try store.attributes(of: path, followingLinks: followingLinks)
  }
  func makeDirectory(_ path: FilePath, permissions: UInt32) throws(FileError) {
    try store.makeDirectory(path, permissions: permissions)
  }
  func removeDirectory(_ path: FilePath) throws(FileError) { try store.removeDirectory(path) }
  func synchroniseDirectory(_ path: FilePath) throws(FileError) { try store.synchroniseDirectory(path) }
  func makeHardLink(_ path: FilePath, to existing: FilePath) throws(FileError) {
    try store.makeHardLink(path, to: existing)
  }
  func makeSymbolicLink(_ path: FilePath, target: [UInt8]) throws(FileError) {
    try store.makeSymbolicLink(path, target: target)
  }
  func readSymbolicLink(_ path: FilePath) throws(FileError) -> [UInt8] { try store.readSymbolicLink(path) }
  func realPath(of path: FilePath) throws(FileError) -> FilePath { try store.realPath(of: path) }

  /// The room as far as the quota leaves it, so that clients can tell before they send.
  func space(at path: FilePath) throws(FileError) -> FileSystemSpace {
    var space = try store.space(at: path)
    let block = max(1, space.fragmentSize)
    let used = usage.bytes(in: store)
    space.blocks = min(space.blocks, UInt64(clamping: limit) / block)
    let free = UInt64(clamping: limit - min(limit, used)) / block
    space.freeBlocks = min(space.freeBlocks, free)
    space.availableBlocks = min(space.availableBlocks, free)
    return space
  }
}

/// A file that grows only as far as the quota lets it.
private struct QuotaFile: OpenedFile {
  let file: any OpenedFile
  let store: any FileStore
  let limit: Int64
  let usage: FileUsage

  func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileError) -> Int {
    try file.read(into: memory, at: offset)
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError) {
    let (end, overflow) = offset.addingReportingOverflow(UInt64(bytes.count))
    guard !overflow else { throw .tooLarge }
    let growth = Int64(clamping: end) - Int64(clamping: try file.attributes().size)
    try usage.take(growth, limit: limit, of: store)
    do throws(FileError) { try file.write(bytes, at: offset) } catch {
      usage.release(growth)
      throw error
    }
  }

  func attributes() throws(FileError) -> FileAttributes { try file.attributes() }

  func setAttributes(_ changes: FileAttributeChanges) throws(FileError) {
    guard let size = changes.size else { return try file.setAttributes(changes) }
    let growth = Int64(clamping: size) - Int64(clamping: try file.attributes().size)
    try usage.take(growth, limit: limit, of: store)
    try file.setAttributes(changes)
    usage.release(-growth)
  }

  func synchronise() throws(FileError) { try file.synchronise() }

  /// Piece by piece, so that each can be asked for.
  func copy(
    from other: any OpenedFile, at otherOffset: UInt64, count: UInt64?, to offset: UInt64
  ) throws(FileError) -> UInt64 {
    let piece: UInt64 = 16 << 20
    var copied: UInt64 = 0
    while copied < count ?? .max {
      let wanted = min(piece, (count ?? .max) - copied)
      let (from, overflow) = otherOffset.addingReportingOverflow(copied)
      let (to, overflowAgain) = offset.addingReportingOverflow(copied)
      let size = try other.attributes().size
      guard !overflow, !overflowAgain, from < size else { break }
      let (end, overflowAtEnd) = to.addingReportingOverflow(min(wanted, size - from))
      guard !overflowAtEnd else { throw .tooLarge }
      try usage.take(Int64(clamping: end) - Int64(clamping: try file.attributes().size), limit: limit, of: store)
      let got = try file.copy(from: other, at: from, count: wanted, to: to)
      copied += got
      if got == 0 { break }
    }
    return copied
  }

  func space() throws(FileError) -> FileSystemSpace { try file.space() }
  func tryLock() -> Bool { file.tryLock() }
}
