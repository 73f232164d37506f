/// The logic of one connection of a stream protocol: a state machine without I/O, clock, log or suspension.
///
/// Whoever drives it (`Transport.SessionHandler` on an event loop, `TestKit` over an in-memory network, a fuzzer over an
/// array) feeds it bytes and the time, and carries out the actions that it appends, in order. The same shape serves the
/// server's and the client's end of every protocol.
///
/// Rules that every session keeps, and may rely on:
/// * `receive` gets all bytes that have come and were not consumed yet, and says how many it has consumed. What it
///   leaves is offered again, with more behind it, when more arrives, after a `resume`, and after `outputDrained`; not before.
///   A session that waits for a reply simply consumes nothing, and its driver stops reading from the peer when more than
///   `maximumPendingInput` bytes wait: that is back-pressure.
/// * After `.startTLS` or `.close` the driver offers nothing more from the plain stream.
/// * Each `.request` is answered by exactly one `resume` with its ticket, unless the connection ends first.
public protocol StreamSession: ~Copyable, SendableMetatype {
  /// What only the outside can answer: a look-up, a log-in, a store. `Never` if the session needs nothing.
  associatedtype Request: Sendable
  /// The answer to a request.
  associatedtype Reply: Sendable
  /// Content that the driver sends without the session ever touching its bytes, such as an open file.
  associatedtype Body: Sendable = Never
  /// What the session tells about itself, for log, metrics, audit and `portside watch`.
  associatedtype Event: Sendable

  typealias Actions = SessionActions<Request, Body, Event>

  /// Bytes of input that may wait unconsumed before the driver stops reading. At least the longest unit that
  /// `receive` cannot take in parts.
  var maximumPendingInput: Int { get }

  /// Whether everything behind what has been written so far goes compressed, both ways (RFC 4978). Once true, it stays so. A session
  /// that wants it takes no input until `outputDrained`: what stands behind its command is compressed already.
  var wantsCompression: Bool { get }

  /// The connection stands (inside TLS already, where TLS is implicit). A server's greeting goes here.
  mutating func opened(now: MonotonicTime, into actions: inout Actions)

  /// Takes input. Returns how many bytes from the front were consumed, `0...input.byteCount`.
  mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int

  /// The answer to the request with this ticket.
  mutating func resume(_ reply: consuming Reply, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions)

  /// A timer that `setTimer` asked for has run out.
  mutating func timerFired(_ timer: SessionTimer, now: MonotonicTime, into actions: inout Actions)

  /// The peer sends nothing more. The session may still write, and ends by `.close`.
  mutating func inputClosed(now: MonotonicTime, into actions: inout Actions)

  /// The handshake that `.startTLS` asked for is done; a session goes back to its state after the greeting.
  mutating func tlsEstablished(_ parameters: TLSParameters, now: MonotonicTime, into actions: inout Actions)

  /// TLS, which `.stopTLS` has ended, is gone: both sides have said close_notify, and what follows is plain text.
  mutating func tlsStopped(now: MonotonicTime, into actions: inout Actions)

  /// Everything written so far has left; a session that paused a long output goes on.
  mutating func outputDrained(now: MonotonicTime, into actions: inout Actions)

  /// The server is about to stop or no longer serves this listener: finish what has begun, take nothing more, and end
  /// by `.close`. Where a session says nothing else, it closes at once.
  mutating func drain(now: MonotonicTime, into actions: inout Actions)
}

extension StreamSession where Self: ~Copyable {
  public var wantsCompression: Bool { false }
  public mutating func tlsEstablished(_: TLSParameters, now: MonotonicTime, into actions: inout Actions) {}
  public mutating func tlsStopped(now: MonotonicTime, into actions: inout Actions) {}
  public mutating func outputDrained(now: MonotonicTime, into actions: inout Actions) {}
  public mutating func timerFired(_: SessionTimer, now: MonotonicTime, into actions: inout Actions) {}
  public mutating func drain(now: MonotonicTime, into actions: inout Actions) { actions.close() }
}

/// The number that ties a reply to its request, within one session.
public struct Ticket: Hashable, Sendable {
  public let number: UInt64
  public init(_ number: UInt64) { self.number = number }
}

/// A timer of a session, named by its purpose; each session declares its own as static constants.
public struct SessionTimer: Hashable, Sendable {
  public let number: Int
  public init(_ number: Int) { self.number = number }
}

/// What was agreed on in a TLS handshake.
public struct TLSParameters: Hashable, Sendable {
  /// The protocol version in the field's words: `"TLSv1.2"` or `"TLSv1.3"`.
  public var version: String
  /// The host name that the client asked for (RFC 6066 §3), if any.
  public var serverName: String?
  /// The application protocol agreed on (RFC 7301), if any.
  public var applicationProtocol: String?

  public init(version: String, serverName: String? = nil, applicationProtocol: String? = nil) {
    self.version = version
    self.serverName = serverName
    self.applicationProtocol = applicationProtocol
  }
}
