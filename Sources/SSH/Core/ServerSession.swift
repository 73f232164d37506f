import WireKit

/// The server's end of an SSH connection: transport, log-in and channels, without I/O.
public struct ServerSession: StreamSession, ~Copyable {
  public typealias Request = ServerRequest
  public typealias Reply = ServerReply
  public typealias Event = ServerEvent
  public typealias Body = Never

  enum Stage {
    case identification, running, ended
  }

  /// Why nothing more is taken from the input for the moment: the answer to this decides how to go on.
  enum Waiting {
    case probe(AuthenticationRequest.KeyProof)
    case logIn(LogInAttemptState)
    case start(ChannelNumber, wantsReply: Bool)
    case listen(wantsPort: Bool, wantsReply: Bool)
    case stopListening(wantsReply: Bool)
  }

  /// What an answer belongs to that does not hold up the input.
  enum Purpose {
    case input(ChannelNumber)
    case inputEnd(ChannelNumber)
    case output(ChannelNumber)
    case connect(ChannelNumber, ChannelOpen)
    case accept
    case nothing
  }

  /// Why a number is taken that has no channel yet.
  enum Offer {
    /// The outside is connecting for the peer.
    case reserved
    /// The peer was offered a connection.
    case connection(ForwardedConnection)
  }

  let configuration: ServerSessionConfiguration
  var transport: TransportMachine
  var stage = Stage.identification
  var waiting: (ticket: Ticket, for: Waiting)?
  var purposes: [Ticket: Purpose] = [:]
  var authentication = ServerAuthentication()
  var grant: Grant?
  var channels: [ChannelNumber: Channel] = [:]
  /// Channels with input that has not been passed on in this round.
  var touched: Set<ChannelNumber> = []
  /// Numbers of channels that the outside has opened and the peer has not confirmed yet.
  var offered: [ChannelNumber: Offer] = [:]
  var isAccepting = false
  /// Encrypted bytes that have not left yet.
  var unsent = 0
  var isDraining = false
  var heardSinceKeepAlive = false
  var unansweredKeepAlives = 0
  private var tickets: UInt64 = 0

  static var graceTimer: SessionTimer { SessionTimer(1) }
  static var keepAliveTimer: SessionTimer { SessionTimer(2) }
  static var rekeyTimer: SessionTimer { SessionTimer(3) }

  public init(_ configuration: ServerSessionConfiguration) {
    self.configuration = configuration
    transport = TransportMachine(
      role: .server, limits: configuration.limits, algorithms: configuration.algorithms,
      hostKeys: configuration.hostKeys, hostCertificates: configuration.hostCertificates,
      software: configuration.software)
  }

  /// A whole packet of the largest size must fit.
  public var maximumPendingInput: Int { configuration.limits.maximumPacket + 256 }

  var limits: SSHLimits { configuration.limits }

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    attempt(&actions) { session, actions in
      try session.emit(&actions) { transport, output in try transport.open(into: &output) }
    }
    actions.setTimer(Self.graceTimer, at: now + limits.graceTime)
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
    heardSinceKeepAlive = true
    unansweredKeepAlives = 0
    do {
      while stage != .ended, waiting == nil {
        guard let count = try takeOne(input, from: consumed, now: now, into: &actions) else { break }
        consumed += count
      }
      try settle(now: now, into: &actions)
    } catch {
      disconnect(SSHError(error), into: &actions)
    }
    return stage == .ended ? input.byteCount : consumed
  }

  /// Takes the identification or one packet; `nil` when there is no whole one.
  private mutating func takeOne(
    _ input: RawSpan, from offset: Int, now: MonotonicTime, into actions: inout Actions
  ) throws -> Int? {
    if stage == .identification {
      let rest = input.extracting(offset..<input.byteCount)
      guard case .line(let line, let count) = try Identification.find(in: rest, peer: .client) else { return nil }
      transport.peerIdentification = line
      stage = .running
      return count
    }
    guard case .packet(let count) = try transport.reader.next(in: input, from: offset) else { return nil }
    // The buffer is taken out while its payload is looked at, so that the session may be changed meanwhile.
    var buffer: [UInt8] = []
    swap(&buffer, &transport.reader.buffer)
    defer { swap(&buffer, &transport.reader.buffer) }
    let payload = buffer.span.bytes.extracting(transport.reader.payload)
    try receive(message: payload, now: now, into: &actions)
    return count
  }

  public mutating func resume(
    _ reply: consuming ServerReply, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    guard stage != .ended else { return }
    do {
      if let waiting, waiting.ticket == ticket {
        self.waiting = nil
        try resumeWaiting(waiting.for, reply, now: now, into: &actions)
      } else if let purpose = purposes.removeValue(forKey: ticket) {
        try resumeChannel(purpose, reply, into: &actions)
      }
      try settle(now: now, into: &actions)
    } catch {
      disconnect(SSHError(error), into: &actions)
    }
  }

  public mutating func timerFired(_ timer: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    guard stage != .ended else { return }
    switch timer {
    case Self.graceTimer:
      guard grant == nil else { return }
      actions.event(.graceExceeded)
      disconnect(SSHError(.byApplication, "the time to log in is over"), into: &actions)
    case Self.keepAliveTimer: keepAlive(now: now, into: &actions)
    case Self.rekeyTimer: attempt(&actions) { session, actions in try session.settle(now: now, into: &actions) }
    default: break
    }
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    guard stage != .ended else { return }
    if grant == nil, authentication.attempts == 0 { actions.event(.leftWithoutAttempt) }
    stage = .ended
    actions.close()
  }

  public mutating func outputDrained(now: MonotonicTime, into actions: inout Actions) {
    unsent = 0
    guard stage != .ended else { return }
    attempt(&actions) { session, actions in try session.settle(now: now, into: &actions) }
  }

  /// Sessions that run go on; when none is left, the connection ends.
  public mutating func drain(now: MonotonicTime, into actions: inout Actions) {
    isDraining = true
    if channels.isEmpty { disconnect(SSHError(.byApplication, "the server stops"), into: &actions) }
  }

  // MARK: The end of each round

  /// Passes on what came, asks for output where there is room, changes keys where it is time.
  mutating func settle(now: MonotonicTime, into actions: inout Actions) throws {
    guard stage != .ended else { return }
    if grant != nil, transport.needsRekey(now: now) {
      try emit(&actions) { transport, output in try transport.startExchange(into: &output) }
    }
    for number in touched { passInput(number, into: &actions) }
    touched.removeAll(keepingCapacity: true)
    for number in Array(channels.keys) { try moveOutput(number, into: &actions) }
    if isDraining, channels.isEmpty { disconnect(SSHError(.byApplication, "the server stops"), into: &actions) }
  }

  // MARK: Helpers

  mutating func nextTicket() -> Ticket {
    tickets += 1
    return Ticket(tickets)
  }

  /// Asks the outside without holding up the input.
  mutating func ask(_ request: ServerRequest, _ purpose: Purpose, into actions: inout Actions) -> Ticket {
    let ticket = nextTicket()
    purposes[ticket] = purpose
    actions.request(request, ticket)
    return ticket
  }

  /// Asks the outside and takes no input until the answer is here.
  mutating func askAndWait(_ request: ServerRequest, _ waiting: Waiting, into actions: inout Actions) {
    let ticket = nextTicket()
    self.waiting = (ticket, waiting)
    actions.request(request, ticket)
  }

  /// Lets the transport write.
  mutating func emit(
    _ actions: inout Actions, _ body: (inout TransportMachine, inout [UInt8]) throws -> Void
  ) throws {
    try actions.write { output in
      let start = output.count
      defer { unsent += output.count - start }
      try body(&transport, &output)
    }
  }

  /// Sends one message of the upper layers.
  mutating func send(_ actions: inout Actions, _ body: (inout [UInt8]) -> Void) throws {
    try emit(&actions) { transport, output in try transport.send(into: &output, body) }
  }

  mutating func attempt(
    _ actions: inout Actions, _ body: (inout ServerSession, inout Actions) throws -> Void
  ) {
    do { try body(&self, &actions) } catch { disconnect(SSHError(error), into: &actions) }
  }

  /// Tells the peer why, and ends.
  mutating func disconnect(_ error: SSHError, into actions: inout Actions) {
    guard stage != .ended else { return }
    let wasTalking = stage == .running
    stage = .ended
    actions.event(.disconnected(reason: error.reason.number, diagnosis: error.diagnosis.description))
    if wasTalking {
      // Words that can't be written any more change nothing: the connection ends either way.
      try? emit(&actions) { transport, output in
        try transport.sendNow(into: &output) {
          $0.append(MessageNumber.disconnect)
          $0.appendInteger(error.reason.number)
          $0.appendString(error.diagnosis.description)
          $0.appendString("")
        }
      }
    }
    actions.close()
  }

  private mutating func keepAlive(now: MonotonicTime, into actions: inout Actions) {
    guard let interval = limits.keepAliveInterval, grant != nil else { return }
    actions.setTimer(Self.keepAliveTimer, at: now + interval)
    defer { heardSinceKeepAlive = false }
    guard !heardSinceKeepAlive else { return }
    guard unansweredKeepAlives < limits.maximumUnansweredKeepAlives else {
      disconnect(SSHError(.connectionLost, "the peer does not answer"), into: &actions)
      return
    }
    unansweredKeepAlives += 1
    attempt(&actions) { session, actions in
      try session.send(&actions) {
        $0.append(MessageNumber.globalRequest)
        $0.appendString("keepalive@openssh.com")
        $0.appendBool(true)
      }
    }
  }
}
