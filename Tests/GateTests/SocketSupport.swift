import Glibc
import NIOCore
import Services
import Testing

@testable import Gate

/// A listening Unix socket in a directory of its own: what the supervisor gives to the gate.
final class TestSocket: Sendable {
  let path: String
  /// The supervisor's own copy. It stays open while the gate restarts, so that clients wait in its backlog.
  let descriptor: CInt

  struct Failure: Error { var code: CInt = errno }

  init() throws {
    var template = Array(("/tmp/portside-gate-" + String(repeating: "X", count: 6)).utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure() }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) + "/gate"
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard withAddress({ bind(descriptor, $0, $1) }) == 0, listen(descriptor, 64) == 0 else { throw Failure() }
  }

  deinit {
    close(descriptor)
    unlink(path)
    rmdir(String(path.dropLast(5)))
  }

  /// A copy for a server, which closes it.
  func copy() throws -> CInt {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    guard copy >= 0 else { throw Failure() }
    return copy
  }

  /// A plain connection, for bytes that no client of ours would send. Reads give up after five seconds.
  func connect() throws -> CInt {
    let client = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard withAddress({ Glibc.connect(client, $0, $1) }) == 0 else { throw Failure() }
    var limit = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    return client
  }

  private func withAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}

/// How a plain connection ended: closed by the other side, with data first, or neither within the limit.
enum PlainAnswer: Equatable {
  case closed
  case data
  case nothing
}

func readAnswer(_ descriptor: CInt) -> PlainAnswer {
  var buffer = [UInt8](repeating: 0, count: 65_536)
  let count = read(descriptor, &buffer, buffer.count)
  if count > 0 { return .data }
  return count == 0 || errno == ECONNRESET ? .closed : .nothing
}

func writeAll(_ descriptor: CInt, _ bytes: [UInt8]) {
  var rest = bytes[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    guard count > 0 else { return }
    rest = rest.dropFirst(count)
  }
}

/// Waits for what another thread does; five seconds at most, checked often.
func eventually(_ condition: () async throws -> Bool) async rethrows -> Bool {
  for _ in 0..<500 {
    if try await condition() { return true }
    try? await Task.sleep(for: .milliseconds(10))
  }
  return false
}

extension ClientMessage {
  var bytes: [UInt8] { Frame.encode(self).map { Array($0.readableBytesView) } ?? [] }
}
