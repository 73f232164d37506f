import NIOCore
import NIOTLS
import Services
import WireKit

/// Drives a session over a NIO channel: feeds it bytes and time, carries out its actions. The one such class for all
/// stream protocols, on both ends of the wire.
///
/// Everything happens on the channel's event loop. A round offers input, carries out actions (which may answer requests
/// at once and so make more actions), and ends in one flush, so that a batch of pipelined requests leaves in one write.
/// Input is not read while output waits, while a request's body has no room, or while the session leaves more than it may
/// unconsumed.
public final class SessionHandler<Session: StreamSession & ~Copyable, Handler: RequestHandler>: ChannelDuplexHandler
where
  Handler.Request == Session.Request, Handler.Reply == Session.Reply, Handler.Body == Session.Body,
  Handler.Event == Session.Event
{
  public typealias InboundIn = ByteBuffer
  public typealias OutboundIn = Never
  public typealias OutboundOut = IOData
  typealias Actions = Session.Actions

  enum Phase {
    /// Implicit TLS: the session begins after the handshake.
    case awaitingTLS
    case running
    /// `.startTLS` was carried out; the handshake runs.
    case upgrading
    /// `.stopTLS` was carried out; the peer's close_notify is awaited.
    case downgrading
    /// `.close(.afterWrites)`: what is queued still leaves.
    case closing
    /// Our side has ended; input is read and dropped until the peer ends too, so that it gets to read our last words.
    case lingering
    case ended
  }

  let handler: Handler
  let clock: any Clock
  let settings: SessionHandlerSettings
  private let makeSession: (Connection) -> Session
  var session: Session?
  var connection: Connection
  var phase: Phase

  /// Input that was not consumed yet.
  var pending = ByteBuffer()
  /// Whether the session has not seen the pending input in its present state.
  var hasNews = false
  private var actions = Actions()
  private var spare = Actions()
  private var isDriving = false

  let output = OutputQueue()
  private var wroteSinceDrained = false
  private var isReadPending = false
  private var isCompressed = false
  var requests = PendingRequests()
  private var timers = SessionTimers()
  /// Says our close_notify, while it was asked for and has not been said.
  var endTLS: (() -> Void)?
  private lazy var executor = handler.handlesOnEventLoop ? EventLoopExecutor(connection.eventLoop) : nil

  /// - Parameter makeSession: Makes the session once the connection stands; after the handshake where TLS is implicit,
  ///   so that it can choose by what TLS agreed on.
  public init(
    connection: Connection, settings: SessionHandlerSettings, clock: any Clock, handler: Handler,
    makeSession: @escaping (Connection) -> Session
  ) {
    self.connection = connection
    self.settings = settings
    self.clock = clock
    self.handler = handler
    self.makeSession = makeSession
    phase = settings.startsWithTLS ? .awaitingTLS : .running
  }

  // MARK: From the channel

  public func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive, phase == .running { begin(context) }
  }

  public func channelActive(context: ChannelHandlerContext) {
    if phase == .running, session == nil { begin(context) }
    context.fireChannelActive()
  }

  public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // While TLS ends, what comes is the plain text behind the peer's close_notify.
    guard phase == .running || phase == .downgrading else { return }
    if endTLS != nil { return errorCaught(context: context, error: StopTLSError.noOrderlyEnd) }
    var bytes = unwrapInboundIn(data)
    settings.meter?.note(bytesIn: bytes.readableBytes)
    if pending.readableBytes == 0 { pending = bytes } else { pending.writeBuffer(&bytes) }
    hasNews = true
    drive(context)
  }

  public func channelReadComplete(context: ChannelHandlerContext) {
    context.fireChannelReadComplete()
  }

  public func read(context: ChannelHandlerContext) {
    if isReadingPaused(context) { isReadPending = true } else { context.read() }
  }

  public func channelWritabilityChanged(context: ChannelHandlerContext) {
    drive(context)
    context.fireChannelWritabilityChanged()
  }

  public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case let event as TLSUserEvent:
      if case .handshakeCompleted(let applicationProtocol) = event {
        handshakeCompleted(context, applicationProtocol: applicationProtocol)
      }
    case ChannelEvent.inputClosed:
      inputClosed(context)
    case is DrainRequest:
      drain(context)
    default:
      context.fireUserInboundEventTriggered(event)
    }
  }

  public func errorCaught(context: ChannelHandlerContext, error: any Error) {
    settings.onError(error, connection)
    closeNow(context)
  }

  public func channelInactive(context: ChannelHandlerContext) {
    end()
    context.fireChannelInactive()
  }

  public func handlerRemoved(context: ChannelHandlerContext) { end() }

  // MARK: Rounds

  private func begin(_ context: ChannelHandlerContext) {
    session = makeSession(connection)
    step { session, now, actions in session.opened(now: now, into: &actions) }
    drive(context)
  }

  /// Calls the session, outside of a round or within one; its actions are carried out by the next turn of `drive`.
  func step(_ body: (inout Session, MonotonicTime, inout Actions) -> Void) {
    guard session != nil else { return }
    body(&session!, clock.now(), &actions)
  }

  /// Goes on until the session wants nothing more, then flushes.
  func drive(_ context: ChannelHandlerContext) {
    guard !isDriving else { return }
    isDriving = true
    repeat {
      offerInput(context)
      carryOut(context, input: nil)
      pump(context)
      startCompression(context)
    } while canOffer || !actions.isEmpty || drained(context)
    isDriving = false
    if phase == .closing, output.isEmpty { finishWrites(context) }
    updateReading(context)
  }

  private var canOffer: Bool { hasNews && phase == .running && pending.readableBytes > 0 && output.isEmpty }

  private func offerInput(_ context: ChannelHandlerContext) {
    guard canOffer, session != nil else { return }
    hasNews = false
    let input = pending
    let consumed = session!.receive(input.readableBytesSpan, now: clock.now(), into: &actions)
    pending.moveReaderIndex(forwardBy: max(0, min(consumed, pending.readableBytes)))
    carryOut(context, input: input)
    if pending.readableBytes == 0 {
      pending.clear(minimumCapacity: 0)
    } else if pending.readerIndex > 64 * 1024 {
      pending.discardReadBytes()
    }
  }

  /// Carries out actions until there are none. `.body` ranges are parts of `input`, which the first of them came from.
  private func carryOut(_ context: ChannelHandlerContext, input: ByteBuffer?) {
    var input = input
    while !actions.isEmpty, phase == .running || phase == .closing {
      swap(&actions, &spare)
      for action in spare.actions {
        guard phase == .running || phase == .closing else { break }
        perform(action, context, input: input)
      }
      spare.removeAll()
      input = nil
    }
    if phase != .running && phase != .closing { actions.removeAll() }
  }

  private func perform(_ action: Actions.Action, _ context: ChannelHandlerContext, input: ByteBuffer?) {
    switch action {
    case .write(let range):
      output.append(bytes: spare.output, range)
      wroteSinceDrained = true
    case .send(let body, let range):
      output.append(handler.source(of: body), range)
      wroteSinceDrained = true
    case .body(let range, let ticket):
      guard let input, let slice = input.getSlice(at: input.readerIndex + range.lowerBound, length: range.count) else {
        preconditionFailure("a session gave a body range outside of its input")
      }
      requests.append(slice, for: ticket)
    case .bodyEnd(let ticket): requests.finishBody(of: ticket)
    case .request(let request, let ticket): ask(request, ticket, context)
    case .cancel(let ticket): requests.cancel(ticket)
    case .startTLS: startTLS(context)
    case .stopTLS: stopTLS(context)
    case .setTimer(let timer, let time): setTimer(timer, time, context)
    case .event(let event): handler.report(event, on: connection)
    case .close(.afterWrites): startClosing(context)
    case .close(.immediately): closeNow(context)
    }
  }

  private func ask(_ request: Session.Request, _ ticket: Ticket, _ context: ChannelHandlerContext) {
    let operation = settings.meter == nil ? nil : handler.operation(of: request)
    let start = operation == nil ? MonotonicTime(nanoseconds: 0) : clock.now()
    if let reply = handler.answer(request, on: connection) {
      note(operation, since: start, reply)
      step { session, now, actions in session.resume(reply, for: ticket, now: now, into: &actions) }
      hasNews = true
      return
    }
    let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let eventLoop = context.eventLoop
    let body = RequestBody {
      eventLoop.execute {
        let (driver, context) = loopBound.value
        driver.updateReading(context)
      }
    }
    let (handler, connection) = (handler, connection)
    let (clock, meter) = (clock, settings.meter)
    let task = Task(executorPreference: executor) {
      let reply = await handler.handle(request, body: body, on: connection)
      body.abandon()
      if let operation {
        meter?.note(
          operation, handler.outcome(of: reply), nanoseconds: (clock.now() - start).wholeNanoseconds)
      }
      eventLoop.execute {
        let (driver, context) = loopBound.value
        driver.answered(ticket, reply, context)
      }
    }
    requests.add(ticket, task, body)
  }

  private func note(_ operation: Int?, since start: MonotonicTime, _ reply: Session.Reply) {
    guard let operation else { return }
    settings.meter?.note(
      operation, handler.outcome(of: reply), nanoseconds: (clock.now() - start).wholeNanoseconds)
  }

  private func answered(_ ticket: Ticket, _ reply: Session.Reply, _ context: ChannelHandlerContext) {
    guard requests.remove(ticket), phase == .running || phase == .closing else { return }
    step { session, now, actions in session.resume(reply, for: ticket, now: now, into: &actions) }
    hasNews = true
    drive(context)
  }

  private func drain(_ context: ChannelHandlerContext) {
    switch phase {
    case .running:
      step { session, now, actions in session.drain(now: now, into: &actions) }
      drive(context)
    case .awaitingTLS, .upgrading, .downgrading: closeNow(context)
    case .closing, .lingering, .ended: break
    }
  }

  private func inputClosed(_ context: ChannelHandlerContext) {
    switch phase {
    case .running:
      step { session, now, actions in session.inputClosed(now: now, into: &actions) }
      drive(context)
    case .downgrading where endTLS != nil: beginToEndTLS()
    case .lingering, .awaitingTLS, .upgrading, .downgrading: closeNow(context)
    case .closing, .ended: break
    }
  }

  private func setTimer(_ timer: SessionTimer, _ time: MonotonicTime?, _ context: ChannelHandlerContext) {
    timers.set(timer, at: time, clock: clock, on: context.eventLoop) {
      NIOLoopBound(
        { [self] (timer: SessionTimer) in
          guard phase == .running else { return }
          step { session, now, actions in session.timerFired(timer, now: now, into: &actions) }
          drive(context)
        }, eventLoop: context.eventLoop)
    }
  }

  // MARK: Output

  func pump(_ context: ChannelHandlerContext, all: Bool = false) {
    if output.write(to: context, sendingFiles: connection.tls == nil && !isCompressed, all: all) == false {
      closeNow(context)
    }
    if output.wroteToChannel {
      output.wroteToChannel = false
      settings.meter?.note(bytesOut: output.bytesWritten)
      output.bytesWritten = 0
      context.flush()
    }
  }

  /// Tells the session, once, that what it wrote has left. Returns whether another turn is due.
  private func drained(_ context: ChannelHandlerContext) -> Bool {
    guard output.isEmpty else { return context.channel.isWritable && phase != .ended && phase != .lingering }
    guard wroteSinceDrained, phase == .running, context.channel.isWritable else { return false }
    wroteSinceDrained = false
    step { session, now, actions in session.outputDrained(now: now, into: &actions) }
    if pending.readableBytes > 0 { hasNews = true }
    return !actions.isEmpty || hasNews
  }

  // MARK: Reading

  private func isReadingPaused(_ context: ChannelHandlerContext) -> Bool {
    switch phase {
    case .running:
      !output.isEmpty || !context.channel.isWritable || requests.isBodyFull
        || pending.readableBytes > (session?.maximumPendingInput ?? 0)
    case .closing: true
    case .awaitingTLS, .upgrading, .downgrading, .lingering, .ended: false
    }
  }

  private func updateReading(_ context: ChannelHandlerContext) {
    guard isReadPending, !isReadingPaused(context) else { return }
    isReadPending = false
    context.read()
  }

  // MARK: Compression

  /// Puts DEFLATE before the driver, once the session wants it and its last plain word has left.
  private func startCompression(_ context: ChannelHandlerContext) {
    guard !isCompressed, phase == .running, session?.wantsCompression == true else { return }
    pump(context, all: true)
    isCompressed = true
    do {
      let handler = try CompressionHandler()
      try context.pipeline.syncOperations.addHandler(handler, position: .before(self))
      guard pending.readableBytes > 0 else { return }
      let behind = pending
      pending = ByteBuffer()
      hasNews = false
      handler.channelRead(
        context: try context.pipeline.syncOperations.context(handler: handler), data: NIOAny(behind))
    } catch {
      errorCaught(context: context, error: error)
    }
  }

  // MARK: TLS

  private func startTLS(_ context: ChannelHandlerContext) {
    guard pending.readableBytes == 0, let upgrade = settings.startTLS else {
      // Plain text behind STARTTLS was sent by somebody in between, or by a client that does not wait: in both cases
      // nothing may be answered as if it had come inside TLS.
      settings.onError(StartTLSError.plainTextFollows, connection)
      closeNow(context)
      return
    }
    pump(context, all: true)
    phase = .upgrading
    do {
      try upgrade(context.pipeline.syncOperations, self)
    } catch {
      errorCaught(context: context, error: error)
    }
  }

  private func handshakeCompleted(_ context: ChannelHandlerContext, applicationProtocol: String?) {
    let parameters = settings.tlsParameters(context.pipeline, applicationProtocol)
    connection.tls = parameters
    switch phase {
    case .awaitingTLS:
      phase = .running
      begin(context)
    case .upgrading:
      phase = .running
      pending.clear()
      step { session, now, actions in session.tlsEstablished(parameters, now: now, into: &actions) }
      drive(context)
    default: break
    }
  }

  // MARK: The end

  /// Nothing more is taken from the session; what is queued still leaves, if the peer takes it in time.
  private func startClosing(_ context: ChannelHandlerContext) {
    guard phase == .running else { return }
    phase = .closing
    closeNow(context, after: settings.closeTimeout, unlessPast: .closing)
  }

  private func closeNow(_ context: ChannelHandlerContext, after delay: Duration, unlessPast limit: Phase) {
    let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    context.eventLoop.scheduleTask(in: .nanoseconds(delay.wholeNanoseconds)) {
      let (driver, context) = loopBound.value
      if driver.phase == limit { driver.closeNow(context) }
    }
  }

  /// All is written: ends our side, and lingers for the peer's.
  private func finishWrites(_ context: ChannelHandlerContext) {
    phase = .lingering
    pending.clear()
    requests.cancelAll()
    let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(.byteBuffer(ByteBuffer()))).whenComplete { _ in
      let context = loopBound.value
      context.close(mode: .output).whenFailure { _ in loopBound.value.close(promise: nil) }
    }
    closeNow(context, after: settings.lingerTime, unlessPast: .lingering)
    updateReading(context)
  }

  private func closeNow(_ context: ChannelHandlerContext) {
    guard phase != .ended else { return }
    end()
    context.close(promise: nil)
  }

  private func end() {
    guard phase != .ended else { return }
    phase = .ended
    endTLS = nil
    requests.cancelAll()
    timers.cancelAll()
    output.removeAll()
    actions.removeAll()
    pending.clear()
    session = nil
    handler.ended(connection)
  }
}

/// Fired into a pipeline when the server wants the connection to end in good order.
struct DrainRequest: Sendable {}

/// Why a STARTTLS did not come to be.
public enum StartTLSError: Error, Sendable {
  /// Bytes stood behind the command in plain text.
  case plainTextFollows
}
