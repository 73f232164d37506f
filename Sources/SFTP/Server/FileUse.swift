import Services
import Synchronization

/// What a session does with an open file.
struct FileUse: Sendable {
  var read: UInt64 = 0
  var written: UInt64 = 0
  var hasFailed = false
  /// Whether the last read was a full one: more of that size follows, and has a buffer of its own.
  var isBulky = false
  /// Where the file will be, if it is written under another name until then.
  var upload: WholeUpload?
}

/// A file that is written under a hidden name and takes its own when it is closed. What is never closed is removed.
final class WholeUpload: Sendable {
  private let store: any FileStore
  private let partial: FilePath
  private let goal: FilePath
  private let file: any OpenedFile
  private let isOver = Mutex(false)

  private init(_ store: any FileStore, _ partial: FilePath, _ goal: FilePath, _ file: any OpenedFile) {
    self.store = store
    self.partial = partial
    self.goal = goal
    self.file = file
  }

  deinit { if !isOver.withLock({ $0 }) { try? store.removeFile(partial) } }

  /// Opens the hidden file; `nil` where the last step would not be permitted, or the name is too long: the file itself is
  /// written then.
  static func open(
    _ goal: FilePath, in store: any FileStore, reads: Bool, permissions: UInt32
  ) throws(FileError) -> (WholeUpload, any OpenedFile)? {
    guard let partial = PartialName.of(goal), PartialName.mayComplete(store, goal) else { return nil }
    let old = try? store.attributes(of: goal, followingLinks: true)
    if let old, old.kind != .file { throw old.kind == .directory ? .isDirectory : .permissionDenied }
    var options: FileOpenOptions = [.write, .create]
    if reads { options.insert(.read) }
    let file = try store.open(partial, options, permissions: permissions)
    // Somebody else is sending it.
    guard file.tryLock() else { throw .exists }
    try file.setAttributes(FileAttributeChanges(size: 0))
    return (WholeUpload(store, partial, goal, file), file)
  }

  /// All has come: it is on the disk, and has its name.
  func complete() throws(FileError) {
    try file.synchronise()
    try PartialName.complete(partial, file, to: goal, in: store, replacing: true)
    isOver.withLock { $0 = true }
  }
}
