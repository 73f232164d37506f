import WireKit

/// The server's end of an HTTP/1 connection (RFC 9112).
///
/// ```
/// C: GET / HTTP/1.1 CRLF Host: www.lab.test CRLF CRLF
/// S: HTTP/1.1 200 OK CRLF Content-Length: 2 CRLF CRLF hi
/// ```
///
/// Requests are answered one after the other: while one is worked on, the next ones stay in the input. Whatever two
/// readers could see differently is refused, and the connection with it.
public struct HTTP1ServerSession: ~Copyable, StreamSession {
  public typealias Request = HTTPDemand
  public typealias Reply = HTTPAnswer
  public typealias Body = any HTTPContent
  public typealias Event = HTTPEvent

  /// Where the input stands.
  enum Input {
    /// Before or within a head.
    case head
    /// Within the content of the request that is worked on, or was answered early.
    case content(ContentReader)
    /// At the end of a request that is not answered completely.
    case complete
    /// The connection has left HTTP; `isBusy` while the other end takes what came last.
    case tunnel(any HTTPTunnel, isBusy: Bool)
    /// Nothing more is taken.
    case closed
  }

  /// Where the output stands.
  enum Output {
    case idle
    /// A request waits for its reply.
    case awaiting
    /// A reply of known length is on its way.
    case sending(ContentCursor)
    /// A reply is made piece by piece; `asked` while the next piece is awaited.
    case streaming(any HTTPContentStream, asked: Bool)
  }

  static var deadlineTimer: SessionTimer { SessionTimer(0) }
  static var continueTimer: SessionTimer { SessionTimer(1) }
  /// Bytes of a body that are handed over at once; the next follow when they have left.
  static var slice: Int64 { 1 << 20 }

  let configuration: HTTPSessionConfiguration
  var limits: HTTPLimits { configuration.limits }
  var scanner = HeadScanner()
  /// Whether an empty line before the next head was passed over already.
  var passedEmptyLine = false
  var input = Input.head
  var output = Output.idle
  var deadline = Deadline()
  var date: DateField

  /// Number of the present request, or of the last one.
  var number: UInt64 = 0
  var ticket: Ticket { Ticket(number) }
  /// Tickets of pieces have the second half of the numbers, so that none is used twice.
  var pieces: UInt64 = 1 << 63
  /// And those of a tunnel's input the second quarter.
  var deliveries: UInt64 = 1 << 62
  /// And those of replies behind interim ones the second eighth.
  var lates: UInt64 = 1 << 61
  /// The ticket of the reply that is awaited: the request's own, or one behind an interim reply.
  var awaited = Ticket(0)
  var current = Exchange()
  /// Bytes handed over since everything had left for the last time.
  var unsent: Int64 = 0
  var inputEnded = false
  var tunnelEnded = false

  /// What of the present request matters for its reply.
  struct Exchange {
    var method = Method.get
    var version = HTTPVersion.http11
    var keepsAlive = false
    var awaitsContinue = false
    var isChunked = false
    /// The client offers to leave HTTP (RFC 9110 §7.8).
    var mayUpgrade = false
  }

  public init(_ configuration: HTTPSessionConfiguration) {
    self.configuration = configuration
    date = DateField(offset: configuration.dateOffset)
  }

  public var maximumPendingInput: Int { max(limits.head, 65_536) }

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    moveDeadline(now, limits.headTime, "head", &actions)
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
    while true {
      switch self.input {
      case .closed: return input.byteCount
      case .complete: return consumed
      case .tunnel(let tunnel, let isBusy):
        guard !isBusy, consumed < input.byteCount else { return consumed }
        let count = min(input.byteCount - consumed, 65_536)
        deliver(input.extracting(consumed..<(consumed + count)).copied(), to: tunnel, now, &actions)
        return consumed + count
      case .content(var reader):
        guard takeContent(input, &consumed, &reader, now, &actions) else { return consumed }
      case .head:
        guard case .idle = output, unsent <= limits.pendingOutput else { return consumed }
        guard takeHead(input, &consumed, now, &actions) else { return consumed }
      }
    }
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    inputEnded = true
    switch input {
    case .head:
      if case .idle = output { close(&actions) }
    case .content:
      // The rest of the request will never come.
      if case .awaiting = output { actions.cancel(awaited) }
      close(&actions, .immediately)
    case .complete: current.keepsAlive = false
    case .tunnel(let tunnel, false): deliver([], to: tunnel, now, &actions)
    // Told once the tunnel is free.
    case .tunnel(_, true), .closed: break
    }
  }

  public mutating func timerFired(_ timer: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    if timer == Self.continueTimer { return sendContinue(now, &actions) }
    switch deadline.ring(now) {
    case .ignored: break
    case .again(let time): actions.setTimer(Self.deadlineTimer, at: time)
    case .expired: expire(now, &actions)
    }
  }

  public mutating func outputDrained(now: MonotonicTime, into actions: inout Actions) {
    unsent = 0
    if deadline.isRunning("output") { deadline.clear() }
    continueOutput(now, &actions)
  }

  public mutating func resume(
    _ reply: consuming HTTPAnswer, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    switch reply {
    case .reply(let reply):
      guard ticket == awaited, case .awaiting = output else { return }
      write(reply, now, &actions)
    case .piece(let bytes):
      guard ticket.number == pieces, case .streaming(let stream, true) = output else { return }
      output = .streaming(stream, asked: false)
      write(piece: bytes, now, &actions)
    case .delivered:
      guard ticket.number == deliveries, case .tunnel(let tunnel, true) = input else { return }
      input = .tunnel(tunnel, isBusy: false)
      if inputEnded { deliver([], to: tunnel, now, &actions) }
    case .broken:
      if ticket.number == pieces, case .streaming(_, true) = output { close(&actions, .immediately) }
      if ticket == awaited, case .awaiting = output {
        write(HTTPReply(.internalServerError, endsConnection: true), now, &actions)
      }
    }
  }

  public mutating func drain(now: MonotonicTime, into actions: inout Actions) {
    inputEnded = true
    current.keepsAlive = false
    if case .head = input, case .idle = output { close(&actions) }
  }

  /// Hands input to a tunnel. Its end is told once.
  private mutating func deliver(
    _ bytes: [UInt8], to tunnel: any HTTPTunnel, _ now: MonotonicTime, _ actions: inout Actions
  ) {
    if bytes.isEmpty {
      guard !tunnelEnded else { return }
      tunnelEnded = true
    }
    deliveries &+= 1
    input = .tunnel(tunnel, isBusy: true)
    moveDeadline(now, limits.tunnelTime, "tunnel", &actions)
    actions.request(.deliver(bytes, tunnel), Ticket(deliveries))
  }

  // MARK: Ends

  /// Refuses what came and ends the connection: its next byte could mean anything.
  mutating func refuse(_ error: HTTPError, _ now: MonotonicTime, _ actions: inout Actions) {
    actions.event(.refused(error))
    switch output {
    case .awaiting, .idle:
      if case .awaiting = output { actions.cancel(awaited) }
      current.keepsAlive = false
      current.version = .http11
      current.method = .get
      var fields = Fields()
      fields.append(.contentType, "text/plain; charset=utf-8" as StaticString)
      var text: [UInt8] = []
      text.append(error.status == .badRequest ? error.diagnosis : error.status.reason)
      text.append("\n")
      input = .closed
      output = .awaiting
      write(HTTPReply(error.status, fields: fields, content: .bytes(text), endsConnection: true), now, &actions)
    case .sending, .streaming: close(&actions, .immediately)
    }
  }

  mutating func close(_ actions: inout Actions, _ mode: Actions.CloseMode = .afterWrites) {
    if case .streaming(_, true) = output { actions.cancel(Ticket(pieces)) }
    if case .tunnel(_, true) = input { actions.cancel(Ticket(deliveries)) }
    input = .closed
    output = .idle
    deadline.clear()
    actions.close(mode)
  }

  private mutating func expire(_ now: MonotonicTime, _ actions: inout Actions) {
    let kind = deadline.kind
    actions.event(.timedOut(kind.description))
    if kind.utf8Start == ("head" as StaticString).utf8Start, case .head = input, case .idle = output {
      refuse(HTTPError(.requestTimeout, "head not complete in time"), now, &actions)
    } else {
      if case .awaiting = output { actions.cancel(awaited) }
      close(&actions, .immediately)
    }
  }

  mutating func moveDeadline(
    _ now: MonotonicTime, _ duration: Duration, _ kind: StaticString, _ actions: inout Actions
  ) {
    if let time = deadline.move(to: now + duration, kind) { actions.setTimer(Self.deadlineTimer, at: time) }
  }
}
