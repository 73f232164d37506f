import WireKit

/// What a client's session tells its owner, who answers with the next step.
public enum FTPClientNews: Hashable, Sendable {
  /// A whole reply, the greeting first.
  case reply(FTPReply)
  /// The TLS handshake is done.
  case secured(TLSParameters)
}

/// What the owner wants done.
public enum FTPClientStep: Hashable, Sendable {
  /// Send this, and wait for the reply.
  case send(FTPCommand)
  /// Wait for the next reply: the one behind a preliminary one.
  case wait
  /// Begin TLS: AUTH was granted.
  case startTLS
  case close
}

/// What a client's session tells about itself.
public enum FTPClientEvent: Hashable, Sendable {
  /// Masked.
  case sent(String)
  case received(FTPReply)
  /// What came was no reply.
  case malformed
}

/// The client's end of a control connection: replies put together, commands sent one at a time.
public struct FTPClientSession: ~Copyable, StreamSession {
  public typealias Request = FTPClientNews
  public typealias Reply = FTPClientStep
  public typealias Body = Never
  public typealias Event = FTPClientEvent
  public typealias Actions = SessionActions<FTPClientNews, Never, FTPClientEvent>

  /// Bytes of a reply's line; servers that tell paths need some.
  static let lineLength = 8 * 1024

  public var maximumPendingInput: Int { Self.lineLength * 2 }
  private var framer = LineFramer(maximumLength: lineLength, lineEnd: .lenient)
  private var parser = FTPReplyParser()
  private var ticket = Ticket(0)
  /// Whether the owner is to say what comes next.
  private var isAsking = false

  public init() {}

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {}

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
    while !isAsking, !actions.closes {
      let rest = input.extracting(consumed..<input.byteCount)
      switch framer.next(in: rest) {
      case .incomplete: return consumed
      case .tooLong, .bareLineEnd:
        fail(&actions)
        return input.byteCount
      case .line(let length, let terminator):
        do throws(WireError) {
          if let reply = try parser.add(rest.extracting(0..<length)) {
            actions.event(.received(reply))
            ask(.reply(reply), &actions)
          }
        } catch {
          fail(&actions)
          return input.byteCount
        }
        consumed += length + terminator
      }
    }
    return consumed
  }

  public mutating func resume(
    _ step: consuming FTPClientStep, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    guard ticket == self.ticket else { return }
    isAsking = false
    switch step {
    case .send(let command):
      actions.event(.sent(command.masked))
      actions.write(command.line)
    case .wait: break
    case .startTLS: actions.startTLS()
    case .close: actions.close()
    }
  }

  public mutating func tlsEstablished(
    _ parameters: TLSParameters, now: MonotonicTime, into actions: inout Actions
  ) {
    framer = LineFramer(maximumLength: Self.lineLength, lineEnd: .lenient)
    parser = FTPReplyParser()
    ask(.secured(parameters), &actions)
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) { actions.close() }

  private mutating func ask(_ news: FTPClientNews, _ actions: inout Actions) {
    ticket = Ticket(ticket.number + 1)
    isAsking = true
    actions.request(news, ticket)
  }

  private mutating func fail(_ actions: inout Actions) {
    actions.event(.malformed)
    actions.close(.immediately)
  }
}
