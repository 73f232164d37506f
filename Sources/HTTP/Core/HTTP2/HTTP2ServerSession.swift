import WireKit

/// The server's end of an HTTP/2 connection (RFC 9113).
///
/// ```
/// C: preface, SETTINGS, HEADERS(1, END_STREAM)
/// S: SETTINGS, SETTINGS(ack), HEADERS(1), DATA(1, END_STREAM)
/// ```
///
/// Replies share the connection in turns of one frame. What a peer may cost is bounded: streams with a living handler,
/// bytes on their way, field sections, resets and frames that carry nothing (`HTTPLimits`).
public struct HTTP2ServerSession: ~Copyable, StreamSession {
  public typealias Request = HTTPDemand
  public typealias Reply = HTTPAnswer
  public typealias Body = any HTTPContent
  public typealias Event = HTTPEvent

  /// A field section that is still coming in.
  struct Section {
    var stream: UInt32
    var endStream: Bool
    var bytes: [UInt8]
    var frames = 1
  }

  static var deadlineTimer: SessionTimer { SessionTimer(0) }
  /// The largest payload that we take: the smallest that everybody must (RFC 9113 §4.2).
  static var frameSize: Int { 16_384 }

  let configuration: HTTPSessionConfiguration
  var limits: HTTPLimits { configuration.limits }
  var settings = HTTP2Settings()
  var decoder = HPACKDecoder()
  var streams = HTTP2Streams()
  var budget = FloodBudget()
  var deadline = Deadline()
  var date: DateField

  /// Whether our SETTINGS have been sent, the client's preface taken, and its first SETTINGS seen.
  var hasGreeted = false
  var hasPreface = false
  var hasSettings = false
  var isClosed = false
  /// No new streams: GOAWAY has been sent.
  var isLeaving = false
  var inputEnded = false
  var section: Section?
  /// The highest stream that the client has opened.
  var lastStream: UInt32 = 0
  var requests = 0

  var sendWindow = 65_535
  var receiveWindow: Int
  var unreturned = 0
  /// Bytes handed over since everything had left for the last time.
  var unsent: Int64 = 0
  /// Streams that have something to send, in the order of their turns.
  var queue: [UInt32] = []
  /// Whether content has moved since the deadline was set.
  var progressed = false

  public init(_ configuration: HTTPSessionConfiguration) {
    self.configuration = configuration
    receiveWindow = max(65_535, configuration.limits.window * 4)
    date = DateField(offset: configuration.dateOffset)
  }

  public var maximumPendingInput: Int { Self.frameSize + FrameHeader.size + 65_536 }

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    greet(&actions)
    updateDeadline(now, &actions)
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    if isClosed { return input.byteCount }
    var consumed = 0
    do throws(HTTP2Error) {
      if !hasPreface {
        guard let isPreface = HTTP2Settings.isPreface(input) else { return 0 }
        guard isPreface else { throw .connection(.protocolError, "no HTTP/2 preface") }
        consumed = HTTP2Settings.clientPreface.utf8CodeUnitCount
        hasPreface = true
        greet(&actions)
      }
      while !isClosed, unsent <= limits.pendingOutput {
        let rest = input.extracting(consumed..<input.byteCount)
        guard let header = FrameHeader(rest) else { break }
        guard header.length <= Self.frameSize else { throw .connection(.frameSizeError, "frame too large") }
        guard rest.byteCount >= FrameHeader.size + header.length else { break }
        let start = consumed + FrameHeader.size
        consumed = start + header.length
        do throws(HTTP2Error) {
          try take(header, input, start..<consumed, now, &actions)
        } catch {
          guard case .stream(let id) = error.scope else { throw error }
          try reset(id, error.code, now, &actions)
        }
      }
    } catch {
      fail(error, &actions)
      return input.byteCount
    }
    pump(now, &actions)
    updateDeadline(now, &actions)
    return isClosed ? input.byteCount : consumed
  }

  public mutating func outputDrained(now: MonotonicTime, into actions: inout Actions) {
    unsent = 0
    guard !isClosed else { return }
    pump(now, &actions)
    updateDeadline(now, &actions)
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    guard !isClosed else { return }
    inputEnded = true
    // Nothing can be asked or allowed any more; what is complete may still be answered.
    for id in streams.receiving() { forget(id, .resetByPeer, &actions) }
    closeIfDone(&actions)
  }

  public mutating func drain(now: MonotonicTime, into actions: inout Actions) {
    guard !isClosed else { return }
    if !isLeaving { goAway(.noError, "", &actions) }
    closeIfDone(&actions)
  }

  public mutating func timerFired(_ timer: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    guard !isClosed else { return }
    switch deadline.ring(now) {
    case .ignored: break
    case .again(let time): actions.setTimer(Self.deadlineTimer, at: time)
    case .expired:
      let kind = deadline.kind
      actions.event(.timedOut(kind.description))
      goAway(.noError, "", &actions)
      // An idle peer gets what was written; one that does not read would never take it.
      close(&actions, kind.utf8Start == ("output" as StaticString).utf8Start ? .immediately : .afterWrites)
    }
  }

  // MARK: The connection's course

  private mutating func greet(_ actions: inout Actions) {
    guard !hasGreeted else { return }
    hasGreeted = true
    let limits = limits
    let increment = receiveWindow - 65_535
    actions.write { (output: inout [UInt8]) in
      output.append(frame: .settings, stream: 0, length: 18)
      output.append(setting: 0x3, UInt32(clamping: limits.streams))
      output.append(setting: 0x4, UInt32(clamping: limits.window))
      output.append(setting: 0x6, UInt32(clamping: limits.head))
      if increment > 0 {
        output.append(frame: .windowUpdate, stream: 0, length: 4)
        output.appendInteger(UInt32(clamping: increment))
      }
    }
  }

  /// Ends the connection for an error of the peer's (RFC 9113 §5.4.1).
  mutating func fail(_ error: HTTP2Error, _ actions: inout Actions) {
    if error.code == .enhanceYourCalm {
      actions.event(.flood(error.diagnosis.description))
    } else {
      actions.event(.connectionError(code: error.code.number, diagnosis: error.diagnosis.description))
    }
    goAway(error.code, error.diagnosis, &actions)
    close(&actions, .afterWrites)
  }

  /// Tells the peer the last stream that we have dealt with.
  mutating func goAway(_ code: HTTP2ErrorCode, _ diagnosis: StaticString, _ actions: inout Actions) {
    isLeaving = true
    let last = lastStream
    actions.write { (output: inout [UInt8]) in
      output.append(frame: .goAway, stream: 0, length: 8 + diagnosis.utf8CodeUnitCount)
      output.appendInteger(last)
      output.appendInteger(code.number)
      output.append(diagnosis)
    }
  }

  mutating func close(_ actions: inout Actions, _ mode: Actions.CloseMode) {
    isClosed = true
    deadline.clear()
    for index in 0..<streams.count { cancelDemands(of: streams[index], &actions) }
    actions.close(mode)
  }

  /// Once no stream is left, a connection that takes no more of them ends.
  mutating func closeIfDone(_ actions: inout Actions) {
    if streams.isEmpty, isLeaving || inputEnded, !isClosed { close(&actions, .afterWrites) }
  }

  // MARK: Time

  mutating func updateDeadline(_ now: MonotonicTime, _ actions: inout Actions) {
    guard !isClosed else { return }
    if section != nil || !hasSettings {
      keepDeadline(now, limits.headTime, "head", &actions)
    } else if streams.isEmpty {
      move(now, limits.idleTime, "idle", &actions)
    } else if streams.isSending {
      keepDeadline(now, limits.outputTime, "output", &actions)
    } else if streams.isReceiving {
      keepDeadline(now, limits.contentTime, "body", &actions)
    } else {
      deadline.clear()
    }
    progressed = false
  }

  /// Starts the deadline, or leaves it as it is when it runs and nothing has moved.
  private mutating func keepDeadline(
    _ now: MonotonicTime, _ duration: Duration, _ kind: StaticString, _ actions: inout Actions
  ) {
    if !deadline.isRunning(kind) || progressed { move(now, duration, kind, &actions) }
  }

  private mutating func move(
    _ now: MonotonicTime, _ duration: Duration, _ kind: StaticString, _ actions: inout Actions
  ) {
    if let time = deadline.move(to: now + duration, kind) { actions.setTimer(Self.deadlineTimer, at: time) }
  }
}

extension [UInt8] {
  /// One parameter of a SETTINGS frame (RFC 9113 §6.5.1).
  mutating func append(setting identifier: UInt16, _ value: UInt32) {
    appendInteger(identifier)
    appendInteger(value)
  }
}
