import ConsoleCore
import NIOCore
import Services
import Synchronization
import WireKit

/// One worker or command line, connected to the gate.
///
/// Messages come in on the channel's event loop; replies and pushes go out from anywhere, always by way of the event loop,
/// in the order in which they were given.
final class GateConnection: Sendable {
  /// Requests of one connection that may be in work at once.
  static let maximumRequests = 1024
  /// Bytes that may wait to be read by the other side before it is cut off: it hangs, and comes back anew.
  static let maximumOutstanding = 16 << 20
  /// Bytes that may wait before watched events are left out.
  static let maximumOutstandingForWatch = 1 << 20
  /// Identities in one message: each a chain and a key, far below the frame's limit together.
  static let identitiesPerMessage = 8
  static let penaltiesPerMessage = 4096

  private struct State {
    var name = ""
    var takesPushes = false
    var isClosed = false
    var requests = 0
    var penaltyFollower: UInt64?
    var watchFollower: UInt64?
    var watchers: [UInt64] = []
    var unseen = 0
    var metrics: [UInt64: CheckedContinuation<String?, Never>] = [:]
    var questions: [UInt64: CheckedContinuation<ConsoleAnswer?, Never>] = [:]
    var grants = ConsoleGrants()
    var nextMetrics: UInt64 = 0
  }

  let number: UInt64
  /// When the other side connected.
  let since: WallTime
  private let channel: any Channel
  private let peer: PeerCredentials
  private let parts: GateParts
  private let allowsAdministration: Bool
  private let outstanding = Atomic<Int>(0)
  private let state = Mutex(State())

  init(
    number: UInt64, channel: any Channel, peer: PeerCredentials, parts: GateParts, allowsAdministration: Bool
  ) {
    self.number = number
    since = parts.clock.wallTime()
    self.channel = channel
    self.peer = peer
    self.parts = parts
    self.allowsAdministration = allowsAdministration
  }

  /// The worker's name, once it has said hello and takes pushes.
  var workerName: String? { state.withLock { $0.takesPushes && !$0.isClosed ? $0.name : nil } }

  var processID: Int32 { peer.processID }

  func send(_ message: ServerMessage) {
    guard let frame = Frame.encode(message) else {
      if case .reply(let id, _) = message { send(.reply(id: id, .unavailable("the answer is too long"))) }
      return
    }
    let count = frame.readableBytes
    let waiting = outstanding.add(count, ordering: .relaxed).newValue
    guard waiting <= Self.maximumOutstanding else { return close() }
    channel.eventLoop.execute { [self] in
      channel.writeAndFlush(frame).whenComplete { _ in
        self.outstanding.subtract(count, ordering: .relaxed)
      }
    }
  }

  func close() { channel.close(promise: nil) }

  /// Takes a message; on the event loop. Before `hello` nothing else is taken.
  func receive(_ message: ClientMessage) {
    if case .hello(let name, let takesPushes) = message { return welcome(name, takesPushes) }
    guard state.withLock({ !$0.name.isEmpty }) else { return close() }
    switch message {
    case .hello: break
    case .request(let id, let request): answer(request, id)
    case .openSession(let record):
      parts.sessions.open(record, owner: number) { [weak self] in self?.send(.endSession(record.id)) }
    case .updateSession(let id, let account): parts.sessions.update(id, account: account, owner: number)
    case .closeSession(let id):
      if let record = parts.sessions.record(id, owner: number) { state.withLock { $0.grants.forget(record.peer) } }
      parts.sessions.close(id, owner: number)
    case .misbehaviour(let misbehaviour, let source, let service):
      parts.penalties.report(misbehaviour, by: source, service: service)
    case .events(let events): for event in events { parts.events.emit(event) }
    case .metrics(let id, let text):
      state.withLock { $0.metrics.removeValue(forKey: id) }?.resume(returning: text)
    case .answer(let id, let answer):
      state.withLock { $0.questions.removeValue(forKey: id) }?.resume(returning: answer)
    }
  }

  /// The connection is gone: what it held is given back.
  func closed() {
    let last = state.withLock { state in
      defer { (state.metrics, state.questions, state.watchers) = ([:], [:], []) }
      state.isClosed = true
      return state
    }
    for waiting in last.metrics.values { waiting.resume(returning: nil) }
    for waiting in last.questions.values { waiting.resume(returning: nil) }
    for watcher in last.watchers { parts.watch.remove(watcher) }
    if let follower = last.penaltyFollower { parts.penalties.unfollow(follower) }
    if let follower = last.watchFollower { parts.watch.unfollow(follower) }
    parts.sessions.closeAll(owner: number)
  }

  func push(_ identities: [TLSIdentity]) {
    guard workerName != nil else { return }
    let groups = stride(from: 0, to: max(1, identities.count), by: Self.identitiesPerMessage)
    for start in groups {
      let part = Array(identities.dropFirst(start).prefix(Self.identitiesPerMessage))
      let isLast = start + Self.identitiesPerMessage >= identities.count
      send(.identities(part, isFirst: start == 0, isLast: isLast))
    }
  }

  /// The worker's metrics; `nil` when it does not answer in time.
  func collectMetrics(timeLimit: TimeAmount) async -> String? {
    await withCheckedContinuation { continuation in
      let id = state.withLock { state -> UInt64? in
        guard !state.isClosed else { return nil }
        state.nextMetrics += 1
        state.metrics[state.nextMetrics] = continuation
        return state.nextMetrics
      }
      guard let id else { return continuation.resume(returning: nil) }
      send(.collectMetrics(id: id))
      channel.eventLoop.scheduleTask(in: timeLimit) { [self] in
        state.withLock { $0.metrics.removeValue(forKey: id) }?.resume(returning: nil)
      }
    }
  }

  /// The worker's answer to a console command; `nil` when it knows none, or does not answer in time.
  func ask(_ question: ConsoleQuestion, timeLimit: TimeAmount) async -> ConsoleAnswer? {
    await withCheckedContinuation { continuation in
      let id = state.withLock { state -> UInt64? in
        guard !state.isClosed else { return nil }
        state.nextMetrics += 1
        state.questions[state.nextMetrics] = continuation
        return state.nextMetrics
      }
      guard let id else { return continuation.resume(returning: nil) }
      send(.ask(id: id, question))
      channel.eventLoop.scheduleTask(in: timeLimit) { [self] in
        state.withLock { $0.questions.removeValue(forKey: id) }?.resume(returning: nil)
      }
    }
  }

  private func welcome(_ name: String, _ takesPushes: Bool) {
    let isFirst = state.withLock { state in
      guard state.name.isEmpty, !name.isEmpty, name.utf8.count <= 64 else { return false }
      state.name = name
      state.takesPushes = takesPushes
      return true
    }
    guard isFirst else { return close() }
    send(.welcome)
    guard takesPushes else { return }
    let settings = parts.penalties.settings
    let penaltyFollower = parts.penalties.follow { [clock = parts.clock] entries in
      sendPenalties(entries.map { ($0.source, $0.end - clock.now()) }, isReset: true, settings)
    } change: { [weak self, clock = parts.clock] changes in
      let now = clock.now()
      let entries = changes.map { change -> (IPNetwork, Duration?) in
        switch change {
        case .enforced(let source, let end): (source, end - now)
        case .lifted(let source): (source, nil)
        }
      }
      self?.sendPenalties(entries, isReset: false, settings)
    }
    let watchFollower = parts.watch.follow { [weak self] watched in self?.send(.watched(watched)) }
    state.withLock { ($0.penaltyFollower, $0.watchFollower) = (penaltyFollower, watchFollower) }
  }

  private func sendPenalties(_ entries: [(IPNetwork, Duration?)], isReset: Bool, _ settings: PenaltySettings) {
    for start in stride(from: 0, to: max(1, entries.count), by: Self.penaltiesPerMessage) {
      let part = entries.dropFirst(start).prefix(Self.penaltiesPerMessage).map { source, left in
        PenaltyUpdate.Entry(
          source: source,
          nanosecondsLeft: left.map {
            $0.components.seconds * 1_000_000_000 + $0.components.attoseconds / 1_000_000_000
          })
      }
      send(
        .penalties(
          PenaltyUpdate(
            isReset: isReset && start == 0, prefixLengthV4: settings.prefixLengthV4,
            prefixLengthV6: settings.prefixLengthV6, entries: part)))
    }
  }

  private func answer(_ request: GateRequest, _ id: UInt64) {
    let mayStart = state.withLock { state in
      guard state.requests < Self.maximumRequests else { return false }
      state.requests += 1
      return true
    }
    guard mayStart else { return send(.reply(id: id, .unavailable("too many requests at once"))) }
    Task {
      let reply = await reply(to: request)
      state.withLock { $0.requests -= 1 }
      send(.reply(id: id, reply))
    }
  }

  private func reply(to request: GateRequest) async -> GateReply {
    do throws(ServiceUnavailable) {
      switch request {
      case .authenticate(let attempt):
        let result = try await parts.accounts.authenticate(attempt)
        state.withLock { $0.grants.note(attempt, result) }
        return .logIn(result)
      case .acceptsPublicKey(let key, let account, let peer):
        return .accepted(try await parts.accounts.acceptsPublicKey(key, account: account, peer: peer))
      case .scramParameters(let name): return .scramSalt(try await parts.accounts.scramParameters(for: name))
      case .owner(let address): return .owner(try await parts.accounts.owner(ofAddress: address))
      case .authenticateNTLM(let attempt):
        let result = try await parts.accounts.authenticate(ntlm: attempt)
        state.withLock { $0.grants.note(attempt, result) }
        return .ntlm(result)
      case .administer(let request):
        guard allowsAdministration else { return .refused }
        return .administration(await parts.administration.acting(as: "uid \(peer.userID)").perform(request))
      case .watch(let filter):
        guard allowsAdministration else { return .refused }
        return watch(filter) ? .watching : .refused
      case .console(let call, let session): return await console(call, session)
      case .sessionTicket(let session): return await ticket(for: session)
      }
    } catch { return .unavailable(error.diagnosis) }
  }

  /// A worker names a session; the account is the one that logged in there, by this gate's own word. The administrators'
  /// socket needs none.
  private func console(_ call: ConsoleCall, _ session: SessionID?) async -> GateReply {
    guard let console = parts.console else { return .refused }
    guard let session else {
      guard allowsAdministration else { return .refused }
      return .console(await console.perform(call, for: .local("uid \(peer.userID)")))
    }
    guard let record = parts.sessions.record(session, owner: number),
      let account = state.withLock({ $0.grants.account(at: record.peer) })
    else { return .console(.failure("the gate knows nothing of this log-in (it was restarted?): log in again")) }
    return .console(await console.perform(call, for: .account(account, record)))
  }

  /// For the account that logged in there by this gate's own word, as long as it may have a shell.
  private func ticket(for session: SessionID) async -> GateReply {
    guard let key = parts.ticketKey, let record = parts.sessions.record(session, owner: number),
      let name = state.withLock({ $0.grants.account(at: record.peer) }),
      let ticket = await parts.administration.directory.sessionTicket(for: name, now: parts.clock.wallTime())?
        .signed(with: key)
    else { return .refused }
    parts.events.emit(
      Event(
        time: parts.clock.wallTime(), severity: .info, kind: .audit, message: "session of the system granted",
        service: record.service, session: session, peer: record.peer, account: name))
    return .ticket(ticket)
  }

  private func watch(_ filter: WatchFilter) -> Bool {
    let watcher = parts.watch.add(filter) { [weak self] in self?.show($0) }
    let isOpen = state.withLock { state in
      guard !state.isClosed, state.watchers.count < 16 else { return false }
      state.watchers.append(watcher)
      return true
    }
    if !isOpen { parts.watch.remove(watcher) }
    return isOpen
  }

  /// A watched event; left out, and counted, while the other side reads too slowly.
  private func show(_ event: Event) {
    let isSlow = outstanding.load(ordering: .relaxed) > Self.maximumOutstandingForWatch
    let unseen = state.withLock { state in
      if isSlow { state.unseen += 1 }
      defer { if !isSlow { state.unseen = 0 } }
      return state.unseen
    }
    guard !isSlow else { return }
    if unseen > 0 { send(.event(EventRing.loss(of: unseen, at: parts.clock.wallTime()))) }
    send(.event(event))
  }
}
