import WireKit

/// The client's end of a connection that speaks HTTP/1 or HTTP/2, whichever was agreed on before it began.
public struct HTTPClientSession: ~Copyable, StreamSession {
  public typealias Request = ClientDemand
  public typealias Reply = ClientCommand
  public typealias Body = Never
  public typealias Event = ClientEvent

  private var one: HTTP1ClientSession?
  private var two: HTTP2ClientSession?

  public init(isHTTP2: Bool, limits: HTTPLimits = HTTPLimits()) {
    one = isHTTP2 ? nil : HTTP1ClientSession(limits: limits)
    two = isHTTP2 ? HTTP2ClientSession(limits: limits) : nil
  }

  public var maximumPendingInput: Int { 131_072 }

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    one?.opened(now: now, into: &actions)
    two?.opened(now: now, into: &actions)
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    if let consumed = one?.receive(input, now: now, into: &actions) { return consumed }
    return two?.receive(input, now: now, into: &actions) ?? input.byteCount
  }

  public mutating func resume(
    _ reply: consuming ClientCommand, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    let reply = reply
    one?.resume(reply, for: ticket, now: now, into: &actions)
    two?.resume(reply, for: ticket, now: now, into: &actions)
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    one?.inputClosed(now: now, into: &actions)
    two?.inputClosed(now: now, into: &actions)
  }

  public mutating func outputDrained(now: MonotonicTime, into actions: inout Actions) {
    one?.outputDrained(now: now, into: &actions)
    two?.outputDrained(now: now, into: &actions)
  }
}
