import IMAPCore
import NIOCore
import SASLCore
import SASLServer
import Services
import Synchronization
import Transport
import WireKit

/// Answers what IMAP sessions ask, from the store of mail and the directory of accounts.
public final class IMAPRequestHandler: RequestHandler {
  public typealias Request = IMAPRequest
  public typealias Reply = IMAPReply
  public typealias Body = any ContentSource
  public typealias Event = IMAPEvent

  let store: any MailStore
  let context: ServerContext
  let limits: IMAPLimits
  private let conversations = Mutex<[SessionID: Conversation]>([:])

  public init(store: any MailStore, context: ServerContext, limits: IMAPLimits) {
    self.store = store
    self.context = context
    self.limits = limits
  }

  /// A connection begins. What is kept for it goes with `ended`; a request that comes after that finds nothing.
  func began(_ connection: Connection) { conversations.withLock { $0[connection.id] = Conversation() } }

  private func conversation(_ connection: Connection) -> Conversation? {
    conversations.withLock { $0[connection.id] }
  }

  public func ended(_ connection: Connection) {
    let ended = conversations.withLock { $0.removeValue(forKey: connection.id) }
    ended?.end()
  }

  public func source(of body: any ContentSource) -> BodySource {
    switch body {
    case let body as FileContent: .file(body.file)
    case let body as MemoryContent: .bytes(body.buffer)
    default: .bytes(ByteBuffer())
    }
  }

  // MARK: Requests

  public func answer(_ request: IMAPRequest, on connection: Connection) -> IMAPReply? {
    guard let conversation = conversation(connection) else { return nil }
    switch request {
    case .abandonAppend:
      conversation.staging = AppendStaging()
      return .output(CommandOutput(.ok("Forgotten")))
    case .command(.noop, _, let enabled), .command(.check, _, let enabled):
      guard conversation.notification == nil, conversation.contexts.isEmpty, let view = conversation.view,
        let snapshot = store.current(view.id)
      else { return nil }
      var output = CommandOutput(.ok("Done"))
      conversation.view?.observe(snapshot)
      if conversation.view?.hasArrivals == true { return nil }
      output.write { conversation.view?.announce(allowsExpunge: true, enabled, to: &$0) }
      return .output(output)
    default: return nil
    }
  }

  public func handle(_ request: IMAPRequest, body: RequestBody, on connection: Connection) async -> IMAPReply {
    guard let conversation = conversation(connection) else { return .output(CommandOutput(.no("It is over"))) }
    switch request {
    case .authenticate(let question):
      let judge = SASLJudge(
        accounts: context.accounts, service: connection.service, peer: connection.peer,
        isEncrypted: connection.isEncrypted)
      let (answer, identity) = await judge.answer(question)
      if let identity {
        conversation.identity = identity
        context.sessions.update(connection.id, account: identity.name)
      }
      return .authentication(answer)
    default: break
    }
    guard let identity = conversation.identity else {
      return .output(CommandOutput(.bad("Log in first")))
    }
    let executor = CommandExecutor(
      store: store, identity: identity, conversation: conversation, now: context.clock.wallTime(), limits: limits)
    do throws(IMAPFailure) {
      return .output(try await perform(request, body, executor))
    } catch {
      return .output(CommandOutput(error.completion))
    }
  }

  private func perform(
    _ request: IMAPRequest, _ body: RequestBody, _ executor: CommandExecutor
  ) async throws(IMAPFailure) -> CommandOutput {
    switch request {
    case .command(let command, let tag, let enabled):
      var output = try await executor.execute(command, tag: tag, enabled)
      if output.completion != nil { await executor.tellNotifications(enabled, &output) }
      return output
    case .more: return try await executor.continueFetch()
    case .watch(let enabled, let isIdle): return await executor.watch(enabled, isIdle: isIdle)
    case .appendTarget(let name, let replaced, let size):
      try await executor.appendTarget(name, replacing: replaced, size: size)
      return CommandOutput(.ok("Go on"))
    case .stage(let count, let isFirst, let arguments):
      try await executor.stage(count, isFirst: isFirst, arguments, body)
      return CommandOutput(.ok("Staged"))
    case .stageURL(let url, let isFirst, let arguments):
      try await executor.stageURL(url, isFirst: isFirst, arguments)
      return CommandOutput(.ok("Staged"))
    case .append(let enabled): return try await executor.append(enabled)
    case .abandonAppend, .authenticate: return CommandOutput(.ok("Done"))
    }
  }

  // MARK: Events

  public func report(_ event: IMAPEvent, on connection: Connection) {
    switch event {
    case .received(let line, let meaning):
      guard context.events.isWatched(connection.service) else { return }
      tell(.conversation(.received, wire: String(decoding: line, as: UTF8.self), meaning: meaning), connection)
    case .sent(let line):
      guard context.events.isWatched(connection.service) else { return }
      tell(.conversation(.sent, wire: line, meaning: "is how it ended"), connection)
    case .loggedIn(let account, let mechanism):
      emit(.debug, "logged in", connection, account, [.init("mechanism", .string(mechanism))])
    case .logInFailed(let mechanism):
      emit(.debug, "log-in failed", connection, nil, [.init("mechanism", .string(mechanism))])
    case .client(let name, let version):
      emit(.debug, "client", connection, nil, [.init("name", .string(name)), .init("version", .string(version))])
    case .refused(let reason):
      emit(.info, "connection ended by the server", connection, nil, [.init("reason", .string("\(reason)"))])
    }
  }

  private func tell(_ kind: Services.Event.Kind, _ connection: Connection) {
    context.events.emit(
      Services.Event(
        time: context.clock.wallTime(), severity: .debug, kind: kind, message: "IMAP command",
        service: connection.service, session: connection.id, peer: connection.peer))
  }

  private func emit(
    _ severity: Services.Event.Severity, _ message: StaticString, _ connection: Connection, _ account: String?,
    _ fields: [Services.Event.Field]
  ) {
    context.events.emit(
      Services.Event(
        time: context.clock.wallTime(), severity: severity, message: message, service: connection.service,
        session: connection.id, peer: connection.peer, account: account, fields: fields))
  }
}

/// A part of a file that is sent as it is.
final class FileContent: ContentSource {
  let file: OpenFile
  /// What keeps the bytes in place meanwhile.
  private let body: any MessageBody
  init(_ file: OpenFile, _ body: any MessageBody) {
    self.file = file
    self.body = body
  }
}

/// Bytes in memory that are sent as they are.
final class MemoryContent: ContentSource {
  let buffer: ByteBuffer
  init(_ bytes: [UInt8]) { buffer = ByteBuffer(bytes: bytes) }
}
