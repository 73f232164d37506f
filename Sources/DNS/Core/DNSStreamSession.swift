import WireKit

/// DNS over a stream (RFC 1035 §4.2.2, RFC 7766): messages behind a length of two octets, pipelined.
///
/// The server's end. What stands in our zones is answered from memory, in order; what a resolver must find out, transfers,
/// updates and signed requests are asked of the outside, and the replies leave as they come (RFC 7766 §6.2.1.1). The messages
/// of a transfer are made as the peer takes them.
public struct DNSStreamSession: StreamSession, ~Copyable {
  public typealias Request = DNSStreamRequest
  public typealias Reply = DNSReply
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
  private let takesTransactions: Bool
  private let replies: ReplyCache?
  private var tickets: UInt64 = 0
  /// Queries that wait for the outside, transfers included.
  private var pending = 0
  /// Answers of many messages that are under way, the first one first.
  private var transfers: [any MessageSource] = []

  /// Bounds of one connection.
  public struct Limits: Sendable {
    /// Seconds are few enough that idle clients don't fill the server, and enough for a resolver to come back (RFC 7766
    /// §6.2.3 asks for some seconds).
    public var idle: Duration = .seconds(10)
    /// Queries after which the connection ends, so that no client stays for ever.
    public var queries = 100_000_000
    /// Queries of one connection that may wait for the resolver; then the connection is not read from.
    public var pending = 128
    /// How long a peer may take for the next 64 KiB of a transfer.
    public var transfer: Duration = .seconds(60)
    /// Transfers that one connection may have under way.
    public var transfers = 8

    public init() {}
  }

  /// - Parameter isWatched: Whether each exchange is told as an event; only while somebody watches.
  /// - Parameter mayRecurse: Whether names outside of our zones go to the resolver.
  /// - Parameter takesTransactions: Whether transfers, updates, NOTIFY and signed requests are answered by the outside.
  /// - Parameter replies: What the resolver said last, to be repeated without asking it.
  public init(
    responder: Responder, limits: Limits = Limits(), isWatched: Bool = false, mayRecurse: Bool = false,
    takesTransactions: Bool = false, replies: ReplyCache? = nil
  ) {
    self.replies = replies
    self.mayRecurse = mayRecurse
    self.takesTransactions = takesTransactions
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
      answer(input.extracting((consumed + 2)..<end), now, &tally, into: &actions)
      consumed = end
    }
    if tally.queries > 0 {
      actions.event(.answered(tally, since: now))
      if !isEnding { actions.setTimer(Self.idleTimer, at: now + limits.idle) }
    }
    return consumed
  }

  private mutating func answer(
    _ request: RawSpan, _ now: MonotonicTime, _ tally: inout ResponderTally, into actions: inout Actions
  ) {
    queries += 1
    var result: ResponderResult?
    var asks: DNSStreamRequest.Kind?
    var conversation: DNSStreamEvent?
    actions.write { [responder, replies, isWatched, mayRecurse, takesTransactions] (output: inout [UInt8]) in
      let start = output.count
      result = responder.appendReply(to: request, &output)
      if takesTransactions, result?.isTransaction == true {
        asks = .transaction
      } else if mayRecurse, result?.leadsOutside == true {
        asks = .recursion
      }
      if asks != nil {
        output.removeSubrange(start...)
        guard asks == .recursion, let replies, replies.append(replyTo: request, now: now, to: &output) else { return }
        asks = nil
      }
      if isWatched {
        conversation = .exchanged(request.copied(), reply: Array(output[min(start + 2, output.count)...]))
      }
    }
    tally.count(result)
    if let asks {
      tickets += 1
      pending += 1
      actions.request(DNSStreamRequest(asks, request.copied()), Ticket(tickets))
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
    _ reply: consuming DNSReply, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    switch reply {
    case .message(let octets):
      guard let length = UInt16(exactly: octets.count) else { return actions.close(.immediately) }
      actions.write { (output: inout [UInt8]) in
        output.appendInteger(length)
        output.append(contentsOf: octets)
      }
      finished(now, into: &actions)
    case .messages(let source):
      guard transfers.count < limits.transfers else { return actions.close(.immediately) }
      transfers.append(source)
      if transfers.count == 1 { transfer(now, into: &actions) }
    case .none: actions.close(.immediately)
    }
  }

  /// One request of the outside has its whole answer.
  private mutating func finished(_ now: MonotonicTime, into actions: inout Actions) {
    pending -= 1
    if !isEnding { actions.setTimer(Self.idleTimer, at: now + limits.idle) }
    if isEnding, pending == 0 { actions.close(.afterWrites) }
  }

  /// Writes the next messages of the transfer at hand: what fits into a socket's buffer, no more.
  private mutating func transfer(_ now: MonotonicTime, into actions: inout Actions) {
    var written = 0
    while !transfers.isEmpty, written < 65_536 {
      let message: [UInt8]?
      do throws(WireError) { message = try transfers[0].next() } catch { return actions.close(.immediately) }
      guard let message else {
        transfers.removeFirst()
        finished(now, into: &actions)
        continue
      }
      guard let length = UInt16(exactly: message.count) else { return actions.close(.immediately) }
      written += message.count
      actions.write { (output: inout [UInt8]) in
        output.appendInteger(length)
        output.append(contentsOf: message)
      }
    }
    if !transfers.isEmpty { actions.setTimer(Self.idleTimer, at: now + limits.transfer) }
  }

  public mutating func outputDrained(now: MonotonicTime, into actions: inout Actions) {
    if !transfers.isEmpty { transfer(now, into: &actions) }
  }

  public mutating func timerFired(_ timer: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    guard timer == Self.idleTimer else { return }
    // The peer does not take what it asked for.
    guard transfers.isEmpty else {
      actions.event(.idle)
      return actions.close(.immediately)
    }
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

/// What a session asks of the outside.
public struct DNSStreamRequest: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// The name lies outside of our zones.
    case recursion
    /// A transfer, an update, NOTIFY, or anything signed.
    case transaction
  }

  public var kind: Kind
  /// As it stood on the wire.
  public var octets: [UInt8]

  public init(_ kind: Kind, _ octets: [UInt8]) {
    self.kind = kind
    self.octets = octets
  }
}

/// The answer to what takes more than the zones at hand.
public enum DNSReply: Sendable {
  case message([UInt8])
  case messages(any MessageSource)
  /// No answer: over a stream, the connection ends.
  case none

  public init(_ octets: [UInt8]?) { self = octets.map { .message($0) } ?? .none }
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
