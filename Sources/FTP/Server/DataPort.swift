import FTPData
import NIOCore
import NIOPosix
import Synchronization
import WireKit

/// Where the next data connection comes from or goes to.
enum DataPort: Sendable {
  case passive(PassiveListener)
  case active(Endpoint)

  func close() { if case .passive(let listener) = self { listener.close() } }
}

/// The ports of the passive range that are taken.
final class PassivePorts: Sendable {
  private let taken = Mutex<Set<UInt16>>([])

  /// The ports to try, in an order that nobody can foretell: who knows the next port could get there first.
  ///
  /// From a place that is drawn, in steps that are drawn: each port once, without a draw for each.
  func candidates(in range: ClosedRange<UInt16>) -> some Sequence<UInt16> {
    let count = Int(range.upperBound - range.lowerBound) + 1
    let first = Int.random(in: 0..<count)
    var step = Int.random(in: 1...count)
    while Self.divisor(step, count) != 1 { step = Int.random(in: 1...count) }
    let steps = step
    return (0..<count).lazy.map { range.lowerBound + UInt16((first + $0 * steps) % count) }
  }

  /// The greatest common divisor.
  private static func divisor(_ one: Int, _ other: Int) -> Int { other == 0 ? one : divisor(other, one % other) }

  func take(_ port: UInt16) -> Bool { port == 0 || taken.withLock { $0.insert(port).inserted } }
  func release(_ port: UInt16) { taken.withLock { _ = $0.remove(port) } }
}

/// A listening socket for one data connection of one client.
final class PassiveListener: Sendable {
  let endpoint: Endpoint
  private let server: any Channel
  private let accepted: EventLoopPromise<DataConnection>
  private let release: @Sendable () -> Void

  private init(
    server: any Channel, endpoint: Endpoint, accepted: EventLoopPromise<DataConnection>,
    release: @escaping @Sendable () -> Void
  ) {
    self.server = server
    self.endpoint = endpoint
    self.accepted = accepted
    self.release = release
  }

  /// Listens on the first of the ports that is free.
  ///
  /// - Parameter peer: Whose connection is taken; every other is closed at once, so that nobody can steal a transfer.
  static func open(
    _ ports: PassivePorts, in range: ClosedRange<UInt16>, on local: IPAddress, for peer: IPAddress,
    stallTime: Duration, eventLoop: any EventLoop
  ) async throws -> PassiveListener? {
    for port in ports.candidates(in: range) {
      guard ports.take(port) else { continue }
      let accepted = eventLoop.makePromise(of: DataConnection.self)
      do {
        let server = try await bind(local, port, peer, stallTime, accepted, eventLoop)
        guard let endpoint = server.localAddress.flatMap({ Endpoint(data: $0) }) else {
          try? await server.close()
          throw DataConnection.Failure.lost
        }
        // Whoever never comes leaves a promise that nobody waits for.
        return PassiveListener(server: server, endpoint: endpoint, accepted: accepted) { ports.release(port) }
      } catch {
        accepted.fail(error)
        ports.release(port)
      }
    }
    return nil
  }

  private static func bind(
    _ local: IPAddress, _ port: UInt16, _ peer: IPAddress, _ stallTime: Duration,
    _ accepted: EventLoopPromise<DataConnection>, _ eventLoop: any EventLoop
  ) async throws -> any Channel {
    try await ServerBootstrap(group: eventLoop)
      .serverChannelOption(.backlog, value: 4)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
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
      .bind(host: local.description, port: Int(port)).get()
  }

  /// The client's connection.
  func connection(within limit: Duration) async throws -> DataConnection {
    let accepted = accepted
    let deadline = server.eventLoop.scheduleTask(in: .nanoseconds(limit.wholeNanoseconds)) {
      accepted.fail(DataConnection.Failure.stalled)
    }
    defer {
      deadline.cancel()
      stopListening()
    }
    return try await withTaskCancellationHandler {
      try await accepted.futureResult.get()
    } onCancel: {
      accepted.fail(DataConnection.Failure.cancelled)
    }
  }

  private func stopListening() {
    let release = release
    server.close().whenComplete { _ in release() }
  }

  /// Gives it up, with the connection that may have come.
  func close() {
    accepted.fail(DataConnection.Failure.cancelled)
    accepted.futureResult.whenSuccess { $0.abort() }
    stopListening()
  }
}

/// A connection that this server makes (PORT, EPRT).
enum ActiveConnector {
  static func connect(
    to endpoint: Endpoint, from local: IPAddress, port: UInt16, within limit: Duration, stallTime: Duration,
    eventLoop: any EventLoop
  ) async throws -> DataConnection {
    if port != 0 {
      // Without the privilege for it, or with all of its pairs in use, any other port does.
      if let connection = try? await attempt(endpoint, local, port, limit, stallTime, eventLoop) { return connection }
    }
    return try await attempt(endpoint, local, 0, limit, stallTime, eventLoop)
  }

  private static func attempt(
    _ endpoint: Endpoint, _ local: IPAddress, _ port: UInt16, _ limit: Duration, _ stallTime: Duration,
    _ eventLoop: any EventLoop
  ) async throws -> DataConnection {
    let address = try SocketAddress(ipAddress: local.description, port: Int(port))
    let goal = try SocketAddress(ipAddress: endpoint.address.description, port: Int(endpoint.port))
    let promise = eventLoop.makePromise(of: DataConnection.self)
    do {
      _ = try await ClientBootstrap(group: eventLoop)
        .connectTimeout(.nanoseconds(limit.wholeNanoseconds))
        .channelOption(.socketOption(.so_reuseaddr), value: 1)
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelOption(.recvAllocator, value: DataConnection.receiveAllocator)
        .channelOption(.maxMessagesPerRead, value: 1)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            promise.succeed(try DataConnection.add(to: channel, stallTime: stallTime))
          }
        }
        .bind(to: address)
        .connect(to: goal).get()
    } catch {
      promise.fail(error)
      throw error
    }
    return try await promise.futureResult.get()
  }
}
