import DNSCore
import Glibc
import SystemShims
import Transport
import WireKit

/// Reads zones from their sources.
enum ZoneLoader {
  /// The zone of a source, or `nil` and why.
  static func load(_ source: ZoneSource) -> (zone: Zone?, findings: [ZoneFinding]) {
    switch source.content {
    case .text(let text):
      let bytes = Array(text.utf8)
      return Zone.load(bytes.span.bytes, apex: source.apex)
    case .file(let path):
      do throws(SystemCallError) {
        let file = try FileBytes(path: path)
        let directory = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let includes = ConfinedIncludes(directory: path.hasPrefix("/") && directory.isEmpty ? "/" : directory)
        return file.withBytes { Zone.load($0, apex: source.apex, file: path, includes: includes) }
      } catch {
        return (nil, [ZoneFinding(.error, file: path, "can't be read: \(error)")])
      }
    }
  }
}

/// The content of a file, in memory that is given back at once: zone files are large, and read seldom.
struct FileBytes: ~Copyable {
  private let memory: UnsafeMutableRawBufferPointer
  private let count: Int

  init(path: String) throws(SystemCallError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemCallError("open", errno) }
    try self.init(closing: descriptor)
  }

  /// Reads a regular file to its end, and closes it.
  init(closing descriptor: CInt) throws(SystemCallError) {
    defer { _ = close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SystemCallError("fstat", errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw SystemCallError("not a regular file: open", EINVAL) }
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, Int(status.st_size)), alignment: 16)
    var count = 0
    while count < Int(status.st_size), let start = memory.baseAddress {
      let result = read(descriptor, start + count, memory.count - count)
      if result < 0, errno == EINTR { continue }
      guard result >= 0 else {
        let error = errno
        memory.deallocate()
        throw SystemCallError("read", error)
      }
      if result == 0 { break }
      count += result
    }
    self.memory = memory
    self.count = count
  }

  deinit { memory.deallocate() }

  func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
    body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<count]).bytes)
  }
}

/// Files of `$INCLUDE`: below one directory, whatever links and `..` say.
struct ConfinedIncludes: ZoneFileIncludes {
  let directory: String

  func contents(of path: String) throws(PresentationError) -> [UInt8] {
    let root = open(directory.isEmpty ? "." : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard root >= 0 else { throw PresentationError("the zone file's directory can't be opened", at: 0) }
    defer { _ = close(root) }
    let descriptor = portside_open_beneath(root, path, O_RDONLY | O_CLOEXEC, 0)
    guard descriptor >= 0 else {
      let isOutside = descriptor == -EXDEV || descriptor == -ELOOP
      throw PresentationError(isOutside ? "outside of the zone file's directory" : "can't be opened", at: 0)
    }
    do throws(SystemCallError) {
      let file = try FileBytes(closing: descriptor)
      return file.withBytes { $0.copied() }
    } catch {
      throw PresentationError("\(error)", at: 0)
    }
  }
}
