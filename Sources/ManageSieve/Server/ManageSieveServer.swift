import ManageSieveCore
import NIOCore
import SASLServer
import Services
import SieveCore
import Synchronization
import Transport
import WireKit

/// A ManageSieve server over a folder of scripts. Listeners are the caller's: `StreamListener` with `makeSession` and `handler`.
public final class ManageSieveServer: Sendable {
  public struct Configuration: Sendable {
    public var limits: SieveLimits
    /// Whether log-in over plain text is allowed from loopback and from `plaintextNetworks`.
    public var allowsPlaintext: Bool
    public var plaintextNetworks: [IPNetwork]

    public init(
      limits: SieveLimits = SieveLimits(), allowsPlaintext: Bool = false, plaintextNetworks: [IPNetwork] = []
    ) {
      self.limits = limits
      self.allowsPlaintext = allowsPlaintext
      self.plaintextNetworks = plaintextNetworks
    }
  }

  /// Numbers for the metrics.
  public struct Counters: Sendable {
    public var logIns: UInt64 = 0
    public var scripts: UInt64 = 0
  }

  let context: ServerContext
  let folder: ScriptFolder
  private let current: Mutex<Configuration>
  private let counted = Mutex(Counters())

  public init(context: ServerContext, folder: ScriptFolder, configuration: Configuration) {
    self.context = context
    self.folder = folder
    current = Mutex(configuration)
  }

  public var configuration: Configuration { current.withLock { $0 } }
  public var counters: Counters { counted.withLock { $0 } }
  public var handler: ManageSieveRequestHandler { ManageSieveRequestHandler(server: self) }

  /// Applies to sessions that begin from now on.
  public func reload(_ configuration: Configuration) { current.withLock { $0 = configuration } }

  func count(_ body: (inout Counters) -> Void) { counted.withLock { body(&$0) } }

  public func makeSession(_ connection: Connection, offersTLS: Bool) -> ManageSieveSession {
    let configuration = configuration
    let peer = connection.peer.address
    let allowsPlaintext =
      configuration.allowsPlaintext
      && (peer.isLoopback || configuration.plaintextNetworks.contains { $0.contains(peer) })
    return ManageSieveSession(
      profile: SieveProfile(
        limits: configuration.limits, offersTLS: offersTLS, allowsPlaintext: allowsPlaintext,
        extensions: SieveScript.capabilities, acceptsTokens: context.acceptsTokens), isEncrypted: connection.isEncrypted
    )
  }
}

/// Answers what sessions ask.
public struct ManageSieveRequestHandler: RequestHandler {
  public typealias Request = SieveRequest
  public typealias Reply = SieveAnswer
  public typealias Body = Never
  public typealias Event = SieveEvent

  let server: ManageSieveServer

  private var context: ServerContext { server.context }

  public func handle(_ request: SieveRequest, body: RequestBody, on connection: Connection) async -> SieveAnswer {
    let folder = server.folder
    do throws(ScriptFolder.Failure) {
      switch request {
      case .authenticate(let question):
        let judge = SASLJudge(
          accounts: context.accounts, service: connection.service, peer: connection.peer,
          isEncrypted: connection.isEncrypted)
        return .sasl(await judge.answer(question).answer)
      case .list(let account): return .scripts(try await folder.scripts(of: account))
      case .get(let account, let name): return .content(try await folder.content(of: name, account))
      case .haveSpace(let account, let name, let size):
        try await folder.checkSpace(for: size, as: name, account)
      case .check(let content): try Self.check(content)
      case .put(let account, let name, let content):
        try Self.check(content)
        try await folder.put(content, as: name, account)
        server.count { $0.scripts += 1 }
      case .activate(let account, let name): try await folder.activate(name.isEmpty ? nil : name, account)
      case .delete(let account, let name): try await folder.delete(name, account)
      case .rename(let account, let from, let to): try await folder.rename(from, to: to, account)
      }
      return .reply(.ok)
    } catch { return .reply(reply(to: error, connection)) }
  }

  private static func check(_ content: [UInt8]) throws(ScriptFolder.Failure) {
    guard let text = String(validating: content, as: UTF8.self) else { throw .invalid("line 1: no UTF-8") }
    do throws(SieveScript.Fault) { _ = try SieveScript(text) } catch { throw .invalid(error.description) }
  }

  private func reply(to failure: ScriptFolder.Failure, _ connection: Connection) -> SieveReply {
    switch failure {
    case .invalid(let reason): return SieveReply(.no, reason)
    case .notFound: return SieveReply(.no, "There is no script of this name", code: "NONEXISTENT")
    case .exists: return SieveReply(.no, "There is a script of this name", code: "ALREADYEXISTS")
    case .active: return SieveReply(.no, "The script is active", code: "ACTIVE")
    case .tooMany: return SieveReply(.no, "Too many scripts", code: "QUOTA/MAXSCRIPTS")
    case .tooLarge: return SieveReply(.no, "The script is too long", code: "QUOTA/MAXSIZE")
    case .trouble(let reason):
      tell("filters can't be kept", .error, connection, [.init("reason", .string(reason))])
      return .temporary
    }
  }

  public func report(_ event: SieveEvent, on connection: Connection) {
    switch event {
    case .received(let line): conversation(.received, line, connection)
    case .sent(let line): conversation(.sent, line, connection)
    case .loggedIn(let account):
      server.count { $0.logIns += 1 }
      context.sessions.update(connection.id, account: account)
    case .logInFailed: tell("log-in failed", .info, connection)
    case .foreignProtocol: tell("another protocol was spoken", .notice, connection)
    case .brokenStream: tell("a bare CR or LF, or a line too long, was refused", .notice, connection)
    case .tooManyErrors: tell("too many errors", .notice, connection)
    case .timedOut: tell("timed out", .info, connection)
    case .leftWithoutLogIn:
      context.penalties.report(.noauth, by: connection.peer.address, service: connection.service)
    }
  }

  private func conversation(_ direction: Services.Event.Direction, _ wire: String, _ connection: Connection) {
    guard context.events.isWatched(connection.service) else { return }
    context.events.emit(
      Services.Event(
        time: context.clock.wallTime(), severity: .debug, kind: .conversation(direction, wire: wire, meaning: ""),
        message: "ManageSieve", service: connection.service, session: connection.id, peer: connection.peer))
  }

  private func tell(
    _ message: StaticString, _ severity: Services.Event.Severity, _ connection: Connection,
    _ fields: [Services.Event.Field] = []
  ) {
    context.events.emit(
      Services.Event(
        time: context.clock.wallTime(), severity: severity, message: message, service: connection.service,
        session: connection.id, peer: connection.peer, fields: fields))
  }
}
