import WireKit

/// The server's end of a connection that may speak HTTP/1 or HTTP/2: by what ALPN agreed on inside TLS, and by the
/// client's first bytes in plain text (RFC 9113 §3.3, prior knowledge).
public struct HTTPServerSession: ~Copyable, StreamSession {
  public typealias Request = HTTPDemand
  public typealias Reply = HTTPAnswer
  public typealias Body = any HTTPContent
  public typealias Event = HTTPEvent

  private enum Choice { case open, http1, http2 }

  private let configuration: HTTPSessionConfiguration
  private var choice: Choice
  private var one: HTTP1ServerSession
  private var two: HTTP2ServerSession?

  public init(_ configuration: HTTPSessionConfiguration) {
    self.configuration = configuration
    one = HTTP1ServerSession(configuration)
    if configuration.applicationProtocol == "h2" {
      choice = .http2
      two = HTTP2ServerSession(configuration)
    } else {
      choice = configuration.isSecure ? .http1 : .open
      two = nil
    }
  }

  public var maximumPendingInput: Int { 131_072 }

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    // An authority that validates a name has seen all it wants in the handshake (RFC 8737 §3).
    if configuration.applicationProtocol == "acme-tls/1" { return actions.close() }
    if choice == .http2 { two?.opened(now: now, into: &actions) } else { one.opened(now: now, into: &actions) }
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    if choice == .open {
      guard let isPreface = HTTP2Settings.isPreface(input) else { return 0 }
      choice = isPreface ? .http2 : .http1
      if isPreface {
        two = HTTP2ServerSession(configuration)
        two?.opened(now: now, into: &actions)
      }
    }
    if choice == .http1 { return one.receive(input, now: now, into: &actions) }
    return two?.receive(input, now: now, into: &actions) ?? input.byteCount
  }

  public mutating func resume(
    _ reply: consuming HTTPAnswer, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    if choice == .http2 {
      two?.resume(reply, for: ticket, now: now, into: &actions)
    } else {
      one.resume(reply, for: ticket, now: now, into: &actions)
    }
  }

  public mutating func timerFired(_ timer: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    if choice == .http2 {
      two?.timerFired(timer, now: now, into: &actions)
    } else {
      one.timerFired(timer, now: now, into: &actions)
    }
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    if choice == .http2 {
      two?.inputClosed(now: now, into: &actions)
    } else {
      one.inputClosed(now: now, into: &actions)
    }
  }

  public mutating func outputDrained(now: MonotonicTime, into actions: inout Actions) {
    if choice == .http2 {
      two?.outputDrained(now: now, into: &actions)
    } else {
      one.outputDrained(now: now, into: &actions)
    }
  }

  public mutating func drain(now: MonotonicTime, into actions: inout Actions) {
    if choice == .http2 { two?.drain(now: now, into: &actions) } else { one.drain(now: now, into: &actions) }
  }
}
