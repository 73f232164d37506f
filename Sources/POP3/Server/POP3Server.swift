import NIOCore
import POP3Core
import SASLServer
import Services
import Synchronization
import Transport
import WireKit

/// A POP3 server over a store of mail. Listeners are the caller's: `StreamListener` with `makeSession` and `handler`.
public final class POP3Server: Sendable {
  public struct Configuration: Sendable {
    public var hostname: String
    public var limits: POP3Limits
    /// Whether log-in over plain text is allowed from loopback and from `plaintextNetworks`.
    public var allowsPlaintext: Bool
    public var plaintextNetworks: [IPNetwork]

    public init(
      hostname: String, limits: POP3Limits = POP3Limits(), allowsPlaintext: Bool = false,
      plaintextNetworks: [IPNetwork] = []
    ) {
      self.hostname = hostname
      self.limits = limits
      self.allowsPlaintext = allowsPlaintext
      self.plaintextNetworks = plaintextNetworks
    }
  }

  /// Numbers for the metrics.
  public struct Counters: Sendable {
    public var logIns: UInt64 = 0
    public var retrieved: UInt64 = 0
    public var deleted: UInt64 = 0
  }

  let context: ServerContext
  let store: any MailStore
  private let current: Mutex<Configuration>
  private let counted = Mutex(Counters())
  /// When accounts were here last, where they must wait between two log-ins.
  private let lastLogIns = Mutex<[String: MonotonicTime]>([:])

  public init(context: ServerContext, store: any MailStore, configuration: Configuration) {
    self.context = context
    self.store = store
    current = Mutex(configuration)
  }

  public var configuration: Configuration { current.withLock { $0 } }
  public var counters: Counters { counted.withLock { $0 } }
  public var handler: POP3RequestHandler { POP3RequestHandler(server: self) }

  /// Applies to sessions that begin from now on.
  public func reload(_ configuration: Configuration) { current.withLock { $0 = configuration } }

  /// Whether an account may log in now; notes that it did.
  func mayLogIn(_ account: String) -> Bool {
    let delay = configuration.limits.logInDelay
    guard delay > .zero else { return true }
    let now = context.clock.now()
    return lastLogIns.withLock { last in
      if let before = last[account], now - before < delay { return false }
      if last.count > 10_000 { last = last.filter { now - $0.value < delay } }
      last[account] = now
      return true
    }
  }

  func count(_ body: (inout Counters) -> Void) { counted.withLock { body(&$0) } }

  public func makeSession(_ connection: Connection, offersTLS: Bool) -> POP3ServerSession {
    let configuration = configuration
    let peer = connection.peer.address
    let allowsPlaintext =
      configuration.allowsPlaintext
      && (peer.isLoopback || configuration.plaintextNetworks.contains { $0.contains(peer) })
    return POP3ServerSession(
      profile: POP3Profile(
        hostname: configuration.hostname, limits: configuration.limits, offersTLS: offersTLS,
        allowsPlaintext: allowsPlaintext, acceptsTokens: context.acceptsTokens), isEncrypted: connection.isEncrypted)
  }
}

/// The inbox of an account as it was when its session began.
final class StoredMaildrop: Maildrop {
  /// Marks what was fetched, where fetched messages expire.
  static let retrievedKeyword = "$POP3Retrieved"

  let account: String
  let snapshot: MailboxSnapshot
  private let store: any MailStore
  /// The message that is being read.
  private let open = Mutex<(index: Int, body: any MessageBody)?>(nil)

  init(account: String, snapshot: MailboxSnapshot, store: any MailStore) {
    self.account = account
    self.snapshot = snapshot
    self.store = store
  }

  var count: Int { snapshot.messages.count }

  func size(of index: Int) -> Int64 { snapshot.messages[index].size }

  /// UIDVALIDITY and UID: no message of this account's inbox ever had the same, or will.
  func uniqueID(of index: Int) -> String { "\(snapshot.mailbox.uidValidity).\(snapshot.messages[index].uid)" }

  func body(of index: Int) throws(StoreError) -> any MessageBody {
    if let (current, body) = open.withLock({ $0 }), current == index { return body }
    let body = try store.body(of: snapshot.messages[index])
    open.withLock { $0 = (index, body) }
    return body
  }
}

/// Answers what sessions ask.
public struct POP3RequestHandler: RequestHandler {
  public typealias Request = POP3Request
  public typealias Reply = POP3Answer
  public typealias Body = Never
  public typealias Event = POP3Event

  let server: POP3Server

  private var context: ServerContext { server.context }

  public func handle(_ request: POP3Request, body: RequestBody, on connection: Connection) async -> POP3Answer {
    do throws(StoreError) {
      switch request {
      case .authenticate(let question):
        let judge = SASLJudge(
          accounts: context.accounts, service: connection.service, peer: connection.peer,
          isEncrypted: connection.isEncrypted)
        return .sasl(await judge.answer(question).answer)
      case .open(let account):
        guard server.mayLogIn(account) else { return .failed(.tooEarly) }
        let inbox = try await server.store.inbox(of: account)
        let snapshot = try await server.store.snapshot(of: inbox.id)
        return .maildrop(StoredMaildrop(account: account, snapshot: snapshot, store: server.store))
      case .read(let maildrop, let transfer, let maximum):
        guard let maildrop = maildrop as? StoredMaildrop else { return .failed(.unavailable) }
        let body = try maildrop.body(of: transfer.index)
        let end = min(body.size, transfer.offset + Int64(maximum))
        let bytes = try body.bytes(transfer.offset..<end)
        if end >= body.size { server.count { $0.retrieved += 1 } }
        return .piece(bytes, isEnd: end >= body.size)
      case .update(let maildrop, let indices, let retrieved):
        guard let maildrop = maildrop as? StoredMaildrop else { return .failed(.unavailable) }
        var uids = UIDSet(indices.map { maildrop.snapshot.messages[$0].uid })
        if let days = server.configuration.limits.expireAfterDays {
          uids = uids.union(try await expired(maildrop, retrieved, days))
        }
        if uids.isEmpty { return .updated }
        // What another session has expunged meanwhile is gone already, as was wanted.
        _ = try await server.store.expunge(uids, of: maildrop.snapshot.mailbox.id, onlyDeleted: false)
        let count = uids.count
        server.count { $0.deleted += UInt64(count) }
        return .updated
      }
    } catch {
      context.events.emit(
        Services.Event(
          time: context.clock.wallTime(), severity: .error, message: "the store of mail failed",
          service: connection.service, session: connection.id, peer: connection.peer,
          fields: [.init("reason", .string("\(error)"))]))
      return .failed(.unavailable)
    }
  }

  /// Messages that were fetched, now or in an earlier session, and have been here for so many days. What was fetched and stays is marked.
  private func expired(
    _ maildrop: StoredMaildrop, _ retrieved: [Int], _ days: Int
  ) async throws(StoreError) -> UIDSet {
    let limit = context.clock.wallTime().seconds - Int64(days) * 86_400
    let mark = maildrop.snapshot.mailbox.index(ofKeyword: StoredMaildrop.retrievedKeyword)
    let fetched = Set(retrieved)
    var expired = UIDSet()
    var marked = UIDSet()
    maildrop.snapshot.messages.forEach { index, message in
      let isMarked = mark.map { message.keywords.contains(index: $0) } ?? false
      guard isMarked || fetched.contains(index) else { return true }
      if message.saveSeconds <= limit {
        expired.insert(message.uid)
      } else if !isMarked {
        marked.insert(message.uid)
      }
      return true
    }
    if !marked.isEmpty {
      let change = FlagChange(.add, [], keywords: [StoredMaildrop.retrievedKeyword])
      _ = try await server.store.store(change, to: marked, of: maildrop.snapshot.mailbox.id)
    }
    return expired
  }

  public func report(_ event: POP3Event, on connection: Connection) {
    switch event {
    case .received(let line): conversation(.received, line, connection)
    case .sent(let reply): conversation(.sent, reply.description, connection)
    case .loggedIn(let account):
      server.count { $0.logIns += 1 }
      context.sessions.update(connection.id, account: account)
    case .logInFailed: tell("log-in failed", .info, connection)
    case .foreignProtocol: tell("another protocol was spoken", .notice, connection)
    case .bareLineEnd: tell("a bare CR or LF, or a line too long, was refused", .notice, connection)
    case .tooManyErrors: tell("too many errors", .notice, connection)
    case .timedOut: tell("timed out", .info, connection)
    case .leftWithoutLogIn:
      context.penalties.report(.noauth, by: connection.peer.address, service: connection.service)
    case .updated(let account, let deleted):
      tell("messages were deleted", .info, connection, account, [.init("messages", .integer(Int64(deleted)))])
    }
  }

  private func conversation(_ direction: Services.Event.Direction, _ wire: String, _ connection: Connection) {
    guard context.events.isWatched(connection.service) else { return }
    context.events.emit(
      Services.Event(
        time: context.clock.wallTime(), severity: .debug,
        kind: .conversation(direction, wire: wire, meaning: POP3Meaning.of(wire, direction)), message: "POP3",
        service: connection.service, session: connection.id, peer: connection.peer))
  }

  private func tell(
    _ message: StaticString, _ severity: Services.Event.Severity, _ connection: Connection, _ account: String? = nil,
    _ fields: [Services.Event.Field] = []
  ) {
    context.events.emit(
      Services.Event(
        time: context.clock.wallTime(), severity: severity, message: message, service: connection.service,
        session: connection.id, peer: connection.peer, account: account, fields: fields))
  }
}

extension POP3Reply {
  static let tooEarly = POP3Reply(error: "This account was here only just now", code: "LOGIN-DELAY")
  static let unavailable = POP3Reply(error: "The mailbox can't be reached; try again later", code: "SYS/TEMP")
}

/// What a line means, for those who watch.
enum POP3Meaning {
  private static let verbs: [Verb: String] = [
    .user: "the account's name", .pass: "its password, masked", .auth: "log-in by SASL", .stls: "TLS is to begin",
    .utf8: "messages may hold UTF-8 in their headers", .capa: "what can you do?", .lang: "the language of answers",
    .quit: "the end; what was marked is deleted now", .stat: "how many messages, how many octets?",
    .list: "the size of each message", .retr: "a whole message", .dele: "mark a message to be deleted",
    .noop: "nothing, to stay alive", .rset: "take all marks back", .top: "a header and some lines",
    .uidl: "the lasting name of each message",
  ]

  static func of(_ wire: String, _ direction: Services.Event.Direction) -> String {
    if direction == .sent { return wire.hasPrefix("+OK") ? "done" : "refused" }
    let word = wire.split(separator: " ").first.map { $0.uppercased() } ?? ""
    return Verb(rawValue: word).flatMap { verbs[$0] } ?? ""
  }
}
