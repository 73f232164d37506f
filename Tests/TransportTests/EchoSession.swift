import NIOCore
import Synchronization
import Transport
import WireKit

/// A small line protocol that uses everything a session can ask of its driver.
///
/// `ECHO x` answers `x` at once; `SLOW x` through an asynchronous request; `FILE a b` sends bytes a..<b of a file; `PUT n`
/// takes n bytes of body and answers their sum; `TIMER` answers `rang` after 50 ms; `STARTTLS`; `FLOOD n` writes n KiB in
/// portions, each after the one before has left; `QUIT`.
struct EchoSession: StreamSession, ~Copyable {
  enum Request: Sendable {
    case echo(String)
    case slow(String)
    case put(Int)
  }

  enum State { case greeting, command, waiting(Ticket), body(Ticket, Int), flooding(Int) }

  let connection: Connection?
  var state = State.greeting
  var framer = LineFramer(maximumLength: 64)
  var tickets: UInt64 = 0
  var isDraining = false

  init(_ connection: Connection? = nil) { self.connection = connection }

  var maximumPendingInput: Int { 256 }

  mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    state = .command
    actions.write("hello \(connection?.tls?.version ?? "plain") \(connection?.peer.address.description ?? "-")\r\n")
  }

  mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
    while consumed < input.byteCount {
      if case .body(let ticket, let rest) = state {
        let count = min(rest, input.byteCount - consumed)
        actions.body(consumed..<consumed + count, for: ticket)
        consumed += count
        state = rest == count ? .waiting(ticket) : .body(ticket, rest - count)
        if rest == count { actions.bodyEnd(for: ticket) }
        continue
      }
      guard case .command = state else { break }
      let rest = input.extracting(consumed..<input.byteCount)
      switch framer.next(in: rest) {
      case .line(let length, let terminator):
        consumed += length + terminator
        let line = String(decoding: rest.extracting(0..<length).copied(), as: UTF8.self)
        if command(line, now: now, into: &actions) { return consumed }
      case .incomplete: return consumed
      case .tooLong, .bareLineEnd:
        actions.write("bad\r\n")
        actions.close()
        return consumed
      }
    }
    return consumed
  }

  /// Returns whether nothing more may be taken now.
  private mutating func command(_ line: String, now: MonotonicTime, into actions: inout Actions) -> Bool {
    let words = line.split(separator: " ").map(String.init)
    let number = words.dropFirst().first.flatMap { Int($0) } ?? 0
    tickets += 1
    let ticket = Ticket(tickets)
    switch words.first {
    case "ECHO": ask(.echo(words.dropFirst().joined(separator: " ")), ticket, .waiting(ticket), &actions)
    case "SLOW": ask(.slow(words.dropFirst().joined(separator: " ")), ticket, .waiting(ticket), &actions)
    case "PUT":
      ask(.put(number), ticket, number > 0 ? .body(ticket, number) : .waiting(ticket), &actions)
      if number == 0 { actions.bodyEnd(for: ticket) }
      return false
    case "FILE":
      actions.write("sending\r\n")
      actions.send((), Int64(number)..<Int64(words.last.flatMap { Int($0) } ?? 0))
      actions.write("\r\nsent\r\n")
    case "FLOOD": flood(number, &actions)
    case "TIMER": actions.setTimer(SessionTimer(1), at: now + .milliseconds(50))
    case "STARTTLS":
      actions.write("go\r\n")
      actions.startTLS()
      return true
    case "QUIT":
      actions.write("bye\r\n")
      actions.close()
    default: actions.write("what?\r\n")
    }
    return false
  }

  private mutating func ask(_ request: Request, _ ticket: Ticket, _ next: State, _ actions: inout Actions) {
    actions.request(request, ticket)
    state = next
  }

  private mutating func flood(_ kilobytes: Int, _ actions: inout Actions) {
    actions.write([UInt8](repeating: 0x78, count: min(kilobytes, 16) * 1024))
    state = kilobytes > 16 ? .flooding(kilobytes - 16) : .command
  }

  mutating func resume(_ reply: consuming String, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions) {
    actions.write(reply + "\r\n")
    state = .command
    if isDraining { actions.close() }
  }

  mutating func timerFired(_ timer: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    actions.write("rang\r\n")
  }

  mutating func outputDrained(now: MonotonicTime, into actions: inout Actions) {
    if case .flooding(let rest) = state { flood(rest, &actions) }
  }

  mutating func tlsEstablished(_ parameters: TLSParameters, now: MonotonicTime, into actions: inout Actions) {
    state = .command
    framer.reset()
  }

  mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    actions.write("eof\r\n")
    actions.close()
  }

  mutating func drain(now: MonotonicTime, into actions: inout Actions) {
    isDraining = true
    if case .command = state {
      actions.write("closing\r\n")
      actions.close()
    }
  }

  typealias Reply = String
  typealias Body = Void
  typealias Event = Never
}

/// Answers `EchoSession`'s requests.
final class EchoHandler: RequestHandler {
  typealias Request = EchoSession.Request
  typealias Reply = String
  typealias Body = Void
  typealias Event = Never

  let file: OpenFile?
  /// Requests under way, and the most there ever were.
  let alive = Mutex((now: 0, most: 0, cancelled: 0))

  init(file: OpenFile? = nil) { self.file = file }

  func answer(_ request: EchoSession.Request, on connection: Connection) -> String? {
    if case .echo(let text) = request { return text }
    return nil
  }

  func handle(_ request: EchoSession.Request, body: RequestBody, on connection: Connection) async -> String {
    alive.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1), $0.cancelled) }
    defer { alive.withLock { $0.now -= 1 } }
    switch request {
    case .echo(let text): return text
    case .slow(let text):
      do {
        try await Task.sleep(for: .milliseconds(text == "forever" ? 600_000 : 20))
        return text
      } catch {
        alive.withLock { $0.cancelled += 1 }
        return "cancelled"
      }
    case .put:
      var sum = 0
      do {
        for try await chunk in body { sum += chunk.readableBytesView.reduce(0) { $0 + Int($1) } }
        return "sum \(sum)"
      } catch {
        alive.withLock { $0.cancelled += 1 }
        return "cut off"
      }
    }
  }

  func source(of body: Void) -> BodySource {
    file.map { .file($0) } ?? .bytes(ByteBuffer(repeating: 0x2E, count: 1024))
  }

  func report(_ event: Never, on connection: Connection) {}
}
