import ConsoleCore
import NIOCore
import Services
import TelnetCore
import Transport
import WireKit

/// Answers what Telnet sessions ask: log-ins by the accounts, the rest by the program's owner.
public struct TelnetRequestHandler<Program: TerminalProgram>: RequestHandler {
  public typealias Request = TelnetRequest<Program.Request>
  public typealias Reply = TelnetReply<Program>
  public typealias Body = Never
  public typealias Event = TelnetEvent

  private let context: ServerContext
  private let makeProgram: @Sendable (AccountIdentity, Connection) -> Program
  private let perform: @Sendable (Program.Request, Connection) async -> Program.Reply

  /// `makeProgram`: what somebody who has logged in gets. `perform`: answers what that asks.
  public init(
    context: ServerContext, makeProgram: @escaping @Sendable (AccountIdentity, Connection) -> Program,
    perform: @escaping @Sendable (Program.Request, Connection) async -> Program.Reply
  ) {
    self.context = context
    self.makeProgram = makeProgram
    self.perform = perform
  }

  public func handle(_ request: Request, body: RequestBody, on connection: Connection) async -> Reply {
    switch request {
    case .program(let request, let number): return .program(await perform(request, connection), number: number)
    case .logIn(let attempt): return await logIn(attempt, connection)
    }
  }

  private func logIn(_ attempt: LogInDialogue.Attempt, _ connection: Connection) async -> Reply {
    let password = Secret(attempt.password.bytes)
    let credential: LogInAttempt.Credential =
      attempt.code.map { .passwordAndCode(password, code: Secret($0.bytes)) } ?? .password(password)
    do throws(ServiceUnavailable) {
      let result = try await context.accounts.authenticate(
        LogInAttempt(
          name: attempt.name, credential: credential, service: connection.service, peer: connection.peer,
          isEncrypted: connection.isEncrypted))
      switch result {
      case .granted(let identity):
        context.sessions.update(connection.id, account: identity.name)
        return .granted(makeProgram(identity, connection), account: identity.name)
      case .denied: return .denied
      case .codeNeeded: return .codeNeeded
      case .penalised(let seconds): return .penalised(seconds: seconds)
      }
    } catch { return .unavailable }
  }

  public func report(_ event: Event, on connection: Connection) {
    switch event {
    case .heard(let words): watch(.received, words, connection)
    case .said(let words): watch(.sent, words, connection)
    case .loggedIn(let account):
      if !connection.isEncrypted {
        emit(.warning, "console in plain text", connection, account)
      } else {
        emit(.info, "console opened", connection, account)
      }
    // The gate itself has told of it.
    case .logInRefused: break
    case .ended(let reason):
      let field = Services.Event.Field("reason", .string(reason.rawValue))
      emit(.notice, "connection ended", connection, nil, [field])
    }
  }

  private func watch(_ direction: Services.Event.Direction, _ words: String, _ connection: Connection) {
    context.events.emit(
      Services.Event(
        time: context.clock.wallTime(), severity: .debug,
        kind: .conversation(direction, wire: "IAC \(words)", meaning: TelnetMeaning.of(words)), message: "telnet",
        service: connection.service, session: connection.id, peer: connection.peer))
  }

  private func emit(
    _ severity: Services.Event.Severity, _ message: StaticString, _ connection: Connection, _ account: String?,
    _ fields: [Services.Event.Field] = []
  ) {
    context.events.emit(
      Services.Event(
        time: context.clock.wallTime(), severity: severity, message: message, service: connection.service,
        session: connection.id, peer: connection.peer, account: account, fields: fields))
  }
}

/// What a negotiation means, for those who watch.
enum TelnetMeaning {
  private static let options: [String: String] = [
    "BINARY": "all eight bits, no line ends", "ECHO": "showing what is typed", "SGA": "no go-ahead after each turn",
    "STATUS": "telling which options are on", "TIMING-MARK": "a mark in the stream", "TTYPE": "the terminal's type",
    "EOR": "a mark at the end of each prompt", "NAWS": "the window's size", "TSPEED": "the terminal's speed",
    "LFLOW": "flow control by the client", "LINEMODE": "the client edits lines", "XDISPLOC": "an X display",
    "ENVIRON": "environment variables (old)", "NEW-ENVIRON": "environment variables", "CHARSET": "the character set",
    "START-TLS": "TLS from here on", "EXOPL": "options beyond 255",
  ]

  private static let verbs: [String: String] = [
    "WILL": "offers or does it itself", "WONT": "does not do it", "DO": "wants the other side to",
    "DONT": "wants the other side not to", "SB": "tells of",
  ]

  private static let commands: [String: String] = [
    "AYT": "are you there?", "IP": "stop what runs", "AO": "stop the output", "BRK": "the break key",
    "DM": "the mark of a Synch", "EC": "erase a character", "EL": "erase the line", "NOP": "nothing",
    "GA": "your turn", "EOR": "end of record", "EOF": "end of input", "SUSP": "suspend", "ABORT": "abort",
  ]

  static func of(_ words: String) -> String {
    let parts = words.split(separator: " ").map(String.init)
    guard parts.count > 1, let verb = verbs[parts[0]] else { return commands[words] ?? words }
    return "\(verb): \(options[parts[1]] ?? parts[1...].joined(separator: " "))"
  }
}
