import WireKit

/// The server's end of a remote desktop connection, without I/O: from the X.224 connection request to the screen.
///
/// ```
/// C: X.224 Connection Request          S: Connection Confirm, then TLS
/// C: TSRequest … (NLA only)            S: TSRequest …
/// C: MCS Connect Initial               S: MCS Connect Response
/// C: Erect Domain, Attach User, Joins  S: confirms
/// C: Client Info                       S: Licence (valid client), Demand Active
/// C: Confirm Active, Synchronize, Control, Font List    S: Synchronize, Control, Font Map
/// C: input                             S: updates
/// ```
public struct ServerSession: StreamSession, ~Copyable {
  public typealias Request = ServerRequest
  public typealias Reply = ServerReply
  public typealias Event = ServerEvent
  public typealias Body = Never

  enum Stage {
    case negotiation, handshake, credSSP, connection, joining, clientInfo, activation, active, ended
  }

  /// What an open request is for.
  enum Purpose {
    case publicKey, claim, logIn, start, input, output, resize
  }

  let configuration: ServerSessionConfiguration
  var stage = Stage.negotiation
  var purposes: [Ticket: Purpose] = [:]
  private var tickets: UInt64 = 0

  // What was negotiated.
  var requested: SecurityProtocols = []
  var selected: SecurityProtocols = []
  var credSSP: CredSSPServer?
  /// While a claim is judged nothing is taken.
  var isWaiting = false

  // MCS.
  var client = ClientData()
  var userChannel: UInt16 = 0
  var messageChannel: UInt16?
  var staticChannels: [UInt16] = []
  var joins = 0

  // Virtual channels.
  var clipboardChannel: StaticChannel?
  var clipboard: Clipboard
  var dynamicChannel: StaticChannel?
  var dynamicChannels = DynamicChannels()
  var pipeline = GraphicsPipeline()
  /// A size that the client has asked for, until it is in force.
  var wantedSize: (width: Int, height: Int, scale: Int)?
  var hasBegunChannels = false

  // The share.
  var output: ClientOutput
  var width = 0
  var height = 0
  var hasFontMap = false

  // Who, and what runs.
  var account: String?
  var attempts = 0
  var hasAttempted = false
  var isStarting = false
  var isRunning = false
  var isDraining = false
  /// What runs is drawn by somebody else, and not by a program in our terminal.
  var isDesktop = false
  var pendingEvents: [InputEvent] = []

  // The screen.
  var terminal: Terminal
  var display: CellDisplay
  var logInScreen: LogInScreen?
  var keyboard = Keyboard(layout: .unitedStates)
  var pendingInput: [UInt8] = []
  var isInputBusy = false
  var isOutputAsked = false
  var isSuppressed = false
  var hasShownFrame = false
  var isFrameTimed = false
  var isWriting = false
  var lastFrame = MonotonicTime(nanoseconds: 0)
  var pressedButtons: UInt16 = 0
  var selection = Selection()

  static var handshakeTimer: SessionTimer { SessionTimer(1) }
  static var logInTimer: SessionTimer { SessionTimer(2) }
  static var frameTimer: SessionTimer { SessionTimer(3) }
  static var pipelineTimer: SessionTimer { SessionTimer(4) }

  public init(_ configuration: ServerSessionConfiguration) {
    self.configuration = configuration
    // The number that Windows gives a share: the server's channel, and one.
    output = ClientOutput(shareID: 0x0001_0000 | UInt32(ServerChannels.server), format: .rgb565)
    clipboard = Clipboard(limit: configuration.limits.maximumClipboard)
    // Of the least size until the client has told its own.
    terminal = Terminal(columns: 2, rows: 2)
    display = CellDisplay(width: 16, height: 32, format: .rgb565)
  }

  /// A whole packet of the largest size must fit.
  public var maximumPendingInput: Int { max(configuration.limits.maximumPacket, TSRequest.maximumSize) }

  var limits: RDPLimits { configuration.limits }

  mutating func ask(_ request: ServerRequest, _ purpose: Purpose, into actions: inout Actions) {
    tickets += 1
    purposes[Ticket(tickets)] = purpose
    actions.request(request, Ticket(tickets))
  }

  /// Tells a step to those who watch.
  func tell(
    _ name: @autoclosure () -> String, _ meaning: @autoclosure () -> String = "", received: Bool = true,
    into actions: inout Actions
  ) {
    guard configuration.isWatched else { return }
    actions.event(.step(isReceived: received, name: name(), meaning: meaning()))
  }

  // MARK: StreamSession

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    actions.setTimer(Self.handshakeTimer, at: now + limits.handshakeTime)
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
    do throws(RDPError) {
      while stage != .ended, stage != .handshake, !isWaiting,
        let count = try takeOne(input, from: consumed, now: now, into: &actions)
      {
        consumed += count
      }
      settle(now: now, into: &actions)
    } catch {
      end(error.diagnosis, into: &actions)
    }
    return stage == .ended ? input.byteCount : consumed
  }

  /// Takes one packet; `nil` when there is no whole one.
  private mutating func takeOne(
    _ input: RawSpan, from offset: Int, now: MonotonicTime, into actions: inout Actions
  ) throws(RDPError) -> Int? {
    do throws(WireError) {
      if stage == .credSSP {
        let rest = input.extracting(offset..<input.byteCount)
        guard let length = try TSRequest.length(in: rest) else { return nil }
        receive(credSSP: rest.extracting(0..<length), now: now, into: &actions)
        return length
      }
      switch try TPKT.find(in: input, at: offset, limits: limits) {
      case .incomplete: return nil
      case .slowPath(let length):
        try receive(packet: input.extracting(offset..<offset + length), now: now, into: &actions)
        return length
      case .fastPath(let header, let length):
        guard stage == .active || stage == .activation else { throw WireError(.malformed, "fast-path input too early") }
        let first = input.byte(at: offset) ?? 0
        var events: [InputEvent] = []
        try InputCodec.fastPath(first: first, input.extracting(offset + header..<offset + length)) { events.append($0) }
        for event in events { take(event, now: now, into: &actions) }
        return length
      }
    } catch { throw RDPError(error) }
  }

  private mutating func receive(
    packet: RawSpan, now: MonotonicTime, into actions: inout Actions
  ) throws(WireError) {
    switch stage {
    case .negotiation: negotiate(try ConnectionRequest(packet), into: &actions)
    case .connection: try connect(packet, into: &actions)
    case .joining, .clientInfo, .activation, .active: try receive(domain: packet, now: now, into: &actions)
    case .handshake, .credSSP, .ended: break
    }
  }

  public mutating func resume(
    _ reply: consuming ServerReply, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    guard let purpose = purposes.removeValue(forKey: ticket), stage != .ended else { return }
    switch (purpose, consume reply) {
    case (.publicKey, .publicKey(let key)): beginCredSSP(key)
    case (.claim, .claim(let claim)): judged(claim, now: now, into: &actions)
    case (.logIn, .verdict(let verdict)): judged(verdict, now: now, into: &actions)
    case (.start, .started(let isStarted)): started(isStarted, into: &actions)
    case (.start, .startedDesktop): startedDesktop(into: &actions)
    case (.input, _): isInputBusy = false
    case (.output, .output(let output)):
      isOutputAsked = false
      take(output, now: now, into: &actions)
    case (.output, .frame(let frame)):
      isOutputAsked = false
      take(frame, now: now, into: &actions)
    default: break
    }
    settle(now: now, into: &actions)
  }

  public mutating func timerFired(_ timer: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    switch timer {
    case Self.handshakeTimer:
      actions.event(.graceExceeded)
      end("not through the handshake in time", into: &actions)
    case Self.logInTimer:
      actions.event(hasAttempted ? .graceExceeded : .leftWithoutAttempt)
      disconnect(.logOnTimeout, "no log-in in time", into: &actions)
    case Self.pipelineTimer:
      if pipeline.stage == .opening { pipeline.stage = .absent }
      settle(now: now, into: &actions)
    case Self.frameTimer:
      isFrameTimed = false
      settle(now: now, into: &actions)
    default: break
    }
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    guard stage != .ended else { return }
    end("the client has closed the connection", into: &actions)
  }

  public mutating func tlsEstablished(
    _ parameters: TLSParameters, now: MonotonicTime, into actions: inout Actions
  ) {
    tell("TLS", parameters.version, into: &actions)
    guard selected != .ssl else {
      stage = .connection
      return
    }
    stage = .credSSP
    // The answer comes at once, before any byte of the client's is looked at.
    ask(.publicKey, .publicKey, into: &actions)
  }

  public mutating func outputDrained(now: MonotonicTime, into actions: inout Actions) {
    isWriting = false
    settle(now: now, into: &actions)
  }

  public mutating func drain(now: MonotonicTime, into actions: inout Actions) {
    guard stage == .active else { return end("the server stops", into: &actions) }
    disconnect(.administratorDisconnected, "the server stops", into: &actions)
  }

  // MARK: The end

  /// Says why in RDP's own terms, and closes.
  mutating func disconnect(_ reason: ErrorInfo, _ diagnosis: String, into actions: inout Actions) {
    guard stage != .ended else { return }
    if stage == .active || stage == .activation {
      actions.write { bytes in
        if client.takesErrorInfo {
          bytes.appendShareData(type: ShareDataType.setErrorInfo, shareID: output.shareID) {
            $0.appendLittleEndian(reason.rawValue)
          }
        }
        bytes.appendDisconnectProviderUltimatum()
      }
    }
    end(diagnosis, into: &actions)
  }

  mutating func end(_ diagnosis: String, into actions: inout Actions) {
    guard stage != .ended else { return }
    stage = .ended
    actions.event(.ended(diagnosis))
    actions.close()
  }
}
