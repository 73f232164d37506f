import Foundation
import Glibc

/// A folder that a backup's files are written to. It trusts no name of the backup: nothing is written outside, nothing is replaced,
/// no link is followed.
struct RestoreTarget {
  private let root: String
  private let ownerships: Bool
  /// Folders with what they get at the end, when nothing is written below them any more.
  private var folders: [(path: String, entry: SnapshotEntry)] = []
  private var made: Set<String> = []

  init(_ root: String, ownerships: Bool) throws(BackupError) {
    self.root = root
    self.ownerships = ownerships
    if mkdir(root, 0o700) != 0 {
      guard errno == EEXIST else { throw Self.failure("can't make the folder", root) }
      guard (try? FileManager.default.contentsOfDirectory(atPath: root))?.isEmpty == true else {
        throw BackupError("\(root) is not empty: a backup is restored into an empty folder, or one that does not exist")
      }
    }
  }

  /// Makes what the entry needs: its folders above, and itself when it is a folder or a link.
  mutating func begin(_ entry: SnapshotEntry, at relative: String) throws(BackupError) {
    let parts = try Self.parts(relative)
    for count in 0..<max(0, parts.count - 1) { try make(parts[...count].joined(separator: "/")) }
    let path = parts.isEmpty ? root : "\(root)/\(relative)"
    switch entry.kind {
    case .folder:
      try make(relative)
      folders.append((path, entry))
    case .link:
      let target = String(decoding: entry.target ?? Data(), as: UTF8.self)
      guard symlink(target, path) == 0 else { throw Self.failure("can't make the link", path) }
      if ownerships { own(path, entry) }
    case .file: break
    }
  }

  private mutating func make(_ relative: String) throws(BackupError) {
    guard !relative.isEmpty, made.insert(relative).inserted else { return }
    guard mkdir("\(root)/\(relative)", 0o700) == 0 || errno == EEXIST else {
      throw Self.failure("can't make the folder", "\(root)/\(relative)")
    }
    // A link in the place of a folder, from a hostile backup, would lead outside.
    var status = stat()
    guard lstat("\(root)/\(relative)", &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw BackupError("\(relative) is in the backup twice, as a folder and as something else")
    }
  }

  func file(
    _ entry: SnapshotEntry, at relative: String, _ body: (Int32) throws(BackupError) -> Void
  ) throws(BackupError) {
    let path = "\(root)/\(relative)"
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw Self.failure("can't make", path) }
    defer { close(descriptor) }
    try body(descriptor)
    // Also what ends with a hole.
    guard ftruncate(descriptor, Int(entry.size)) == 0 else { throw Self.failure("can't write", path) }
    if ownerships { own(path, entry) }
    guard fchmod(descriptor, mode_t(entry.mode)) == 0 else { throw Self.failure("can't set the mode of", path) }
    var times = Self.times(entry)
    futimens(descriptor, &times)
    guard fdatasync(descriptor) == 0 else { throw Self.failure("can't write", path) }
  }

  /// Runs of nothing but zeros stay holes.
  func write(_ content: [UInt8], to descriptor: Int32, at offset: Int64) throws(BackupError) {
    guard content.contains(where: { $0 != 0 }) else { return }
    var done = 0
    while done < content.count {
      let count = content.withUnsafeBytes { buffer in
        buffer.baseAddress.map { pwrite(descriptor, $0 + done, buffer.count - done, Int(offset) + done) } ?? 0
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Self.failure("can't write to", root) }
      done += count
    }
  }

  /// Gives the folders their modes, owners and times, the deepest first.
  func finish() throws(BackupError) {
    for (path, entry) in folders.reversed() {
      if ownerships { own(path, entry) }
      guard chmod(path, mode_t(entry.mode)) == 0 else { throw Self.failure("can't set the mode of", path) }
      var times = Self.times(entry)
      utimensat(AT_FDCWD, path, &times, AT_SYMLINK_NOFOLLOW)
    }
    sync()
  }

  /// A user that this machine does not know leaves the file with whoever restores it.
  private func own(_ path: String, _ entry: SnapshotEntry) {
    let user = getpwnam(entry.user)?.pointee.pw_uid ?? uid_t(entry.user)
    let group = getgrnam(entry.group)?.pointee.gr_gid ?? gid_t(entry.group)
    guard let user, let group else { return }
    lchown(path, user, group)
  }

  private static func times(_ entry: SnapshotEntry) -> [timespec] {
    let time = timespec(tv_sec: Int(entry.modifiedSeconds), tv_nsec: Int(entry.modifiedNanoseconds))
    return [time, time]
  }

  /// The names of a path; an error when one of them leads elsewhere.
  private static func parts(_ relative: String) throws(BackupError) -> [String] {
    let parts = relative.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    if parts == [""] { return [] }
    guard parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && !$0.utf8.contains(0) }) else {
      throw BackupError("the backup has a path that leads elsewhere: \(relative)")
    }
    return parts
  }

  private static func failure(_ what: String, _ path: String) -> BackupError {
    BackupError("\(what) \(path): \(String(cString: strerror(errno)))")
  }
}
