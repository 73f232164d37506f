import FTPData
import Glibc
import NIOCore
import NIOPosix
import Synchronization
import WireKit

/// A listening socket for one data connection of one client.
///
/// A bare socket at first: most clients connect at once and then say what they want, so that their connection can be taken
/// without waiting for it. Where it has not come within a moment, the event loop waits for it, and turns others away.
final class PassiveListener: Sendable {
  private struct State {
    /// The listening socket; -1 once it is closed or the event loop's.
    var descriptor: Int32
    /// The socket as the event loop's, and the connection that it waits for.
    var server: (any Channel)?
    var accepted: EventLoopPromise<DataConnection>?
    var isClosed = false
  }

  /// How long the socket stays bare.
  private static let moment = TimeAmount.milliseconds(50)

  let endpoint: Endpoint
  private let peer: IPAddress
  private let stallTime: Duration
  private let eventLoop: any EventLoop
  private let release: @Sendable () -> Void
  private let state: Mutex<State>

  private init(
    _ descriptor: Int32, _ endpoint: Endpoint, for peer: IPAddress, stallTime: Duration, eventLoop: any EventLoop,
    release: @escaping @Sendable () -> Void
  ) {
    state = Mutex(State(descriptor: descriptor))
    self.endpoint = endpoint
    self.peer = peer
    self.stallTime = stallTime
    self.eventLoop = eventLoop
    self.release = release
  }

  deinit { close() }

  /// Listens on the first of the ports that is free; `nil` when none is.
  ///
  /// - Parameter peer: Whose connection is taken; every other is closed at once, so that nobody can steal a transfer.
  static func open(
    _ ports: PassivePorts, in range: ClosedRange<UInt16>, on local: IPAddress, for peer: IPAddress,
    stallTime: Duration, eventLoop: any EventLoop
  ) -> PassiveListener? {
    for port in ports.candidates(in: range) {
      guard ports.take(port) else { continue }
      if let (descriptor, endpoint) = bind(local, port) {
        let listener = PassiveListener(descriptor, endpoint, for: peer, stallTime: stallTime, eventLoop: eventLoop) {
          ports.release(port)
        }
        eventLoop.scheduleTask(in: moment) { [weak listener] in _ = listener?.acceptByEventLoop() }
        return listener
      }
      ports.release(port)
    }
    return nil
  }

  private static func bind(_ local: IPAddress, _ port: UInt16) -> (Int32, Endpoint)? {
    guard let address = try? SocketAddress(ipAddress: local.description, port: Int(port)) else { return nil }
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = socket(local.family == .v4 ? AF_INET : AF_INET6, kind, 0)
    guard descriptor >= 0 else { return nil }
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
    let isBound = address.withSockAddr { Glibc.bind(descriptor, $0, socklen_t($1)) } == 0
    guard isBound, listen(descriptor, 4) == 0, let bound = SocketName.own(descriptor)?.port else {
      Glibc.close(descriptor)
      return nil
    }
    return (descriptor, Endpoint(local, bound))
  }

  /// The client's connection, if it is there already. Never waits; the descriptor is the caller's, and does not block.
  func takeConnection() -> Int32? {
    let taken = state.withLock { state -> Int32? in
      guard state.descriptor >= 0, state.server == nil else { return nil }
      while true {
        let descriptor = accept(state.descriptor, nil, nil)
        guard descriptor >= 0 else { return nil }
        guard SocketName.peer(descriptor)?.address == peer else {
          Glibc.close(descriptor)
          continue
        }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        return descriptor
      }
    }
    if taken != nil { stopListening() }
    return taken
  }

  /// The client's connection.
  func connection(within limit: Duration) async throws -> DataConnection {
    if let descriptor = takeConnection() {
      return try await DataConnection.over(descriptor, stallTime: stallTime, on: eventLoop)
    }
    guard let accepted = acceptByEventLoop() else { throw DataConnection.Failure.cancelled }
    let deadline = eventLoop.scheduleTask(in: .nanoseconds(limit.wholeNanoseconds)) {
      accepted.fail(DataConnection.Failure.stalled)
    }
    defer {
      deadline.cancel()
      stopListening()
    }
    let connection = try await withTaskCancellationHandler {
      try await accepted.futureResult.get()
    } onCancel: {
      accepted.fail(DataConnection.Failure.cancelled)
    }
    // From here on it is the caller's, whatever becomes of this listener.
    state.withLock { $0.accepted = nil }
    return connection
  }

  /// Hands the socket to the event loop, if that has not been done. Returns the connection to come; `nil` when nobody listens
  /// any more.
  private func acceptByEventLoop() -> EventLoopPromise<DataConnection>? {
    let (descriptor, accepted) = state.withLock { state -> (Int32, EventLoopPromise<DataConnection>?) in
      guard state.descriptor >= 0 else { return (-1, state.accepted) }
      defer { state.descriptor = -1 }
      state.accepted = eventLoop.makePromise()
      return (state.descriptor, state.accepted)
    }
    guard descriptor >= 0, let accepted else { return accepted }
    serve(descriptor, accepted).whenComplete { [self] result in
      guard case .success(let server) = result else { return accepted.fail(DataConnection.Failure.lost) }
      let isLate = state.withLock { state in
        state.server = server
        return state.isClosed
      }
      if isLate { server.close(promise: nil) }
    }
    return accepted
  }

  private func serve(
    _ descriptor: Int32, _ accepted: EventLoopPromise<DataConnection>
  ) -> EventLoopFuture<any Channel> {
    let (peer, stallTime) = (peer, stallTime)
    return ServerBootstrap(group: eventLoop)
      .serverChannelOption(.backlog, value: 4)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.recvAllocator, value: DataConnection.receiveAllocator)
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard channel.remoteAddress.flatMap({ Endpoint(data: $0) })?.address == peer else {
            channel.close(promise: nil)
            return
          }
          let connection = try DataConnection.add(to: channel, stallTime: stallTime)
          accepted.succeed(connection)
          // Not at once: NIO closes what it has just accepted together with the socket that it came from.
          let server = channel.parent
          channel.eventLoop.execute { server?.close(promise: nil) }
        }
      }
      .withBoundSocket(descriptor)
  }

  /// The port is free again.
  private func stopListening() {
    let (descriptor, server, isFirst) = state.withLock { state -> (Int32, (any Channel)?, Bool) in
      defer {
        state.descriptor = -1
        state.server = nil
        state.isClosed = true
      }
      return (state.descriptor, state.server, !state.isClosed)
    }
    guard isFirst else { return }
    if descriptor >= 0 { Glibc.close(descriptor) }
    guard let server else { return release() }
    let release = release
    server.close().whenComplete { _ in release() }
  }

  /// Gives it up, with the connection that may have come.
  func close() {
    let accepted = state.withLock { state in
      defer { state.accepted = nil }
      return state.accepted
    }
    accepted?.fail(DataConnection.Failure.cancelled)
    accepted?.futureResult.whenSuccess { $0.abort() }
    stopListening()
  }
}

/// The addresses of a socket's ends.
enum SocketName {
  static func own(_ descriptor: Int32) -> Endpoint? { endpoint { getsockname(descriptor, $0, $1) } }
  static func peer(_ descriptor: Int32) -> Endpoint? { endpoint { getpeername(descriptor, $0, $1) } }

  private static func endpoint(
    _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> Endpoint? {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &storage) { storage in
      storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, &size) }
    }
    guard result == 0 else { return nil }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let port = withUnsafeBytes(of: &storage) { bytes -> UInt16? in
      switch Int32(bytes.loadUnaligned(as: sa_family_t.self)) {
      case AF_INET:
        var address = bytes.loadUnaligned(as: sockaddr_in.self)
        inet_ntop(AF_INET, &address.sin_addr, &text, socklen_t(text.count))
        return UInt16(bigEndian: address.sin_port)
      case AF_INET6:
        var address = bytes.loadUnaligned(as: sockaddr_in6.self)
        inet_ntop(AF_INET6, &address.sin6_addr, &text, socklen_t(text.count))
        return UInt16(bigEndian: address.sin6_port)
      default: return nil
      }
    }
    let name = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard let port, let address = IPAddress(name) else { return nil }
    return Endpoint(address.unmapped, port)
  }
}
