import NIOCore
import Services
import SSHCore
import Synchronization
import Transport
import WireKit

/// An SSH server on one listening socket.
public final class SSHServer: Sendable {
  private let listener: StreamListener<ServerSession, SSHRequestHandler>
  private let handler: SSHRequestHandler

  /// - Parameter programs: What runs in sessions.
  public init(
    configuration: SSHServerConfiguration, context: ServerContext, counter: ConnectionCounter,
    numbers: SessionNumbers, programs: any SessionProgramSource
  ) {
    let handler = SSHRequestHandler(configuration: configuration, context: context, programs: programs)
    self.handler = handler
    listener = StreamListener(
      configuration: configuration.listener, context: context, contexts: TLSContextStore(), counter: counter,
      numbers: numbers, handler: handler
    ) { _ in ServerSession(handler.configuration.session) }
  }

  /// Begins to accept on a bound, listening socket. The descriptor is taken over.
  public func start(descriptor: Int32, on group: any EventLoopGroup) async throws {
    try await listener.start(descriptor: descriptor, on: group)
  }

  /// Puts another configuration and other programs into force, for connections and programs that begin from now on. The
  /// listener's part stays as it was.
  public func reload(_ configuration: SSHServerConfiguration, programs: any SessionProgramSource) {
    handler.reload(configuration, programs)
  }

  public var localEndpoint: Endpoint? { listener.localEndpoint }
  public var connectionCount: Int { listener.connectionCount }

  /// Takes nothing new, lets sessions finish, and ends those that last longer.
  public func drain(within limit: Duration) async { await listener.drain(within: limit) }
}
