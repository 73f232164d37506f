/// What one connection may cost. Each default says why.
public struct HTTPLimits: Sendable, Hashable {
  /// Bytes of a request line. RFC 9112 §3 recommends at least 8000; more is answered by 414.
  public var requestLine = 8_192
  /// Bytes of a whole head, start line included. More is answered by 431 (RFC 6585 §5).
  public var head = 32_768
  /// Fields in a head or trailer section; 431 as well.
  public var fields = 128
  /// Bytes of a request's content; more is answered by 413.
  public var content: Int64 = 1 << 30
  /// Content that is read and thrown away to keep a connection when its request was answered early.
  public var discardedContent: Int64 = 65_536
  /// Bytes of one chunk-size line with its extensions (RFC 9112 §7.1.1: bounded, or they are a way to waste our time).
  public var chunkLine = 256
  /// Bytes that may wait to leave before the next request is looked at.
  public var pendingOutput: Int64 = 262_144
  /// Requests on one connection; then it is ended in good order, so that memory and counters start anew.
  public var requests = 100_000

  /// From the first octet of a head to its end: slowloris.
  public var headTime = Duration.seconds(10)
  /// Without any request.
  public var idleTime = Duration.seconds(75)
  /// Between two pieces of a request's content.
  public var contentTime = Duration.seconds(30)
  /// Between two moments at which everything written had left.
  public var outputTime = Duration.seconds(120)

  /// Without a byte in either direction of a tunnel. WebSocket's own pings come more often where somebody cares.
  public var tunnelTime = Duration.seconds(3600)

  /// Streams of one HTTP/2 connection whose handlers are alive (RFC 9113 §5.1.2 recommends at least 100).
  public var streams = 128
  /// The window that a client may fill per stream and, four times, per connection.
  public var window = 262_144
  /// Bytes of a compressed field section, over all its frames; beyond, the connection ends: CONTINUATION flood.
  public var fieldSection = 65_536
  /// CONTINUATION frames of one field section.
  public var continuations = 16
  /// Streams reset before their reply was complete, by either side, within ten seconds: Rapid Reset, MadeYouReset.
  public var resets = 200
  /// Frames within ten seconds that cost us something and carry nothing: PING, SETTINGS, PRIORITY, empty DATA …
  public var idleFrames = 2_000

  public init() {}
}
