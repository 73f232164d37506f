import Glibc
import HTTPCore
import Synchronization
import WireKit

/// A site's own pages for errors. Read when they are wanted, at most once a second.
final class ErrorPages: Sendable {
  /// A longer one is not used.
  private static let largest = 1 << 20

  private struct Page {
    var bytes: [UInt8]?
    var checked: Int64
  }

  private let files: [UInt16: String]
  private let pages = Mutex<[UInt16: Page]>([:])

  init(_ files: [UInt16: String]) { self.files = files }

  /// The page in the place of a reply of our own making; `nil` where there is none, and for what an upstream said.
  func page(for reply: HTTPReply, now: MonotonicTime) -> HTTPReply? {
    guard reply.status.code >= 400, let path = files[reply.status.code] else { return nil }
    switch reply.content {
    case .bytes, .none: break
    case .content, .segments, .stream: return nil
    }
    let present = Int64(clamping: now.nanoseconds)
    let bytes = pages.withLock { pages -> [UInt8]? in
      if let page = pages[reply.status.code], present - page.checked < 1_000_000_000 { return page.bytes }
      let bytes = Self.read(path)
      pages[reply.status.code] = Page(bytes: bytes, checked: present)
      return bytes
    }
    guard let bytes else { return nil }
    var page = reply
    page.fields.remove(.contentType)
    page.fields.remove(.contentSecurityPolicy)
    page.fields.append(.contentType, MediaType.forFile(named: path))
    page.content = .bytes(bytes)
    return page
  }

  private static func read(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= largest else {
      return nil
    }
    let size = Int(status.st_size)
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { memory, count in
      count = max(0, pread(descriptor, memory.baseAddress, size, 0))
    }
    return bytes.count == size ? bytes : nil
  }
}
