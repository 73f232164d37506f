import Glibc
import SystemShims
import WireKit

/// A failed system call, with its error number.
public struct SystemCallError: Error, Hashable, Sendable, CustomStringConvertible {
  public let call: StaticString
  public let number: Int32

  public init(_ call: StaticString, _ number: Int32) {
    self.call = call
    self.number = number
  }

  public var description: String { "\(call): \(String(cString: strerror(number)))" }

  public static func == (left: SystemCallError, right: SystemCallError) -> Bool {
    left.number == right.number && left.call.description == right.call.description
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(number) }
}

/// UDP sockets for `DatagramLoop`, for programs that have no supervisor to hand them sockets.
public enum DatagramSocket {
  /// Opens `count` sockets with SO_REUSEPORT on the same endpoint; port 0 picks a free one for all. The caller closes them.
  public static func open(_ endpoint: Endpoint, count: Int) throws(SystemCallError) -> [CInt] {
    var endpoint = endpoint
    var sockets: [CInt] = []
    for _ in 0..<count {
      let descriptor = endpoint.withSocketAddress { portside_datagrams_open($0, $1) }
      guard descriptor >= 0 else {
        for socket in sockets { _ = close(socket) }
        throw SystemCallError("bind", -descriptor)
      }
      sockets.append(descriptor)
      if endpoint.port == 0 { endpoint = try localEndpoint(descriptor) }
    }
    return sockets
  }

  /// The endpoint that a socket is bound to.
  public static func localEndpoint(_ descriptor: CInt) throws(SystemCallError) -> Endpoint {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    guard result == 0 else { throw SystemCallError("getsockname", errno) }
    return withUnsafePointer(to: &storage) { Endpoint($0) }
  }
}
