import FTPData
import Glibc
import NIOCore
import NIOPosix
import Synchronization
import WireKit

/// Where the next data connection comes from or goes to.
enum DataPort: Sendable {
  case passive(PassiveListener)
  case active(Endpoint)
  /// The client's connection itself, over which some bytes have gone already.
  case connected(Int32, sent: Int)

  func close() {
    switch self {
    case .passive(let listener): listener.close()
    case .active: break
    case .connected(let descriptor, _): Glibc.close(descriptor)
    }
  }
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
