import HTTPCore
import WireKit

/// Content in memory, for sessions under test.
final class TestContent: HTTPContent {
  let bytes: [UInt8]
  init(_ bytes: [UInt8]) { self.bytes = bytes }
}

/// A stream of pieces that the test hands out itself.
final class TestStream: HTTPContentStream {
  func next(atMost limit: Int) async throws -> [UInt8] { [] }
}

/// Carries out a server session's actions over arrays, by the rules that `StreamSession` states.
final class ServerDriver<Session: StreamSession & ~Copyable>
where
  Session.Request == HTTPDemand, Session.Reply == HTTPAnswer, Session.Body == any HTTPContent,
  Session.Event == HTTPEvent
{
  var session: Session
  var now = MonotonicTime(nanoseconds: 1_000_000_000)
  var output: [UInt8] = []
  var requests: [(request: HTTPRequest, ticket: Ticket)] = []
  /// Tickets whose handler has not answered.
  var alive: Set<Ticket> = []
  var mostAlive = 0
  var cancelled: [Ticket] = []
  var pulls: [Ticket] = []
  var bodies: [Ticket: [UInt8]] = [:]
  var complete: Set<Ticket> = []
  var events: [HTTPEvent] = []
  var isClosed = false
  var timers: [SessionTimer: MonotonicTime] = [:]
  /// Answers at once, or not (`nil`): then the test calls `answer`.
  var respond: (HTTPRequest) -> HTTPReply? = { _ in HTTPReply(.ok, content: .bytes(Array("hi".utf8))) }
  /// Whether output leaves at once.
  var drains = true
  /// Most bytes that were waiting to leave.
  var mostWaiting = 0

  private var pending: [UInt8] = []
  private var hasNews = false
  private var wrote = false
  private var waiting = 0

  init(_ session: consuming Session) {
    self.session = session
    step { session, now, actions in session.opened(now: now, into: &actions) }
  }

  var text: String { String(decoding: output, as: UTF8.self) }

  func feed(_ text: String) { feed(Array(text.utf8)) }

  func feed(_ bytes: [UInt8]) {
    guard !isClosed else { return }
    pending += bytes
    hasNews = true
    run()
  }

  func end() { step { session, now, actions in session.inputClosed(now: now, into: &actions) } }

  func drain() { step { session, now, actions in session.drain(now: now, into: &actions) } }

  func answer(_ ticket: Ticket, _ answer: HTTPAnswer) {
    alive.remove(ticket)
    pulls.removeAll { $0 == ticket }
    hasNews = true
    step { session, now, actions in session.resume(answer, for: ticket, now: now, into: &actions) }
  }

  /// Lets everything that waits leave.
  func release() {
    waiting = 0
    wrote = false
    hasNews = true
    step { session, now, actions in session.outputDrained(now: now, into: &actions) }
  }

  /// Lets time pass, and timers ring.
  func advance(_ duration: Duration) {
    let end = now + duration
    while let next = timers.min(by: { $0.value < $1.value }), next.value <= end {
      now = max(now, next.value)
      timers[next.key] = nil
      step { session, now, actions in session.timerFired(next.key, now: now, into: &actions) }
    }
    now = end
  }

  private func step(_ body: (inout Session, MonotonicTime, inout Session.Actions) -> Void) {
    guard !isClosed else { return }
    var actions = Session.Actions()
    body(&session, now, &actions)
    perform(actions, input: [])
    run()
  }

  private func run() {
    while !isClosed {
      if hasNews, !pending.isEmpty {
        hasNews = false
        var actions = Session.Actions()
        let consumed = session.receive(pending.span.bytes, now: now, into: &actions)
        precondition((0...pending.count).contains(consumed))
        let input = pending
        pending.removeFirst(consumed)
        perform(actions, input: input)
      } else if wrote, drains {
        wrote = false
        waiting = 0
        if !pending.isEmpty { hasNews = true }
        var actions = Session.Actions()
        session.outputDrained(now: now, into: &actions)
        perform(actions, input: [])
      } else {
        return
      }
    }
  }

  private func perform(_ actions: Session.Actions, input: [UInt8]) {
    for action in actions.actions where !isClosed {
      switch action {
      case .write(let range): emit(actions.output[range])
      case .send(let body, let range):
        guard let content = body as? TestContent else { preconditionFailure("foreign content") }
        emit(content.bytes[Int(range.lowerBound)..<Int(range.upperBound)])
      case .body(let range, let ticket): bodies[ticket, default: []] += input[range]
      case .bodyEnd(let ticket): complete.insert(ticket)
      case .request(let demand, let ticket): ask(demand, ticket)
      case .cancel(let ticket): cancelled.append(ticket)
      case .startTLS, .stopTLS: preconditionFailure("HTTP has no STARTTLS")
      case .setTimer(let timer, let time): timers[timer] = time
      case .event(let event): events.append(event)
      case .close: isClosed = true
      }
    }
  }

  private func emit(_ bytes: ArraySlice<UInt8>) {
    output += bytes
    waiting += bytes.count
    mostWaiting = max(mostWaiting, waiting)
    wrote = true
  }

  private func ask(_ demand: HTTPDemand, _ ticket: Ticket) {
    switch demand {
    case .respond(let request):
      requests.append((request, ticket))
      alive.insert(ticket)
      mostAlive = max(mostAlive, alive.count)
      guard let reply = respond(request) else { return }
      alive.remove(ticket)
      var actions = Session.Actions()
      session.resume(.reply(reply), for: ticket, now: now, into: &actions)
      hasNews = true
      perform(actions, input: [])
    case .next, .deliver: pulls.append(ticket)
    }
  }
}

extension ServerDriver where Session == HTTP1ServerSession {
  convenience init(_ limits: HTTPLimits = HTTPLimits()) {
    self.init(HTTP1ServerSession(HTTPSessionConfiguration(limits: limits)))
  }
}

extension ServerDriver where Session == HTTP2ServerSession {
  convenience init(_ limits: HTTPLimits = HTTPLimits()) {
    self.init(HTTP2ServerSession(HTTPSessionConfiguration(limits: limits)))
  }
}
