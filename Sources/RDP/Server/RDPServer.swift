import NIOCore
import RDPCore
import Services
import Transport
import WireKit

/// How a server of remote desktops is set up.
public struct RDPServerConfiguration: Sendable {
  /// What clients may choose from.
  public var protocols: SecurityProtocols
  public var hostname: String
  public var limits: RDPLimits
  public var listener: StreamListenerConfiguration

  public init(
    protocols: SecurityProtocols, hostname: String, limits: RDPLimits = RDPLimits(),
    listener: StreamListenerConfiguration = StreamListenerConfiguration(service: .rdp, tls: .starttls)
  ) {
    self.protocols = protocols
    self.hostname = hostname
    self.limits = limits
    self.listener = listener
  }
}

/// A server of remote desktops on one listening socket.
public final class RDPServer: Sendable {
  private let listener: StreamListener<ServerSession, RDPRequestHandler>

  /// - Parameter source: What runs in sessions.
  public init(
    configuration: RDPServerConfiguration, context: ServerContext, contexts: TLSContextStore,
    counter: ConnectionCounter, numbers: SessionNumbers, source: any ConsoleSource
  ) {
    // Unpacked now, not with the first picture.
    _ = ConsoleFont.standard
    let handler = RDPRequestHandler(context: context, contexts: contexts, source: source)
    listener = StreamListener(
      configuration: configuration.listener, context: context, contexts: contexts, counter: counter,
      numbers: numbers, handler: handler
    ) { connection in
      handler.begin(connection)
      var generator = SystemRandomNumberGenerator()
      return ServerSession(
        ServerSessionConfiguration(
          protocols: configuration.protocols, hostname: configuration.hostname, limits: configuration.limits,
          random: (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) },
          fileTime: fileTime(context.clock.wallTime()), isWatched: context.events.isWatched(.rdp)))
    }
  }

  /// Begins to accept on a bound, listening socket. The descriptor is taken over.
  public func start(descriptor: Int32, on group: any EventLoopGroup) async throws {
    try await listener.start(descriptor: descriptor, on: group)
  }

  public var localEndpoint: Endpoint? { listener.localEndpoint }
  public var connectionCount: Int { listener.connectionCount }

  /// Takes nothing new, tells sessions, and ends those that last longer.
  public func drain(within limit: Duration) async { await listener.drain(within: limit) }
}

/// 100 ns since 1601, as NTLM counts.
private func fileTime(_ time: WallTime) -> UInt64 {
  UInt64(clamping: time.seconds + 11_644_473_600) &* 10_000_000 &+ UInt64(clamping: time.nanoseconds / 100)
}
