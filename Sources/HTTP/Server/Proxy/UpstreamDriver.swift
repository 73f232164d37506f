import HTTPCore
import NIOCore
import NIOSSL
import NIOTLS
import WireKit

/// Drives the client's end of one connection to an upstream. Everything in it happens on the connection's event loop.
final class UpstreamDriver: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// One request on its way.
  struct Exchange {
    /// Unique on this connection.
    let number: UInt64
    let request: ClientRequest
    let head: EventLoopPromise<ResponseHead>
    let input: UpstreamInput
    /// Called once when the exchange is over; whether the connection can take another.
    let ended: @Sendable (_ isReusable: Bool) -> Void
  }

  private let isSecure: Bool
  private let responseTimeout: Duration
  private let ready: EventLoopPromise<Void>
  private var session: HTTP1ClientSession?
  private var pending = ByteBuffer()
  private var wanted: Ticket?
  private var exchange: Exchange?
  private var ticket = Ticket(0)
  private var hasHead = false
  private var deadline: Scheduled<Void>?
  private var isReadPaused = false
  private var isClosed = false

  init(isSecure: Bool, responseTimeout: Duration, ready: EventLoopPromise<Void>) {
    self.isSecure = isSecure
    self.responseTimeout = responseTimeout
    self.ready = ready
  }

  // MARK: From the proxy

  /// Begins an exchange. The connection must be idle.
  func perform(_ exchange: Exchange, _ context: ChannelHandlerContext) {
    guard let wanted, !isClosed, self.exchange == nil else {
      exchange.head.fail(UpstreamError.unusable)
      exchange.ended(false)
      return
    }
    self.exchange = exchange
    self.wanted = nil
    (ticket, hasHead) = (wanted, false)
    postpone(context)
    step(context) { session, now, actions in
      session.resume(.perform(exchange.request), for: wanted, now: now, into: &actions)
    }
  }

  /// Sends content of the request, or of the tunnel; an empty piece ends it.
  func send(_ bytes: [UInt8], in number: UInt64, _ context: ChannelHandlerContext) {
    guard exchange?.number == number else { return }
    postpone(context)
    let ticket = ticket
    step(context) { session, now, actions in session.resume(.piece(bytes), for: ticket, now: now, into: &actions) }
  }

  /// Ends the connection if this exchange is still the present one: nobody wants the rest.
  func abandon(_ number: UInt64, _ context: ChannelHandlerContext) {
    if exchange?.number == number { fail(UpstreamError.abandoned, context) }
  }

  func resumeReading(_ context: ChannelHandlerContext) {
    guard isReadPaused else { return }
    isReadPaused = false
    context.read()
  }

  // MARK: From the channel

  func channelActive(context: ChannelHandlerContext) {
    if !isSecure { begin(context) }
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted = event as? TLSUserEvent {
      begin(context)
    } else if case .inputClosed = event as? ChannelEvent {
      step(context) { session, now, actions in session.inputClosed(now: now, into: &actions) }
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  func read(context: ChannelHandlerContext) {
    if exchange?.input.isFull == true { isReadPaused = true } else { context.read() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    pending.writeBuffer(&bytes)
    guard session != nil, !isClosed else { return }
    if exchange != nil { postpone(context) }
    var actions = HTTP1ClientSession.Actions()
    let input = pending
    let consumed = session?.receive(input.readableBytesSpan, now: now, into: &actions) ?? 0
    pending.moveReaderIndex(forwardBy: min(max(consumed, 0), pending.readableBytes))
    perform(actions, input, context)
    pending.discardReadBytes()
  }

  func channelInactive(context: ChannelHandlerContext) {
    step(context) { session, now, actions in session.inputClosed(now: now, into: &actions) }
    fail(UpstreamError.closed, context)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if case NIOSSLError.uncleanShutdown = error {
      step(context) { session, now, actions in session.inputClosed(now: now, into: &actions) }
    }
    fail(error, context)
  }

  // MARK: The session

  private var now: MonotonicTime { MonotonicTime(nanoseconds: NIODeadline.now().uptimeNanoseconds) }

  private func begin(_ context: ChannelHandlerContext) {
    session = HTTP1ClientSession()
    step(context) { session, now, actions in session.opened(now: now, into: &actions) }
    ready.succeed()
  }

  private func step(
    _ context: ChannelHandlerContext,
    _ body: (inout HTTP1ClientSession, MonotonicTime, inout HTTP1ClientSession.Actions) -> Void
  ) {
    guard session != nil, !isClosed else { return }
    var actions = HTTP1ClientSession.Actions()
    body(&session!, now, &actions)
    perform(actions, ByteBuffer(), context)
  }

  private func perform(
    _ actions: HTTP1ClientSession.Actions, _ input: ByteBuffer, _ context: ChannelHandlerContext
  ) {
    var wrote = false
    for action in actions.actions where !isClosed {
      switch action {
      case .write(let range):
        wrote = true
        context.write(wrapOutboundOut(ByteBuffer(bytes: actions.output[range])), promise: nil)
      case .body(let range, _):
        if let slice = input.getSlice(at: input.readerIndex + range.lowerBound, length: range.count) {
          exchange?.input.append(slice)
        }
      case .bodyEnd: complete(context)
      case .request(_, let ticket): wanted = ticket
      case .event(.head(let head, _)):
        guard !head.status.isInformational || head.status == .switchingProtocols, !hasHead else { break }
        hasHead = true
        exchange?.head.succeed(head)
      case .event(.failed(_, let diagnosis)), .event(.connectionFailed(let diagnosis)):
        fail(UpstreamError(diagnosis), context)
      case .close: context.close(promise: nil)
      case .send, .cancel, .startTLS, .stopTLS, .setTimer: break
      }
    }
    if wrote { context.flush() }
  }

  // MARK: Ends

  private func complete(_ context: ChannelHandlerContext) {
    guard let exchange else { return }
    self.exchange = nil
    deadline?.cancel()
    exchange.input.finish()
    // The session's next `.request` comes after this action: reusable once it has come.
    let bound = NIOLoopBound((self, exchange, context), eventLoop: context.eventLoop)
    context.eventLoop.execute {
      let (driver, exchange, context) = bound.value
      exchange.ended(driver.wanted != nil && !driver.isClosed && context.channel.isActive)
      if driver.isReadPaused { driver.resumeReading(context) }
    }
  }

  private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
    guard !isClosed else { return }
    isClosed = true
    ready.fail(error)
    deadline?.cancel()
    if let exchange {
      self.exchange = nil
      exchange.head.fail(error)
      exchange.input.fail(error)
      exchange.ended(false)
    }
    context.close(promise: nil)
  }

  private func postpone(_ context: ChannelHandlerContext) {
    deadline?.cancel()
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: .init(responseTimeout)) {
      let (driver, context) = bound.value
      // A full input is the client's slowness, not the upstream's.
      if driver.exchange?.input.isFull == true { return driver.postpone(context) }
      driver.fail(UpstreamError.timedOut, context)
    }
  }
}

/// Why an upstream gave no (complete) response.
struct UpstreamError: Error, Hashable, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }

  static let timedOut = UpstreamError("the upstream did not answer in time")
  static let closed = UpstreamError("the upstream ended the connection")
  static let abandoned = UpstreamError("nobody wants the response")
  static let unusable = UpstreamError("the connection was in use")
}
