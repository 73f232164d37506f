import ConsoleCore
import Services
import WireKit

/// Carries out console commands: the gate decides who may do what, does what is its own, and asks workers for the rest.
///
/// An account's roles and state are looked up anew for each command, so that what an administrator takes away is gone at
/// once, also from those who are logged in.
public struct GateConsole: Sendable {
  /// Answers a command that is neither a verb of the administration nor a worker's.
  public typealias Handler = @Sendable (ConsoleQuestion, ConsoleCaller) async -> ConsoleAnswer

  /// In whose name a command runs.
  enum Caller: Sendable {
    /// Somebody who logged in through this gate, and by which session.
    case account(String, SessionRecord)
    /// A user of the machine who may open the administrators' socket, and so may do everything.
    case local(String)
  }

  /// How often `| follow` looks, and for how long before it answers all the same: the asker waits no longer than for other answers.
  private static let followPause = Duration.seconds(1)
  private static let followAttempts = 15

  public let tree: CommandTree
  private let administration: GateAdministration
  private let board: WorkerBoard
  private let handlers: [String: Handler]
  private let events: any EventSink
  private let clock: any Clock

  /// `commands`: those of the workers and of the handlers; the administration's are added.
  public init(
    commands: [Command], administration: GateAdministration, board: WorkerBoard, handlers: [String: Handler],
    events: any EventSink, clock: any Clock
  ) {
    tree = CommandTree(AdminVerb.commands + Self.own + commands)
    self.administration = administration
    self.board = board
    self.handlers = handlers
    self.events = events
    self.clock = clock
  }

  /// What the gate knows by itself.
  public static let own: [Command] = [
    Command(
      "show workers", permission: "console:show", "the server's processes, as the gate sees them",
      columns: ["worker", "process", "connected since", "sessions"])
  ]

  /// Carries out a command of the administration pages in the name of an account that logged in there.
  package func perform(_ call: ConsoleCall, account: String, session: SessionRecord) async -> ConsoleAnswer {
    await perform(call, for: .account(account, session))
  }

  func perform(_ call: ConsoleCall, for caller: Caller) async -> ConsoleAnswer {
    guard let token = call.follow else { return await carryOut(call, for: caller) }
    return await follow(call, from: token, for: caller)
  }

  private func carryOut(_ call: ConsoleCall, for caller: Caller) async -> ConsoleAnswer {
    let parsed: ParsedCommand
    do throws(LineError) { parsed = try tree.resolve(call.words) } catch { return .failure(error.message) }
    if let permission = parsed.command.permission {
      if let refusal = await refusal(of: permission, to: caller) {
        report("console command refused", .notice, .audit, parsed, caller, [.init("needs", .string(permission))])
        return .failure(refusal)
      }
    }
    if call.after == nil { report("console command", .info, .log, parsed, caller, []) }
    if let verb = AdminVerb.behind(parsed.command) { return await perform(verb, parsed, call, for: caller) }
    let question = ConsoleQuestion(parsed, after: call.after)
    if let handler = handlers[question.command] { return await handler(question, known(caller)) }
    if question.command == "show workers" { return workers(question) }
    let answer = await board.ask(question) ?? .failure("nothing that runs at the moment can answer this")
    if parsed.command.columns.isEmpty { report(answer, of: question, parsed, caller) }
    return answer
  }

  /// What a worker did because somebody asked for it is for the audit trail, with its values: no command of a worker takes a secret.
  private func report(_ answer: ConsoleAnswer, of question: ConsoleQuestion, _ parsed: ParsedCommand, _ caller: Caller)
  {
    let result =
      switch answer {
      case .done(let text): text
      case .failure(let text): "failed: \(text)"
      default: "done"
      }
    report(
      "console action", .notice, .audit, parsed, caller,
      [.init("values", .string(question.values.joined(separator: " "))), .init("result", .string(result))])
  }

  private func known(_ caller: Caller) -> ConsoleCaller {
    let permits: @Sendable (String) async -> Bool = { permission in await refusal(of: permission, to: caller) == nil }
    return switch caller {
    case .account(let name, let session): ConsoleCaller(name: name, session: session, permits: permits)
    case .local(let name): ConsoleCaller(name: name, session: nil, permits: permits)
    }
  }

  /// The same listing again and again, for `| follow`: the answer waits until its rows differ from those that were told last. One page
  /// of it: whoever follows looks at what is new.
  private func follow(_ call: ConsoleCall, from token: String, for caller: Caller) async -> ConsoleAnswer {
    var call = call
    call.follow = nil
    for attempt in 0..<Self.followAttempts {
      if attempt > 0 {
        do { try await Task.sleep(for: Self.followPause) } catch { break }
      }
      let answer = await carryOut(call, for: caller)
      guard case .listing(var listing) = answer else { return answer }
      let next = FollowToken.of(listing.rows)
      if next != token || attempt == Self.followAttempts - 1 {
        listing.next = next
        return .listing(listing)
      }
    }
    return .failure("interrupted")
  }

  /// Why the caller may not; `nil` when it may.
  private func refusal(of permission: String, to caller: Caller) async -> String? {
    guard case .account(let name, _) = caller else { return nil }
    let account: Account
    do throws(DirectoryError) { account = try await administration.directory.account(name) } catch {
      return error.code == .notFound ? "the account is gone" : "the accounts can't be read at the moment; try again"
    }
    if account.isDisabled || account.expires.map({ $0 <= clock.wallTime() }) ?? false {
      return "the account may do nothing any more"
    }
    let identity = AccountIdentity(
      name: account.name, roles: account.roles,
      permissions: administration.directory.roles.permissions(of: account.roles))
    return identity.permits(permission) ? nil : "not permitted: it needs \(permission)"
  }

  private func perform(
    _ verb: AdminVerb, _ parsed: ParsedCommand, _ call: ConsoleCall, for caller: Caller
  ) async -> ConsoleAnswer {
    var words = Array(parsed.words.dropFirst(parsed.command.words.count))
    let isPaged = verb.pageOption != nil && !parsed.options.contains { $0.name == "limit" }
    if isPaged { words += ["--limit", "\(ConsoleQuestion.pageLength)"] }
    if let page = verb.pageOption, let after = call.after { words += ["--\(page)", after] }
    var request: AdminRequest
    do throws(AdminFailure) { request = try AdminVerb.parse(verb.words + words, now: clock.wallTime()) } catch {
      return .failure(error.message)
    }
    if request.asksForPassword {
      guard let secret = call.secret else { return .secretNeeded(prompt: "New password: ") }
      request = request.answering(Secret(secret.bytes))
    }
    switch await acting(for: caller).perform(request) {
    case .done(let text): return .done(text)
    case .rows(let rows):
      return .listing(Listing(columns: rows.columns, rows: rows.rows, next: isPaged ? rows.next : nil))
    case .secrets(let text, let secrets):
      return .secrets(text, secrets.map { ShownSecret(name: $0.name, value: $0.value) })
    case .failure(let failure): return .failure(failure.message)
    }
  }

  private func acting(for caller: Caller) -> GateAdministration {
    switch caller {
    case .account(let name, let session): administration.acting(as: name, by: session)
    case .local(let name): administration.acting(as: name)
    }
  }

  private func workers(_ question: ConsoleQuestion) -> ConsoleAnswer {
    let sessions = administration.live?.sessions
    let rows = board.list().map { worker in
      [
        worker.name, "\(worker.process)", CivilTime.text(worker.since),
        "\(sessions?.count(owner: worker.connection) ?? 0)",
      ]
    }
    return question.page(["worker", "process", "connected since", "sessions"], rows)
  }

  /// The command's name alone: values may be what nobody else should read, such as a one-time code.
  private func report(
    _ message: StaticString, _ severity: Event.Severity, _ kind: Event.Kind, _ parsed: ParsedCommand, _ caller: Caller,
    _ fields: [Event.Field]
  ) {
    var event = Event(
      time: clock.wallTime(), severity: severity, kind: kind, message: message,
      fields: [.init("command", .string(parsed.command.name))] + fields)
    switch caller {
    case .account(let name, let session):
      (event.account, event.session, event.service, event.peer) = (name, session.id, session.service, session.peer)
    case .local(let name):
      // The trail names whoever it was.
      if kind == .audit { event.account = name } else { event.fields.append(.init("by", .string(name))) }
    }
    events.emit(event)
  }
}
