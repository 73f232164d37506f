import Glibc
import SSHCore
import Synchronization
import SystemShims
import Transport

/// The listeners that one connection has asked for: on loopback (`tcpip-forward`, RFC 4254 §7.1), at paths
/// (`streamlocal-forward`), the socket of the client's agent, and what stands in for its display. What comes to them goes to the peer, so nobody but this
/// machine may come, and to paths nobody but our own user.
final class ForwardListeners: Sendable {
  /// Listeners of one connection.
  private static let maximum = 32
  /// The numbers of channels that begin here, far from those that the session gives.
  private static let firstChannel: UInt32 = 0x4000_0000

  private struct Listener {
    enum Kind: Equatable {
      /// The address as it was asked for: the peer knows the listener by it.
      case tcp(host: String, port: UInt16)
      case local(path: String)
      case agent(path: String)
      /// A display of the client's, by its number here; and whether one connection is all that it takes.
      case display(number: Int, isSingle: Bool)
    }

    var kind: Kind
    var socket: OpenFile
  }

  private struct State {
    var listeners: [Listener] = []
    var nextChannel = ForwardListeners.firstChannel
    /// The folder of the agent's socket.
    var agentFolder: String?
    /// Folders with the cookies of displays.
    var cookieFolders: [String] = []
    var hasEnded = false
  }

  private let state = Mutex(State())
  private let watch: DescriptorWatch
  /// An epoll descriptor over all listeners.
  private let news: OpenFile

  init(_ watch: DescriptorWatch) {
    self.watch = watch
    news = OpenFile(owning: portside_poller_open())
  }

  // MARK: Listening

  /// Listens for an address of the peer's choice, which must mean this machine alone or any. Returns the port.
  func listen(_ host: String, _ port: UInt16) -> UInt16? {
    let families: [Int32]
    switch host {
    case "127.0.0.1": families = [AF_INET]
    case "::1": families = [AF_INET6]
    // As OpenSSH without GatewayPorts: any address means loopback.
    case "", "localhost", "*", "0.0.0.0", "::": families = [AF_INET, AF_INET6]
    default: return nil
    }
    return state.withLock { state in
      guard !state.hasEnded, !state.listeners.contains(where: { $0.kind == .tcp(host: host, port: port) }) else {
        return nil
      }
      var bound = port
      var isBound = false
      for family in families where state.listeners.count < Self.maximum {
        guard let socket = Self.bind(SocketAddress.loopback(family, bound)) else { continue }
        let (own, result) = SocketAddress.make { getsockname(socket.descriptor, $0, $1) }
        guard result == 0 else { continue }
        bound = own.port
        isBound = true
        add(Listener(kind: .tcp(host: host, port: bound), socket: socket), &state)
      }
      return isBound ? bound : nil
    }
  }

  /// Listens at a path. What is there already stays, and is a failure.
  func listen(socketAt path: String) -> Bool {
    state.withLock { state in
      guard !state.hasEnded, state.listeners.count < Self.maximum, let address = SocketAddress.unix(path),
        let socket = Self.bind(address)
      else { return false }
      chmod(path, 0o600)
      add(Listener(kind: .local(path: path), socket: socket), &state)
      return true
    }
  }

  /// The path of a socket that leads to the client's agent, in a folder that only our user may enter.
  func listenForAgent() -> String? {
    state.withLock { state in
      for listener in state.listeners { if case .agent(let path) = listener.kind { return path } }
      guard !state.hasEnded, state.listeners.count < Self.maximum else { return nil }
      var template = Array("/tmp/portside-ssh-XXXXXX\0".utf8).map { CChar(bitPattern: $0) }
      guard mkdtemp(&template) != nil else { return nil }
      let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let path = folder + "/agent"
      guard let address = SocketAddress.unix(path), let socket = Self.bind(address) else {
        rmdir(folder)
        return nil
      }
      state.agentFolder = folder
      add(Listener(kind: .agent(path: path), socket: socket), &state)
      return path
    }
  }

  /// Displays have these numbers here: below are those of the machine itself.
  private static let displays = 10..<100

  /// Stands in for the client's display. Returns what programs know it by, for their environment: DISPLAY, and the file with the
  /// cookie, which nobody but our user may read.
  func listenForDisplay(_ request: DisplayRequest) -> [(name: String, value: String)]? {
    state.withLock { state in
      guard !state.hasEnded, state.listeners.count < Self.maximum else { return nil }
      for number in Self.displays {
        guard let socket = Self.bind(SocketAddress.loopback(AF_INET, UInt16(6_000 + number))) else { continue }
        guard let folder = Self.writeCookie(request, number) else { return nil }
        state.cookieFolders.append(folder)
        add(Listener(kind: .display(number: number, isSingle: request.isSingle), socket: socket), &state)
        return [("DISPLAY", "localhost:\(number).\(request.screen)"), ("XAUTHORITY", "\(folder)/authority")]
      }
      return nil
    }
  }

  /// A file as Xau(3) reads it, with one entry: for any host, the display of this number.
  private static func writeCookie(_ request: DisplayRequest, _ number: Int) -> String? {
    var template = Array("/tmp/portside-x11-XXXXXX\0".utf8).map { CChar(bitPattern: $0) }
    guard mkdtemp(&template) != nil else { return nil }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    var entry: [UInt8] = [0xFF, 0xFF]
    for field in [[], Array("\(number)".utf8), Array(request.authorization.utf8), request.cookie] {
      entry += [UInt8(truncatingIfNeeded: field.count >> 8), UInt8(truncatingIfNeeded: field.count)] + field
    }
    let file = open("\(folder)/authority", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else {
      rmdir(folder)
      return nil
    }
    defer { Glibc.close(file) }
    return write(file, entry, entry.count) == entry.count ? folder : nil
  }

  private func add(_ listener: Listener, _ state: inout State) {
    state.listeners.append(listener)
    _ = portside_poller_add(news.descriptor, listener.socket.descriptor)
  }

  private static func bind(_ address: [UInt8]) -> OpenFile? {
    let family = address.withUnsafeBytes { Int32($0.loadUnaligned(as: sa_family_t.self)) }
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = Glibc.socket(family, kind, 0)
    guard descriptor >= 0 else { return nil }
    let socket = OpenFile(owning: descriptor)
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
    if family == AF_INET6 { setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &one, 4) }
    let isBound = address.withUnsafeBytes {
      Glibc.bind(descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(address.count)) == 0
    }
    return isBound && Glibc.listen(descriptor, 64) == 0 ? socket : nil
  }

  // MARK: The end of listening

  func stop(_ host: String, _ port: UInt16) { stop(.tcp(host: host, port: port)) }
  func stop(socketAt path: String) { stop(.local(path: path)) }

  private func stop(_ kind: Listener.Kind) {
    state.withLock { state in
      for listener in state.listeners where listener.kind == kind {
        _ = portside_poller_remove(news.descriptor, listener.socket.descriptor)
        Self.remove(listener)
      }
      state.listeners.removeAll { $0.kind == kind }
    }
  }

  private static func remove(_ listener: Listener) {
    switch listener.kind {
    case .tcp, .display: break
    case .local(let path), .agent(let path): unlink(path)
    }
  }

  func close() {
    state.withLock { state in
      state.hasEnded = true
      state.listeners.forEach(Self.remove)
      state.listeners = []
      if let folder = state.agentFolder { rmdir(folder) }
      for folder in state.cookieFolders {
        unlink("\(folder)/authority")
        rmdir(folder)
      }
    }
    watch.wake(news.descriptor)
  }

  // MARK: Connections

  /// The next connection to one of them; `nil` when there will be none.
  func accept() async -> (ChannelNumber, any SessionProgram, ForwardedConnection)? {
    while true {
      let accepted = state.withLock { state -> (ChannelNumber, any SessionProgram, ForwardedConnection)? in
        for listener in state.listeners {
          guard let (program, connection) = take(listener) else { continue }
          if case .display(_, isSingle: true) = listener.kind {
            _ = portside_poller_remove(news.descriptor, listener.socket.descriptor)
            state.listeners.removeAll { $0.kind == listener.kind }
          }
          let channel = ChannelNumber(state.nextChannel)
          // After 2^30 connections the first numbers are free again.
          state.nextChannel = state.nextChannel == 0x7FFF_FFFF ? Self.firstChannel : state.nextChannel + 1
          return (channel, program, connection)
        }
        return nil
      }
      if let accepted { return accepted }
      if Task.isCancelled || state.withLock({ $0.hasEnded }) { return nil }
      await watch.wait(for: news.descriptor, .readable)
    }
  }

  private func take(_ listener: Listener) -> (any SessionProgram, ForwardedConnection)? {
    let (peer, descriptor) = SocketAddress.make { Glibc.accept(listener.socket.descriptor, $0, $1) }
    guard descriptor >= 0 else { return nil }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    setNonBlocking(descriptor)
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    guard let program = TCPProgram(descriptor, watch) else { return nil }
    switch listener.kind {
    case .tcp(let host, let port):
      let target = TCPTarget(host: host, port: port, originatorHost: peer.host, originatorPort: peer.port)
      return (program, .tcp(target))
    case .local(let path): return (program, .local(path: path))
    case .agent: return (program, .agent)
    case .display: return (program, .display(originatorHost: peer.host, originatorPort: peer.port))
    }
  }
}

/// Addresses of sockets, as far as forwarding needs them.
enum SocketAddress {
  /// 127.0.0.1 or ::1 with a port.
  static func loopback(_ family: Int32, _ port: UInt16) -> [UInt8] {
    if family == AF_INET {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      return withUnsafeBytes(of: &address) { Array($0) }
    }
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = port.bigEndian
    address.sin6_addr = in6addr_loopback
    return withUnsafeBytes(of: &address) { Array($0) }
  }

  /// An absolute path; `nil` for what is none, or is longer than a socket's path may be.
  static func unix(_ path: String) -> [UInt8]? {
    let bytes = Array(path.utf8)
    guard bytes.first == 0x2F, bytes.count <= 107, !bytes.contains(0) else { return nil }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return withUnsafeBytes(of: &address) { Array($0) }
  }

  /// What a call stores, as text and port, with the call's result.
  static func make(
    _ call: (UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> ((host: String, port: UInt16), Int32) {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    var service = [CChar](repeating: 0, count: 8)
    let result = withUnsafeMutableBytes(of: &storage) { bytes in
      let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
      let result = call(pointer, &size)
      if result >= 0, pointer?.pointee.sa_family != sa_family_t(AF_UNIX) {
        getnameinfo(
          pointer, size, &host, socklen_t(host.count), &service, socklen_t(service.count),
          NI_NUMERICHOST | NI_NUMERICSERV)
      }
      return result
    }
    return ((text(host), UInt16(text(service)) ?? 0), result)
  }

  private static func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
