import NIOCore
import Services
import WireKit

/// What is known of a connection, for those who answer its requests.
public struct Connection: Sendable {
  public let id: SessionID
  public let service: ServiceName
  /// Who is at the other end: the client itself, also behind a proxy that tells of it (PROXY protocol).
  public let peer: Endpoint
  /// Where it came in.
  public let local: Endpoint
  /// What TLS agreed on; `nil` in plain text.
  public internal(set) var tls: TLSParameters?
  /// The event loop on which `RequestHandler.answer` is called: per-loop caches hang on it.
  public let eventLoop: any EventLoop

  /// For clients, whose connections no listener makes.
  public init(
    id: SessionID, service: ServiceName, peer: Endpoint, local: Endpoint, tls: TLSParameters? = nil,
    eventLoop: any EventLoop
  ) {
    self.id = id
    self.service = service
    self.peer = peer
    self.local = local
    self.tls = tls
    self.eventLoop = eventLoop
  }

  /// Whether the bytes travel under TLS.
  public var isEncrypted: Bool { tls != nil }

  /// A client's connection, for a session that is driven outside of a server.
  public static func probe(to server: Endpoint, on eventLoop: any EventLoop) -> Connection {
    Connection(
      id: SessionID(0), service: .admin, peer: server, local: Endpoint(server.address, 0), tls: nil,
      eventLoop: eventLoop)
  }
}
