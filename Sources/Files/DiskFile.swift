import Glibc
import Services
import SystemShims

/// An open file of the disk. Reads and writes name their place, so that requests may overlap.
struct DiskFile: OpenedFile {
  let descriptor: Descriptor
  private let appends: Bool
  private let isReadOnly: Bool

  init(_ descriptor: Descriptor, appends: Bool, isReadOnly: Bool) {
    self.descriptor = descriptor
    self.appends = appends
    self.isReadOnly = isReadOnly
  }

  func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileError) -> Int {
    guard let place = off_t(exactly: offset) else { return 0 }
    while true {
      let count = pread(descriptor.number, memory.baseAddress, memory.count, place)
      if count >= 0 { return count }
      if errno != EINTR { throw FileError(errno) }
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError) {
    var done = 0
    while done < bytes.count {
      let (sum, overflow) = offset.addingReportingOverflow(UInt64(done))
      guard !overflow, let place = off_t(exactly: sum) else { throw .tooLarge }
      let rest = bytes.baseAddress.map { $0 + done }
      // With O_APPEND, Linux appends whatever place pwrite names.
      let count =
        appends
        ? Glibc.write(descriptor.number, rest, bytes.count - done)
        : pwrite(descriptor.number, rest, bytes.count - done, place)
      if count >= 0 { done += count } else if errno != EINTR { throw FileError(errno) }
    }
  }

  func attributes() throws(FileError) -> FileAttributes {
    var status = stat()
    guard fstat(descriptor.number, &status) == 0 else { throw FileError(errno) }
    return FileAttributes(status)
  }

  func setAttributes(_ changes: FileAttributeChanges) throws(FileError) {
    if isReadOnly { throw .readOnly }
    if let size = changes.size {
      guard let size = off_t(exactly: size) else { throw .tooLarge }
      guard ftruncate(descriptor.number, size) == 0 else { throw FileError(errno) }
    }
    try descriptor.apply(changes)
  }

  func synchronise() throws(FileError) {
    guard fsync(descriptor.number) == 0 else { throw FileError(errno) }
  }

  func copy(
    from other: any OpenedFile, at otherOffset: UInt64, count: UInt64?, to offset: UInt64
  ) throws(FileError) -> UInt64 {
    var buffer = [UInt8](repeating: 0, count: 256 * 1024)
    var copied: UInt64 = 0
    while copied < count ?? .max {
      let (from, overflow) = otherOffset.addingReportingOverflow(copied)
      let (to, overflowAgain) = offset.addingReportingOverflow(copied)
      guard !overflow, !overflowAgain else { throw .tooLarge }
      let wanted = Int(min(UInt64(buffer.count), (count ?? .max) - copied))
      let outcome = buffer.withUnsafeMutableBytes { memory -> Result<Int, FileError> in
        let part = UnsafeMutableRawBufferPointer(rebasing: memory.prefix(wanted))
        do throws(FileError) {
          let got = try other.read(into: part, at: from)
          try write(UnsafeRawBufferPointer(rebasing: part.prefix(got)), at: to)
          return .success(got)
        } catch {
          return .failure(error)
        }
      }
      let got = try outcome.get()
      if got == 0 { break }
      copied += UInt64(got)
    }
    return copied
  }

  func space() throws(FileError) -> FileSystemSpace { try descriptor.space() }
  func tryLock() -> Bool { flock(descriptor.number, LOCK_EX | LOCK_NB) == 0 }
}
