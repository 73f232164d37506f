import WireKit

/// The client's end of an SSH connection, without I/O: log-in, and session channels that run commands and subsystems.
public struct ClientSession: StreamSession, ~Copyable {
  public typealias Request = ClientRequest
  public typealias Reply = ClientReply
  public typealias Event = ClientEvent
  public typealias Body = Never

  enum Stage {
    case identification, running, ended
  }

  /// A channel, from the client's side.
  struct ClientChannel {
    let program: SessionStart.Program
    var remote: UInt32?
    var sendWindow: UInt32 = 0
    var sendMaximum: UInt32 = 0
    var receiveWindow: UInt32
    var waiting: [UInt8] = []
    var wantsEOF = false
    var hasSentEOF = false
    var hasSentClose = false
  }

  let limits: SSHLimits
  let user: String
  var transport: TransportMachine
  var stage = Stage.identification
  var isLoggedIn = false
  /// The question that nothing goes on without.
  var waiting: Ticket?
  var command: Ticket?
  var channels: [ChannelNumber: ClientChannel] = [:]
  var nextChannel: UInt32 = 0
  var signatureAlgorithms: [String] = []
  private var tickets: UInt64 = 0

  public init(
    user: String, algorithms: AlgorithmPreferences = .init(), limits: SSHLimits = .init(), software: String = "Portside"
  ) {
    self.user = user
    self.limits = limits
    transport = TransportMachine(
      role: .client, limits: limits, algorithms: algorithms, hostKeys: [], software: software)
  }

  public var maximumPendingInput: Int { limits.maximumPacket + 256 }

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    attempt(&actions) { session, actions in
      try session.emit(&actions) { transport, output in try transport.open(into: &output) }
    }
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
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

  private mutating func takeOne(
    _ input: RawSpan, from offset: Int, now: MonotonicTime, into actions: inout Actions
  ) throws -> Int? {
    if stage == .identification {
      let rest = input.extracting(offset..<input.byteCount)
      guard case .line(let line, let count) = try Identification.find(in: rest, peer: .server) else { return nil }
      transport.peerIdentification = line
      stage = .running
      return count
    }
    guard case .packet(let count) = try transport.reader.next(in: input, from: offset) else { return nil }
    var buffer: [UInt8] = []
    swap(&buffer, &transport.reader.buffer)
    defer { swap(&buffer, &transport.reader.buffer) }
    let payload = buffer.span.bytes.extracting(transport.reader.payload)
    try receive(message: payload, now: now, into: &actions)
    return count
  }

  public mutating func resume(
    _ reply: consuming ClientReply, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    guard stage != .ended else { return }
    if ticket == waiting { waiting = nil }
    if ticket == command { command = nil }
    do {
      switch reply {
      case .hostKeyAccepted(true):
        try emit(&actions) { transport, output in try transport.acceptHostKey(into: &output) }
        if !isLoggedIn, transport.exchange?.isRekey == false { try requestService(into: &actions) }
      case .hostKeyAccepted(false): throw SSHError(.hostKeyNotVerifiable, "the host key was not accepted")
      case .credential(let credential): try logIn(with: credential, into: &actions)
      case .answers(let answers): try send(answers: answers, into: &actions)
      case .command(let command): try perform(command, into: &actions)
      }
      try settle(now: now, into: &actions)
    } catch {
      disconnect(SSHError(error), into: &actions)
    }
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    guard stage != .ended else { return }
    stage = .ended
    actions.event(.disconnected(reason: 0, diagnosis: "the server ended the connection"))
    actions.close()
  }

  public mutating func drain(now: MonotonicTime, into actions: inout Actions) {
    disconnect(SSHError(.byApplication, "the client ends"), into: &actions)
  }

  /// Sends what waits for windows, changes keys where it is time, and asks what to do next.
  mutating func settle(now: MonotonicTime, into actions: inout Actions) throws {
    guard stage != .ended, isLoggedIn else { return }
    if transport.needsRekey(now: now) {
      try emit(&actions) { transport, output in try transport.startExchange(into: &output) }
    }
    for number in channels.keys.sorted(by: { $0.number < $1.number }) { try flush(number, into: &actions) }
    if command == nil, waiting == nil {
      let ticket = nextTicket()
      command = ticket
      actions.request(.nextCommand, ticket)
    }
  }

  /// The server's identification line, once it has come.
  public var serverIdentification: String { String(decoding: transport.peerIdentification, as: UTF8.self) }

  /// Exchange, host key and cipher that are in use, once they are.
  public var agreedAlgorithms: String {
    guard let agreed = transport.summary else { return "" }
    return [agreed.keyExchange.name, agreed.hostKey, agreed.cipherToServer.name].joined(separator: ", ")
  }

  // MARK: Helpers

  mutating func nextTicket() -> Ticket {
    tickets += 1
    return Ticket(tickets)
  }

  mutating func askAndWait(_ request: ClientRequest, into actions: inout Actions) {
    let ticket = nextTicket()
    waiting = ticket
    actions.request(request, ticket)
  }

  mutating func emit(
    _ actions: inout Actions, _ body: (inout TransportMachine, inout [UInt8]) throws -> Void
  ) throws {
    try actions.write { output in try body(&transport, &output) }
  }

  mutating func send(_ actions: inout Actions, _ body: (inout [UInt8]) -> Void) throws {
    try emit(&actions) { transport, output in try transport.send(into: &output, body) }
  }

  private mutating func attempt(
    _ actions: inout Actions, _ body: (inout ClientSession, inout Actions) throws -> Void
  ) {
    do { try body(&self, &actions) } catch { disconnect(SSHError(error), into: &actions) }
  }

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
}
