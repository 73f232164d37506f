import ConsoleCore
import NIOCore
import Services
import WireKit

extension GateClient: Accounts {
  public func authenticate(_ attempt: LogInAttempt) async throws(ServiceUnavailable) -> LogInResult {
    guard case .logIn(let result) = try await request(.authenticate(attempt)) else {
      throw ServiceUnavailable("gate gave an answer that does not fit")
    }
    return result
  }

  public func acceptsPublicKey(
    _ key: [UInt8], account: String, peer: IPAddress
  ) async throws(ServiceUnavailable) -> Bool {
    guard case .accepted(let isAccepted) = try await request(.acceptsPublicKey(key, account: account, peer: peer))
    else { throw ServiceUnavailable("gate gave an answer that does not fit") }
    return isAccepted
  }

  public func scramParameters(for name: String) async throws(ServiceUnavailable) -> SCRAMSalt {
    guard case .scramSalt(let salt) = try await request(.scramParameters(name: name)) else {
      throw ServiceUnavailable("gate gave an answer that does not fit")
    }
    return salt
  }

  public func owner(ofAddress address: String) async throws(ServiceUnavailable) -> AddressOwner? {
    guard case .owner(let owner) = try await request(.owner(address: address)) else {
      throw ServiceUnavailable("gate gave an answer that does not fit")
    }
    return owner
  }
}

extension GateClient {
  public func authenticate(ntlm attempt: NTLMAttempt) async throws(ServiceUnavailable) -> NTLMResult {
    guard case .ntlm(let result) = try await request(.authenticateNTLM(attempt)) else {
      throw ServiceUnavailable("gate gave an answer that does not fit")
    }
    return result
  }

  /// Sets who answers the console commands that the gate passes on to this worker; `nil` is the answer to those that it
  /// knows nothing of.
  public func answerQuestions(_ answerer: @escaping @Sendable (ConsoleQuestion) async -> ConsoleAnswer?) {
    state.withLock { $0.answerer = answerer }
  }

  /// The gate's word for a session of the operating system, in the name of whoever logged in by this session; `nil` when it
  /// may have none.
  public func sessionTicket(for session: SessionID) async throws(ServiceUnavailable) -> String? {
    switch try await request(.sessionTicket(session)) {
    case .ticket(let ticket): return ticket
    case .refused: return nil
    default: throw ServiceUnavailable("gate gave an answer that does not fit")
    }
  }

  /// Has the gate carry out a console command in the name of whoever logged in by this session.
  public func perform(_ call: ConsoleCall, session: SessionID?) async -> ConsoleAnswer {
    do throws(ServiceUnavailable) {
      switch try await request(.console(call, session: session), timeLimit: .seconds(60)) {
      case .console(let answer): return answer
      case .refused: return .failure("no console is offered here")
      default: return .failure("the server gave an answer that does not fit")
      }
    } catch { return .failure("the server can't answer at the moment (\(error.diagnosis)); try again") }
  }
}

extension GateClient: PenaltyBook {
  public func penalty(for source: IPAddress, now: MonotonicTime) -> Duration? {
    state.withLock { $0.penalties.penalty(for: source, now: now) }
  }

  /// While the gate is away the newest reports are kept, within a bound.
  public func report(_ misbehaviour: Misbehaviour, by source: IPAddress, service: ServiceName) {
    let isThere = state.withLock { state in
      guard state.channel == nil else { return true }
      if state.reports.count >= Self.reportCapacity { state.reports.removeFirst(Self.reportCapacity / 4) }
      state.reports.append(Report(misbehaviour: misbehaviour, source: source, service: service))
      return false
    }
    if isThere { send(.misbehaviour(misbehaviour, source: source, service: service)) }
  }
}

extension GateClient: SessionRegister {
  public func open(_ session: SessionRecord, end: @escaping @Sendable () -> Void) {
    enter(.openSession(session)) { $0.sessions[session.id] = (session, end) }
  }

  public func update(_ id: SessionID, account: String) {
    enter(.updateSession(id, account: account)) { $0.sessions[id]?.record.account = account }
  }

  public func close(_ id: SessionID) {
    enter(.closeSession(id)) { $0.sessions[id] = nil }
  }

  /// Changes what is known here and tells the gate, as one step: so that neither a session falls between this and a new
  /// connection, nor two changes of one session change places.
  private func enter(_ message: ClientMessage, _ change: (inout State) -> Void) {
    guard let frame = Frame.encode(message) else { return }
    state.withLock { state in
      change(&state)
      if let channel = state.channel { Self.send(frame, on: channel) }
    }
  }
}

extension GateClient: CertificateSource {
  public func identities() -> AsyncStream<[TLSIdentity]> {
    let (stream, continuation) = AsyncStream.makeStream(of: [TLSIdentity].self, bufferingPolicy: .bufferingNewest(1))
    let id = takeID()
    continuation.onTermination = { [weak self] _ in
      self?.state.withLock { _ = $0.followers.removeValue(forKey: id) }
    }
    let (known, isStopped) = state.withLock { state in
      if !state.isStopped { state.followers[id] = continuation }
      return (state.identities, state.isStopped)
    }
    if let known { continuation.yield(known) }
    if isStopped { continuation.finish() }
    return stream
  }
}

extension GateClient: EventSink {
  public func isWatched(_ service: ServiceName) -> Bool {
    state.withLock { $0.watched.contains(service) }
  }

  /// Puts the event into the ring and returns; the event loop sends it.
  public func emit(_ event: Event) {
    let channel = state.withLock { state -> (any Channel)? in
      state.ring.append(event)
      guard let channel = state.channel, !state.isFlushing else { return nil }
      state.isFlushing = true
      return channel
    }
    guard let channel else { return }
    channel.eventLoop.execute { [self] in flush(channel) }
  }

  /// Sends what waits, as long as the gate takes it; on the event loop.
  func flush(_ channel: any Channel) {
    while channel.isWritable {
      let now = clock.wallTime()
      let events = state.withLock { state -> [Event] in
        guard state.channel != nil, !state.ring.isEmpty else {
          state.isFlushing = false
          return []
        }
        state.isFlushing = true
        return state.ring.take(Self.eventsPerMessage, at: now)
      }
      guard !events.isEmpty else { return }
      write(events, to: channel)
    }
  }

  /// Long events may not fit into one frame together; one that does not fit alone is lost, and counted.
  private func write(_ events: [Event], to channel: any Channel) {
    if let frame = Frame.encode(ClientMessage.events(events)) {
      channel.writeAndFlush(frame, promise: nil)
    } else if events.count > 1 {
      write(Array(events[..<(events.count / 2)]), to: channel)
      write(Array(events[(events.count / 2)...]), to: channel)
    } else {
      state.withLock { $0.ring.lose(events.count) }
    }
  }
}

extension GateClient {
  /// Events from here on that the filter lets through. The stream ends with the connection.
  func watch(_ filter: WatchFilter) async throws(AdminFailure) -> AsyncStream<Event> {
    let (stream, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingNewest(4096))
    let id = takeID()
    continuation.onTermination = { [weak self] _ in
      self?.state.withLock { _ = $0.watchers.removeValue(forKey: id) }
    }
    state.withLock { $0.watchers[id] = continuation }
    let reply: GateReply
    do { reply = try await request(.watch(filter)) } catch {
      continuation.finish()
      throw AdminFailure(.unavailable, error.diagnosis)
    }
    guard case .watching = reply else {
      continuation.finish()
      throw AdminFailure(.refused, "watching is not allowed here")
    }
    return stream
  }
}
