import Glibc
import Services
import Synchronization
import SystemShims

/// An open directory of the disk: read piece by piece, however many names it has.
final class DiskDirectory: OpenedDirectory {
  /// unsafe: the stream is only touched under the lock, and closed when nobody refers to this any more.
  private struct Stream: @unchecked Sendable { let pointer: OpaquePointer }

  private let descriptor: Descriptor
  private let stream: Mutex<Stream>

  init(_ descriptor: Descriptor) throws(FileError) {
    self.descriptor = descriptor
    let own = fcntl(descriptor.number, F_DUPFD_CLOEXEC, 3)
    guard own >= 0 else { throw FileError(errno) }
    guard let pointer = fdopendir(own) else {
      let failure = errno
      close(own)
      throw FileError(failure)
    }
    stream = Mutex(Stream(pointer: pointer))
  }

  deinit { stream.withLock { _ = closedir($0.pointer) } }

  func next(_ maximum: Int) throws(FileError) -> [DirectoryEntry] {
    stream.withLock { stream in
      var entries: [DirectoryEntry] = []
      while entries.count < maximum, let entry = readdir(stream.pointer) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
        var status = stat()
        guard name.withCString({ portside_attributes(descriptor.number, $0, &status) }) == 0 else { continue }
        entries.append(DirectoryEntry(name: name, attributes: FileAttributes(status)))
      }
      return entries
    }
  }
}
