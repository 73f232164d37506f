import Glibc
import Services
import SystemShims

/// A file descriptor that is closed when nobody refers to it.
final class Descriptor: Sendable {
  let number: Int32
  init(_ number: Int32) { self.number = number }
  deinit { Glibc.close(number) }

  /// Everything but the size, which needs a descriptor that can be written to.
  func apply(_ changes: FileAttributeChanges) throws(FileError) {
    if let owner = changes.owner { try check(portside_set_owner(number, owner.user, owner.group)) }
    if let permissions = changes.permissions { try check(portside_set_permissions(number, permissions & 0o7777)) }
    if let times = changes.times {
      try check(portside_set_times(number, timespec(times.accessed), timespec(times.modified)))
    }
  }

  private func check(_ result: Int32) throws(FileError) { if result < 0 { throw FileError(-result) } }

  /// Where the kernel says that it lies.
  func path() throws(FileError) -> [UInt8] {
    var place = [CChar](repeating: 0, count: 4_200)
    let length = readlink("/proc/self/fd/\(number)", &place, place.count)
    guard length > 0 else { throw FileError(errno) }
    return place.prefix(length).map { UInt8(bitPattern: $0) }
  }

  func space() throws(FileError) -> FileSystemSpace {
    var space = statvfs()
    // An O_PATH descriptor does for fstatvfs.
    guard fstatvfs(number, &space) == 0 else { throw FileError(errno) }
    return FileSystemSpace(
      blockSize: UInt64(space.f_bsize), fragmentSize: UInt64(space.f_frsize), blocks: UInt64(space.f_blocks),
      freeBlocks: UInt64(space.f_bfree), availableBlocks: UInt64(space.f_bavail), files: UInt64(space.f_files),
      freeFiles: UInt64(space.f_ffree), availableFiles: UInt64(space.f_favail), identifier: UInt64(space.f_fsid),
      isReadOnly: space.f_flag & UInt(ST_RDONLY) != 0, maximumName: UInt64(space.f_namemax))
  }
}

extension timespec {
  init(_ time: WallTime) { self.init(tv_sec: Int(time.seconds), tv_nsec: Int(time.nanoseconds)) }
}

extension FileError {
  /// From the system's number.
  init(_ number: Int32) {
    switch number {
    case ENOENT: self = .notFound
    case EACCES, EPERM: self = .permissionDenied
    case EEXIST: self = .exists
    case EISDIR: self = .isDirectory
    case ENOTDIR: self = .notDirectory
    case ENOTEMPTY: self = .notEmpty
    case EXDEV, ELOOP: self = .escapes
    case ENOSPC: self = .noSpace
    case EDQUOT: self = .quotaExceeded
    case EFBIG: self = .tooLarge
    case EROFS: self = .readOnly
    case EMFILE, ENFILE: self = .tooManyOpen
    case ENAMETOOLONG, EINVAL: self = .invalidName
    case EOPNOTSUPP, ENOSYS: self = .unsupported
    default: self = .failure(number)
    }
  }
}

extension FileAttributes {
  init(_ status: stat) {
    let kind: Kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .directory
      case S_IFLNK: .symbolicLink
      default: .other
      }
    self.init(
      kind: kind, size: UInt64(max(0, status.st_size)), permissions: status.st_mode & 0o7777, user: status.st_uid,
      group: status.st_gid,
      accessed: WallTime(seconds: Int64(status.st_atim.tv_sec), nanoseconds: Int32(status.st_atim.tv_nsec)),
      modified: WallTime(seconds: Int64(status.st_mtim.tv_sec), nanoseconds: Int32(status.st_mtim.tv_nsec)),
      links: UInt64(status.st_nlink))
  }
}
