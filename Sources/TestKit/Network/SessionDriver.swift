import WireKit

/// Drives a session without a network: the rules of `StreamSession`, with everything that it does kept for the test to see.
///
/// Tests and fuzzers use it; it also checks the session's side of the contract (consumed counts, body ranges, nothing after
/// close) and traps when that is broken, as a production driver would misbehave then.
public final class SessionDriver<Session: StreamSession & ~Copyable> {
  public typealias Actions = Session.Actions

  public private(set) var session: Session
  /// The time that the session is told.
  public private(set) var now: MonotonicTime
  /// Bytes that the session has written and nobody has taken yet. Bodies that it sends stand in `sent`.
  public private(set) var output: [UInt8] = []
  /// Requests that were not answered yet.
  public private(set) var requests: [(request: Session.Request, ticket: Ticket)] = []
  /// The requests' bodies.
  public private(set) var bodies: [Ticket: [UInt8]] = [:]
  /// Requests whose bodies are complete.
  public private(set) var completedBodies: Set<Ticket> = []
  public private(set) var cancelled: [Ticket] = []
  public private(set) var events: [Session.Event] = []
  /// How the session ended the connection, if it has.
  public private(set) var close: Actions.CloseMode?
  public private(set) var wantsTLS = false
  /// Whether the session waits for the end of TLS.
  public private(set) var endsTLS = false

  /// Answers a request on the spot; `nil` leaves it in `requests`.
  public var answer: (Session.Request) -> Session.Reply?
  /// The bytes of a part of a body that the session sends.
  public var content: (Session.Body, Range<Int64>) -> [UInt8]

  private var input: [UInt8] = []
  private var hasNews = false
  private var timers: [SessionTimer: MonotonicTime] = [:]

  public init(
    _ session: consuming Session, now: MonotonicTime = MonotonicTime(nanoseconds: 1_000_000_000),
    answer: @escaping (Session.Request) -> Session.Reply? = { _ in nil },
    content: @escaping (Session.Body, Range<Int64>) -> [UInt8] = { _, _ in [] }
  ) {
    self.session = session
    self.now = now
    self.answer = answer
    self.content = content
  }

  /// Bytes that wait unconsumed.
  public var pendingCount: Int { input.count }

  /// Whether a driver would still read from the peer.
  public var isReading: Bool { close == nil && !wantsTLS && !endsTLS && input.count <= session.maximumPendingInput }

  /// Begins the connection.
  public func open() { step { session, now, actions in session.opened(now: now, into: &actions) } }

  /// Bytes have come.
  public func receive(_ bytes: some Sequence<UInt8>) {
    input.append(contentsOf: bytes)
    hasNews = true
    settle()
  }

  /// The peer sends nothing more.
  public func closeInput() { step { session, now, actions in session.inputClosed(now: now, into: &actions) } }

  public func drain() { step { session, now, actions in session.drain(now: now, into: &actions) } }

  /// Answers a request that was left open.
  public func resume(_ reply: Session.Reply, for ticket: Ticket) {
    requests.removeAll { $0.ticket == ticket }
    step { session, now, actions in session.resume(reply, for: ticket, now: now, into: &actions) }
  }

  /// The TLS handshake is done.
  public func establishTLS(_ parameters: TLSParameters = TLSParameters(version: "TLSv1.3")) {
    wantsTLS = false
    step { session, now, actions in session.tlsEstablished(parameters, now: now, into: &actions) }
  }

  /// Both sides have ended TLS.
  public func stopTLS() {
    endsTLS = false
    step { session, now, actions in session.tlsStopped(now: now, into: &actions) }
  }

  /// Lets time pass; timers run out on the way, in order.
  public func advance(by duration: Duration) {
    let end = now + duration
    while close == nil, let (timer, time) = timers.min(by: { $0.value < $1.value }), time <= end {
      timers[timer] = nil
      now = max(now, time)
      step { session, now, actions in session.timerFired(timer, now: now, into: &actions) }
    }
    now = end
  }

  /// Takes what was written since the last call.
  public func takeOutput() -> [UInt8] {
    defer { output.removeAll() }
    return output
  }

  /// The time at which the next timer runs out.
  public var nextTimer: MonotonicTime? { timers.values.min() }

  private func step(_ body: (inout Session, MonotonicTime, inout Actions) -> Void) {
    guard close == nil else { return }
    var actions = Actions()
    body(&session, now, &actions)
    perform(actions, offered: nil)
    hasNews = true
    settle()
  }

  private func settle() {
    var wrote = true
    while close == nil, !wantsTLS, !endsTLS, hasNews || wrote {
      if hasNews, !input.isEmpty {
        hasNews = false
        offer()
      } else {
        hasNews = false
        var actions = Actions()
        session.outputDrained(now: now, into: &actions)
        wrote = !actions.isEmpty
        perform(actions, offered: nil)
        // What a session that was sending has left is offered again.
        if wrote, !input.isEmpty { hasNews = true }
      }
    }
  }

  private func offer() {
    var actions = Actions()
    let offered = input
    let consumed = session.receive(offered.span.bytes, now: now, into: &actions)
    precondition((0...offered.count).contains(consumed), "a session consumed what it was not offered")
    input.removeFirst(consumed)
    if wantsTLSNext(actions), !input.isEmpty {
      close = .immediately
      return
    }
    perform(actions, offered: offered)
  }

  private func wantsTLSNext(_ actions: Actions) -> Bool {
    actions.actions.contains {
      switch $0 {
      case .startTLS, .stopTLS: true
      default: false
      }
    }
  }

  private func perform(_ actions: Actions, offered: [UInt8]?) {
    for action in actions.actions where close == nil {
      switch action {
      case .write(let range): output += actions.output[range]
      case .send(let body, let range): output += content(body, range)
      case .body(let range, let ticket):
        guard let offered, range.upperBound <= offered.count else {
          preconditionFailure("a session gave a body range outside of its input")
        }
        bodies[ticket, default: []] += offered[range]
      case .bodyEnd(let ticket): completedBodies.insert(ticket)
      case .request(let request, let ticket): ask(request, ticket)
      case .cancel(let ticket):
        cancelled.append(ticket)
        requests.removeAll { $0.ticket == ticket }
      case .startTLS: wantsTLS = true
      case .stopTLS: endsTLS = true
      case .setTimer(let timer, let time): timers[timer] = time
      case .event(let event): events.append(event)
      case .close(let mode): close = mode
      }
    }
  }

  private func ask(_ request: Session.Request, _ ticket: Ticket) {
    guard let reply = answer(request) else {
      requests.append((request, ticket))
      return
    }
    var actions = Actions()
    session.resume(reply, for: ticket, now: now, into: &actions)
    hasNews = true
    perform(actions, offered: nil)
  }
}
