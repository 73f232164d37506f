/// The list that a session appends to: what its driver shall do, in this order.
///
/// Written bytes gather in one buffer, so that a pipelined batch of requests leaves in one write.
public struct SessionActions<Request: Sendable, Body: Sendable, Event: Sendable>: Sendable {
  /// One thing to do.
  public enum Action: Sendable {
    /// Write these bytes of `output` to the peer.
    case write(Range<Int>)
    /// Send this part of a body, in bytes, after what was written before it.
    case send(Body, Range<Int64>)
    /// These bytes of the input that was just offered belong to the request with this ticket (an upload, a message).
    /// Valid only while the call that produced them is carried out.
    case body(Range<Int>, Ticket)
    /// The body of the request with this ticket is complete.
    case bodyEnd(Ticket)
    /// Ask the outside; `resume` brings the answer.
    case request(Request, Ticket)
    /// Nobody waits for the answer to this request any more (the peer reset its stream).
    case cancel(Ticket)
    /// Once all earlier writes are out, hand the connection to TLS as its server or client. Input that is left over
    /// is an injection and ends the connection (`security.md`, STARTTLS).
    case startTLS
    /// Once all earlier writes are out, end TLS in good order and go on in plain text on the same connection (FTP's CCC).
    /// The session is offered nothing until `tlsStopped`.
    case stopTLS
    /// Call `timerFired` at this time. A later `setTimer` for the same timer replaces it; `nil` takes it back.
    case setTimer(SessionTimer, at: MonotonicTime?)
    /// Report this.
    case event(Event)
    /// End the connection: after all writes have left, or at once.
    case close(CloseMode)
  }

  /// How a connection ends.
  public enum CloseMode: Sendable {
    /// After everything written has been sent.
    case afterWrites
    /// At once; unsent bytes are dropped.
    case immediately
  }

  /// The actions so far.
  public private(set) var actions: [Action] = []
  /// The bytes that `.write` ranges point into.
  public private(set) var output: [UInt8] = []

  public init() {}

  /// Whether nothing is to be done.
  public var isEmpty: Bool { actions.isEmpty }

  /// Writes the bytes that `body` appends to the buffer it is given (and only appends).
  public mutating func write<Failure: Error>(_ body: (inout [UInt8]) throws(Failure) -> Void) throws(Failure) {
    let start = output.count
    defer { noteWritten(from: start) }
    try body(&output)
  }

  /// Writes these bytes.
  public mutating func write(_ bytes: some Sequence<UInt8>) {
    let start = output.count
    output.append(contentsOf: bytes)
    noteWritten(from: start)
  }

  /// Writes the UTF-8 form of a string.
  public mutating func write(_ string: String) { write(string.utf8) }

  /// Writes a constant text.
  public mutating func write(_ string: StaticString) {
    let start = output.count
    string.withUTF8Buffer { output.append(contentsOf: $0) }
    noteWritten(from: start)
  }

  public mutating func send(_ body: Body, _ range: Range<Int64>) { actions.append(.send(body, range)) }
  public mutating func body(_ range: Range<Int>, for ticket: Ticket) { actions.append(.body(range, ticket)) }
  public mutating func bodyEnd(for ticket: Ticket) { actions.append(.bodyEnd(ticket)) }
  public mutating func request(_ request: Request, _ ticket: Ticket) { actions.append(.request(request, ticket)) }
  public mutating func cancel(_ ticket: Ticket) { actions.append(.cancel(ticket)) }
  public mutating func startTLS() { actions.append(.startTLS) }
  public mutating func stopTLS() { actions.append(.stopTLS) }
  public mutating func setTimer(_ timer: SessionTimer, at time: MonotonicTime?) {
    actions.append(.setTimer(timer, at: time))
  }
  public mutating func event(_ event: Event) { actions.append(.event(event)) }
  public mutating func close(_ mode: CloseMode = .afterWrites) { actions.append(.close(mode)) }

  /// Forgets all actions and keeps the memory for the next round.
  public mutating func removeAll() {
    actions.removeAll(keepingCapacity: true)
    output.removeAll(keepingCapacity: true)
  }

  /// Whether a `.close` is among the actions.
  public var closes: Bool {
    actions.contains { if case .close = $0 { true } else { false } }
  }

  private mutating func noteWritten(from start: Int) {
    guard output.count > start else { return }
    if case .write(let range) = actions.last, range.upperBound == start {
      actions[actions.count - 1] = .write(range.lowerBound..<output.count)
    } else {
      actions.append(.write(start..<output.count))
    }
  }
}
