/// How long the connections of one listener may take.
public struct ConnectionLimits: Sendable, Hashable {
  /// From the connection (or the command that starts it) to the end of the TLS handshake, and for a PROXY header.
  public var handshakeTimeout: Duration
  /// The longest that a connection may last; `nil` for no end.
  public var totalTime: Duration?
  /// From `close` to the moment when unsent bytes are dropped.
  public var closeTimeout: Duration

  public init(
    handshakeTimeout: Duration = .seconds(10), totalTime: Duration? = nil, closeTimeout: Duration = .seconds(10)
  ) {
    self.handshakeTimeout = handshakeTimeout
    self.totalTime = totalTime
    self.closeTimeout = closeTimeout
  }
}
