import FoundationEssentials
import Glibc
import Synchronization
import SystemShims

/// A Unix socket over which messages go as lines of JSON, some with descriptors.
public final class MessageSocket: Sendable {
  /// Bytes of a line.
  static let maximumLine = 256 * 1024
  /// As many descriptors as the kernel lets come with a message: what they are written to must have room for them.
  static let maximumDescriptors = Int(PORTSIDE_DESCRIPTORS_MAX)

  public let descriptor: Int32
  /// What came behind the last whole line.
  private let rest = Mutex<[UInt8]>([])

  /// Takes over a descriptor.
  public init(owning descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// Connects to a socket's path; `nil` when nobody listens there.
  public convenience init?(path: String) {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    self.init(owning: descriptor)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard path.utf8.count < room else { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else { return nil }
  }

  /// How long a call may wait for the other side.
  public func setTimeLimit(seconds: Int) {
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  public func setNonBlocking() { _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) }

  /// Sends a message, with descriptors, which stay the caller's. Returns whether the other side has got it.
  @discardableResult
  public func send(_ message: some Encodable, _ descriptors: [Int32] = []) -> Bool {
    guard let data = try? JSONEncoder().encode(message) else { return false }
    let line = Array(data) + [0x0A]
    var sent = 0
    while sent < line.count {
      let count = line[sent...].withUnsafeBytes {
        portside_send(descriptor, $0.baseAddress, $0.count, descriptors, sent == 0 ? descriptors.count : 0, 0)
      }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  /// What came of a message.
  public enum Received<Message: Sendable>: Sendable {
    case message(Message, [Int32])
    /// Nothing is there at the moment, or nothing came in time.
    case nothing
    /// The other side has gone, or says what can't be understood.
    case end
  }

  /// Receives one message; its descriptors are the caller's. One who waits for the descriptor to be readable asks again until
  /// there is nothing: several may have come at once.
  public func receive<Message: Decodable & Sendable>(_: Message.Type) -> Received<Message> {
    rest.withLock { rest in
      var descriptors: [Int32] = []
      var part = [UInt8](repeating: 0, count: 16 * 1024)
      while true {
        if let end = rest.firstIndex(of: 0x0A) {
          let line = rest[..<end]
          rest = Array(rest[(end + 1)...])
          guard let message = try? JSONDecoder().decode(Message.self, from: Data(line)) else {
            return fail(descriptors)
          }
          return .message(message, descriptors)
        }
        var numbers = [Int32](repeating: -1, count: Self.maximumDescriptors)
        var count = numbers.count
        let received = portside_receive(descriptor, &part, part.count, &numbers, &count, 0)
        descriptors += numbers.prefix(count)
        if received == -Int(EAGAIN), descriptors.isEmpty { return .nothing }
        guard received > 0, rest.count + received <= Self.maximumLine else { return fail(descriptors) }
        rest += part.prefix(received)
      }
    }
  }

  private func fail<Message: Sendable>(_ descriptors: [Int32]) -> Received<Message> {
    for descriptor in descriptors { close(descriptor) }
    return .end
  }
}
