import Glibc
import SystemShims
import TFTPCore

/// The bytes of a read, by their place.
enum FileSource {
  case file(Descriptor, size: UInt64)
  case memory([UInt8])

  var size: UInt64 {
    switch self {
    case .file(_, let size): size
    case .memory(let bytes): UInt64(bytes.count)
    }
  }

  /// Reads up to `buffer.count` bytes from `offset` on; fewer only at the end. `nil` when the disk fails.
  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int? {
    switch self {
    case .memory(let bytes):
      guard offset < UInt64(bytes.count) else { return 0 }
      let part = bytes[Int(offset)...].prefix(buffer.count)
      buffer.copyBytes(from: part)
      return part.count
    case .file(let descriptor, let size):
      guard offset < size else { return 0 }
      // What grows meanwhile is not part of the file that was asked for.
      let wanted = Int(min(UInt64(buffer.count), size - offset))
      var done = 0
      while done < wanted {
        let count = pread(
          descriptor.number, buffer.baseAddress.map { $0 + done }, wanted - done, off_t(offset) + off_t(done))
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { return nil }
        if count == 0 { break }
        done += count
      }
      return done
    }
  }

  /// The whole of it in memory, as the network form of text.
  func netascii(limit: Int) throws(TransferFailure) -> FileSource {
    guard size <= UInt64(limit) else { throw TransferFailure(.notDefined, "too large for netascii: use octet") }
    var bytes = [UInt8](repeating: 0, count: Int(size))
    guard let count = bytes.withUnsafeMutableBytes({ read(at: 0, into: $0) }) else {
      throw TransferFailure(.notDefined, "the disk failed")
    }
    var text: [UInt8] = []
    text.reserveCapacity(count + count / 16)
    NetASCIIEncoder().encode(bytes.prefix(count), into: &text)
    return .memory(text)
  }

  /// Opens a regular file beneath a root. Links may point anywhere within the root, and nowhere else.
  static func open(_ path: String, beneath root: Descriptor) throws(TransferFailure) -> FileSource {
    let number = portside_open_beneath(root.number, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0)
    guard number >= 0 else {
      switch -number {
      case ENOENT, ENOTDIR, ENAMETOOLONG: throw TransferFailure(.fileNotFound)
      default: throw TransferFailure(.accessViolation)
      }
    }
    let descriptor = Descriptor(number)
    var status = stat()
    guard fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw TransferFailure(.accessViolation)
    }
    posix_fadvise(number, 0, 0, POSIX_FADV_SEQUENTIAL)
    return .file(descriptor, size: UInt64(clamping: status.st_size))
  }
}
