import Glibc
import SSHCore
import Synchronization
import SystemShims
import Transport

/// The listeners that one connection has asked for (`tcpip-forward`, RFC 4254 §7.1), all of them on loopback: what comes
/// to them goes to the peer, so nobody but this machine may come.
final class ForwardListeners: Sendable {
  /// Listeners of one connection.
  private static let maximum = 32
  /// The numbers of channels that begin here, far from those that the session gives.
  private static let firstChannel: UInt32 = 0x4000_0000

  private struct Listener {
    /// The address as it was asked for: the peer knows the listener by it.
    var host: String
    var port: UInt16
    var socket: OpenFile
  }

  private struct State {
    var listeners: [Listener] = []
    var nextChannel = ForwardListeners.firstChannel
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
      guard !state.hasEnded, !state.listeners.contains(where: { $0.host == host && $0.port == port && port != 0 })
      else {
        return nil
      }
      var bound = port
      var isBound = false
      for family in families where state.listeners.count < Self.maximum {
        guard let (socket, number) = Self.bind(family, bound) else { continue }
        bound = number
        isBound = true
        state.listeners.append(Listener(host: host, port: number, socket: socket))
        _ = portside_poller_add(news.descriptor, socket.descriptor)
      }
      return isBound ? bound : nil
    }
  }

  func stop(_ host: String, _ port: UInt16) {
    state.withLock { state in
      for listener in state.listeners where listener.host == host && listener.port == port {
        _ = portside_poller_remove(news.descriptor, listener.socket.descriptor)
      }
      state.listeners.removeAll { $0.host == host && $0.port == port }
    }
  }

  /// The next connection to one of them; `nil` when there will be none.
  func accept() async -> (ChannelNumber, any SessionProgram, TCPTarget)? {
    while true {
      let accepted = state.withLock { state -> (ChannelNumber, any SessionProgram, TCPTarget)? in
        for listener in state.listeners {
          guard let (program, host, port) = take(listener) else { continue }
          let channel = ChannelNumber(state.nextChannel)
          // After 2^30 connections the first numbers are free again.
          state.nextChannel = state.nextChannel == 0x7FFF_FFFF ? Self.firstChannel : state.nextChannel + 1
          return (
            channel, program,
            TCPTarget(host: listener.host, port: listener.port, originatorHost: host, originatorPort: port)
          )
        }
        return nil
      }
      if let accepted { return accepted }
      if Task.isCancelled || state.withLock({ $0.hasEnded }) { return nil }
      await watch.wait(for: news.descriptor, .readable)
    }
  }

  private func take(_ listener: Listener) -> (any SessionProgram, String, UInt16)? {
    let (peer, size) = SocketAddress.make { Glibc.accept(listener.socket.descriptor, $0, $1) }
    guard size >= 0 else { return nil }
    _ = fcntl(size, F_SETFD, FD_CLOEXEC)
    setNonBlocking(size)
    var one: Int32 = 1
    setsockopt(size, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    guard let program = TCPProgram(size, watch) else { return nil }
    return (program, peer.host, peer.port)
  }

  func close() {
    state.withLock { state in
      state.hasEnded = true
      state.listeners = []
    }
    watch.wake(news.descriptor)
  }

  private static func bind(_ family: Int32, _ port: UInt16) -> (OpenFile, UInt16)? {
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = Glibc.socket(family, kind, 0)
    guard descriptor >= 0 else { return nil }
    let socket = OpenFile(owning: descriptor)
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
    if family == AF_INET6 { setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &one, 4) }
    let address = SocketAddress.loopback(family, port)
    let isBound = address.withUnsafeBytes {
      Glibc.bind(descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(address.count)) == 0
    }
    guard isBound, Glibc.listen(descriptor, 64) == 0 else { return nil }
    let (own, result) = SocketAddress.make { getsockname(descriptor, $0, $1) }
    return result == 0 ? (socket, own.port) : nil
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
      if result >= 0 {
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
