import NIOCore
import Services
import WireKit

/// What a session's driver needs to know of the listener (or client) that it belongs to.
public struct SessionHandlerSettings {
  /// Whether the session begins inside TLS.
  public var startsWithTLS: Bool
  /// Puts TLS in front of the driver, for `.startTLS`; `nil` where there is none.
  public var startTLS: ((ChannelPipeline.SynchronousOperations, any ChannelHandler) throws -> Void)?
  /// Reads what the handshake agreed on.
  public var tlsParameters: (ChannelPipeline, _ applicationProtocol: String?) -> TLSParameters
  /// How long the peer may take to read what is queued when the session closes.
  public var closeTimeout: Duration
  /// How long to wait, after our last word, for the peer to end the connection.
  public var lingerTime: Duration
  /// Told of every error that ends a connection.
  public var onError: (any Error, Connection) -> Void
  /// Where bytes and operations are counted; `nil` for none, as in a client.
  public var meter: MeterShard?

  public init(
    startsWithTLS: Bool = false,
    startTLS: ((ChannelPipeline.SynchronousOperations, any ChannelHandler) throws -> Void)? = nil,
    tlsParameters: @escaping (ChannelPipeline, String?) -> TLSParameters = { _, name in
      TLSParameters(version: "TLS", applicationProtocol: name)
    },
    closeTimeout: Duration = .seconds(10), lingerTime: Duration = .seconds(2),
    onError: @escaping (any Error, Connection) -> Void = { _, _ in }
  ) {
    self.startsWithTLS = startsWithTLS
    self.startTLS = startTLS
    self.tlsParameters = tlsParameters
    self.closeTimeout = closeTimeout
    self.lingerTime = lingerTime
    self.onError = onError
  }
}
