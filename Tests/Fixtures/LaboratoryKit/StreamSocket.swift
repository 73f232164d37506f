import Foundation

/// A TCP connection over loopback: blocking, with time limits.
public final class StreamSocket {
  private let number: Int32

  public init(port: Int, within seconds: Int = 20) throws {
    number = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = Self.loopback(port)
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if result != 0 { throw Failure("connect to \(port): \(String(cString: strerror(errno)))") }
  }

  deinit { close(number) }

  public func send(_ text: String) throws {
    let bytes = Array(text.utf8)
    guard Foundation.send(number, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
      throw Failure("send: \(String(cString: strerror(errno)))")
    }
  }

  /// What comes until the text is there, or the peer closes.
  public func receive(until text: String) throws -> String {
    var received: [UInt8] = []
    while true {
      if String(decoding: received, as: UTF8.self).contains(text) { break }
      var buffer = [UInt8](repeating: 0, count: 65_536)
      let count = recv(number, &buffer, buffer.count, 0)
      if count < 0 { throw Failure("receive: \(String(cString: strerror(errno)))") }
      if count == 0 { break }
      received += buffer[..<count]
    }
    return String(decoding: received, as: UTF8.self)
  }

  /// One request on a kept connection; the reply's text, up to the end of its page.
  public func get(_ path: String, host: String, until end: String = "</html>") throws -> String {
    try send("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
    return try receive(until: end)
  }

  static func loopback(_ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }
}

/// A listening TCP socket that is in the way of others.
public final class Occupier {
  private let number: Int32
  public let port: Int

  /// Any free port: below those that the kernel gives to connections going out, since it is asked for by name later.
  public convenience init() throws {
    let candidates = (0..<50).map { _ in Int.random(in: 20_000..<32_000) }
    guard let port = candidates.first(where: { (try? Occupier(port: $0)) != nil }) else {
      throw Failure("no port is free")
    }
    try self.init(port: port)
  }

  public init(port wanted: Int) throws {
    number = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = StreamSocket.loopback(wanted)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = number
    let isBound = withUnsafeMutableBytes(of: &address) { bytes in
      let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
      return bind(descriptor, pointer, length) == 0 && listen(descriptor, 8) == 0
        && getsockname(descriptor, pointer, &length) == 0
    }
    guard isBound else { throw Failure("bind \(wanted): \(String(cString: strerror(errno)))") }
    port = Int(UInt16(bigEndian: address.sin_port))
  }

  deinit { close(number) }
}
