import WireKit

/// DNS over a stream (RFC 1035 §4.2.2, RFC 7766): messages behind a length of two octets, pipelined.
///
/// The server's end. What stands in our zones is answered from memory, in order; what a resolver must find out is asked of
/// the outside, and its replies leave as they come (RFC 7766 §6.2.1.1).
public struct DNSStreamSession: StreamSession, ~Copyable {
  /// A query for the resolver, as it stood on the wire.
  public typealias Request = [UInt8]
  /// The reply's octets; `nil` ends the connection.
  public typealias Reply = [UInt8]?
  public typealias Body = Never
  public typealias Event = DNSStreamEvent

  /// The time until the next query must have come in full (RFC 7766 §6.2.3, RFC 9210 §4.4).
  public static let idleTimer = SessionTimer(0)

  private var responder: Responder
  private let limits: Limits
  private let isWatched: Bool
  private var queries = 0
  private var isEnding = false
  private let mayRecurse: Bool
  private var tickets: UInt64 = 0
  /// Queries that wait for the resolver.
  private var pending = 0

  /// Bounds of one connection.
  public struct Limits: Sendable {
    /// Seconds are few enough that idle clients don't fill the server, and enough for a resolver to come back (RFC 7766
    /// §6.2.3 asks for some seconds).
    public var idle: Duration = .seconds(10)
    /// Queries after which the connection ends, so that no client stays for ever.
    public var queries = 100_000_000
    /// Queries of one connection that may wait for the resolver; then the connection is not read from.
    public var pending = 128

    public init() {}
  }

  /// - Parameter isWatched: Whether each exchange is told as an event; only while somebody watches.
  /// - Parameter mayRecurse: Whether names outside of our zones go to the resolver.
  public init(responder: Responder, limits: Limits = Limits(), isWatched: Bool = false, mayRecurse: Bool = false) {
    self.mayRecurse = mayRecurse
    self.responder = responder
    self.limits = limits
    self.isWatched = isWatched
  }

  /// Two octets of length and the longest message.
  public var maximumPendingInput: Int { 2 + 65535 }

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    actions.setTimer(Self.idleTimer, at: now + limits.idle)
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
    var tally = ResponderTally()
    responder.refresh()
    while input.byteCount - consumed >= 2, !isEnding, pending < limits.pending {
      let length = Int(UInt16(bigEndian: input.unsafeLoadUnaligned(fromByteOffset: consumed, as: UInt16.self)))
      guard length >= Header.wireLength else {
        isEnding = true
        actions.event(.malformed)
        actions.close(.immediately)
        break
      }
      let end = consumed + 2 + length
      guard end <= input.byteCount else { break }
      answer(input.extracting((consumed + 2)..<end), &tally, into: &actions)
      consumed = end
    }
    if tally.queries > 0 {
      actions.event(.answered(tally, since: now))
      if !isEnding { actions.setTimer(Self.idleTimer, at: now + limits.idle) }
    }
    return consumed
  }

  private mutating func answer(_ request: RawSpan, _ tally: inout ResponderTally, into actions: inout Actions) {
    queries += 1
    var result: ResponderResult?
    var asksResolver = false
    var conversation: DNSStreamEvent?
    actions.write { [responder, isWatched, mayRecurse] (output: inout [UInt8]) in
      let start = output.count
      result = responder.appendReply(to: request, &output)
      if mayRecurse, result?.leadsOutside == true {
        asksResolver = true
        output.removeSubrange(start...)
        return
      }
      if isWatched {
        conversation = .exchanged(request.copied(), reply: Array(output[min(start + 2, output.count)...]))
      }
    }
    tally.count(result)
    if asksResolver {
      tickets += 1
      pending += 1
      actions.request(request.copied(), Ticket(tickets))
    }
    if let conversation { actions.event(conversation) }
    if result == nil {
      // A message that gets no answer means a peer that speaks something else.
      actions.event(.malformed)
      isEnding = true
    }
    if queries >= limits.queries { isEnding = true }
    if isEnding, pending == 0 { actions.close(.afterWrites) }
  }

  public mutating func resume(
    _ reply: consuming [UInt8]?, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    pending -= 1
    guard let reply = reply, let length = UInt16(exactly: reply.count) else { return actions.close(.immediately) }
    actions.write { (output: inout [UInt8]) in
      output.appendInteger(length)
      output.append(contentsOf: reply)
    }
    if !isEnding { actions.setTimer(Self.idleTimer, at: now + limits.idle) }
    if isEnding, pending == 0 { actions.close(.afterWrites) }
  }

  public mutating func timerFired(_ timer: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    guard timer == Self.idleTimer else { return }
    // Not idle: it waits for us.
    guard pending == 0 else { return actions.setTimer(Self.idleTimer, at: now + limits.idle) }
    actions.event(.idle)
    actions.close(.afterWrites)
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    isEnding = true
    if pending == 0 { actions.close(.afterWrites) }
  }
}

/// What a stream session tells.
public enum DNSStreamEvent: Hashable, Sendable {
  /// Requests of one read, answered; they were begun on at this time.
  case answered(ResponderTally, since: MonotonicTime)
  /// One request and its reply, as they stood on the wire without their lengths; only where somebody watches.
  case exchanged([UInt8], reply: [UInt8])
  /// The peer sent what is no query; the connection ends.
  case malformed
  /// Nothing came for too long.
  case idle
}

extension Responder {
  /// Appends the reply to a request that came over a stream, its length before it. `nil`, with nothing appended, when there is
  /// none.
  func appendReply(to request: RawSpan, _ output: inout [UInt8]) -> ResponderResult? {
    let start = output.count
    var room = 4096
    while true {
      // Most replies are small; only what was truncated for lack of room gets the whole 65,535 octets.
      output.append(contentsOf: repeatElement(0, count: 2 + room))
      var result: ResponderResult?
      var count = 0
      output.withUnsafeMutableBytes { bytes in
        var writer = FixedWriter(UnsafeMutableRawBufferPointer(rebasing: bytes[(start + 2)...]).mutableBytes)
        result = respond(to: request, over: .stream, into: &writer)
        count = writer.count
      }
      guard let result else {
        output.removeSubrange(start...)
        return nil
      }
      if result.isTruncated, room < 65535 {
        output.removeSubrange(start...)
        room = 65535
        continue
      }
      output.removeSubrange((start + 2 + count)...)
      output.setInteger(UInt16(truncatingIfNeeded: count), at: start)
      return result
    }
  }
}
