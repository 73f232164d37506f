import Glibc
import NIOPosix
import SSHCore
import Synchronization
import Transport

/// A TCP connection behind a channel (`direct-tcpip`).
final class TCPProgram: SessionProgram {
  private let socket: OpenFile
  private let input: InputPipe
  private let watch: DescriptorWatch
  private let isClosed = Mutex(false)

  /// Takes over a connected socket that does not block.
  init?(_ descriptor: Int32, _ watch: DescriptorWatch) {
    socket = OpenFile(owning: descriptor)
    let second = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    guard second >= 0 else { return nil }
    input = InputPipe(OpenFile(owning: second), watch)
    self.watch = watch
  }

  /// Connects to the first address of the name that answers.
  static func connect(to target: TCPTarget, _ watch: DescriptorWatch) async -> TCPProgram? {
    // Looking up a name blocks, so it has a thread of NIO's pool.
    let addresses = try? await NIOThreadPool.singleton.runIfActive { lookUp(target.host, target.port) }
    for address in addresses ?? [] {
      if let descriptor = await connect(to: address, watch) { return TCPProgram(descriptor, watch) }
    }
    return nil
  }

  /// Connects to a Unix socket.
  static func connect(toSocketAt path: String, _ watch: DescriptorWatch) async -> TCPProgram? {
    guard let address = SocketAddress.unix(path), let descriptor = await connect(to: address, watch) else { return nil }
    return TCPProgram(descriptor, watch)
  }

  private static func lookUp(_ host: String, _ port: UInt16) -> [[UInt8]] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var addresses: [[UInt8]] = []
    var entry = list
    while let current = entry, addresses.count < 8 {
      if let address = current.pointee.ai_addr {
        addresses.append(Array(UnsafeRawBufferPointer(start: address, count: Int(current.pointee.ai_addrlen))))
      }
      entry = current.pointee.ai_next
    }
    return addresses
  }

  private static func connect(to address: [UInt8], _ watch: DescriptorWatch) async -> Int32? {
    let family = address.withUnsafeBytes { Int32($0.loadUnaligned(as: sa_family_t.self)) }
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = Glibc.socket(family, kind, 0)
    guard descriptor >= 0 else { return nil }
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    let result = address.withUnsafeBytes {
      Glibc.connect(descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(address.count))
    }
    if result < 0, errno == EINPROGRESS { await watch.wait(for: descriptor, .writable) }
    var failure: Int32 = 0
    var size = socklen_t(4)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size)
    var peer = sockaddr_storage()
    var peerSize = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let isConnected = withUnsafeMutableBytes(of: &peer) {
      getpeername(descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), &peerSize) == 0
    }
    guard failure == 0, isConnected else {
      Glibc.close(descriptor)
      return nil
    }
    return descriptor
  }

  func takeInput(_ bytes: [UInt8]) -> Bool { input.write(bytes) }
  func input(_ bytes: [UInt8]) async { await input.writeAll(bytes) }
  func inputEnd() { shutdown(socket.descriptor, Int32(SHUT_WR)) }

  func availableOutput(maximum: Int) -> ProgramOutput? {
    switch readDescriptor(socket.descriptor, maximum: maximum) {
    case .bytes(let bytes): .bytes(bytes)
    case .wouldBlock: nil
    case .end: .ended(.none)
    }
  }

  func output(maximum: Int) async -> ProgramOutput {
    while true {
      if let output = availableOutput(maximum: maximum) { return output }
      if Task.isCancelled || isClosed.withLock({ $0 }) { return .ended(.none) }
      await watch.wait(for: socket.descriptor, .readable)
    }
  }

  func close() {
    isClosed.withLock { $0 = true }
    input.close()
    shutdown(socket.descriptor, Int32(SHUT_RDWR))
    watch.wake(socket.descriptor)
  }
}
