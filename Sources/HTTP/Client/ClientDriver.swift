import HTTPCore
import NIOCore
import NIOSSL
import NIOTLS
import WireKit

/// Drives a client session over a NIO channel, for one request.
final class ClientDriver: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  var tls: NIOSSLClientHandler?
  private let request: ClientRequest
  private let configuration: HTTPClient.Configuration
  private let isSecure: Bool
  private let started: NIODeadline
  private let promise: EventLoopPromise<HTTPExchange>

  private var session: HTTPClientSession?
  private var pending = ByteBuffer()
  private var hasSent = false
  private var response: ResponseHead?
  private var content: [UInt8] = []
  private var timings = HTTPExchange.Timings()
  private var applicationProtocol: String?
  private var deadline: Scheduled<Void>?
  private var isDone = false

  init(
    _ request: ClientRequest, configuration: HTTPClient.Configuration, isSecure: Bool, started: NIODeadline,
    promise: EventLoopPromise<HTTPExchange>
  ) {
    self.request = request
    self.configuration = configuration
    self.isSecure = isSecure
    self.started = started
    self.promise = promise
  }

  private var elapsed: Int64 { (NIODeadline.now() - started).nanoseconds }
  private var now: MonotonicTime { MonotonicTime(nanoseconds: NIODeadline.now().uptimeNanoseconds) }

  // MARK: From the channel

  func channelActive(context: ChannelHandlerContext) {
    timings.connected = elapsed
    postpone(context)
    if !isSecure { begin(context, isHTTP2: configuration.versions == .http2) }
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted(let name) = event as? TLSUserEvent {
      timings.handshake = elapsed
      applicationProtocol = name
      guard name == "h2" || configuration.versions != .http2 else {
        return fail(HTTPClientError.versionRefused, context)
      }
      begin(context, isHTTP2: name == "h2")
    } else if case .inputClosed = event as? ChannelEvent {
      step(context) { session, now, actions in session.inputClosed(now: now, into: &actions) }
      fail(HTTPClientError("the server ended the connection"), context)
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    pending.writeBuffer(&bytes)
    postpone(context)
    receive(context)
  }

  func channelInactive(context: ChannelHandlerContext) {
    step(context) { session, now, actions in session.inputClosed(now: now, into: &actions) }
    fail(HTTPClientError("the server ended the connection"), context)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A server that ends TLS without a word: what is complete is complete.
    if case NIOSSLError.uncleanShutdown = error {
      step(context) { session, now, actions in session.inputClosed(now: now, into: &actions) }
    }
    fail(error, context)
  }

  // MARK: The session

  private func begin(_ context: ChannelHandlerContext, isHTTP2: Bool) {
    session = HTTPClientSession(isHTTP2: isHTTP2)
    step(context) { session, now, actions in session.opened(now: now, into: &actions) }
  }

  private func receive(_ context: ChannelHandlerContext) {
    guard session != nil, !isDone, pending.readableBytes > 0 else { return }
    var actions = HTTPClientSession.Actions()
    let input = pending
    let consumed = session?.receive(input.readableBytesSpan, now: now, into: &actions) ?? 0
    pending.moveReaderIndex(forwardBy: min(max(consumed, 0), pending.readableBytes))
    perform(actions, input, context)
    pending.discardReadBytes()
  }

  private func step(
    _ context: ChannelHandlerContext,
    _ body: (inout HTTPClientSession, MonotonicTime, inout HTTPClientSession.Actions) -> Void
  ) {
    guard session != nil, !isDone else { return }
    var actions = HTTPClientSession.Actions()
    body(&session!, now, &actions)
    perform(actions, ByteBuffer(), context)
  }

  private func perform(
    _ actions: HTTPClientSession.Actions, _ input: ByteBuffer, _ context: ChannelHandlerContext
  ) {
    var wrote = false
    for action in actions.actions {
      guard !isDone else { break }
      switch action {
      case .write(let range):
        wrote = true
        context.write(wrapOutboundOut(ByteBuffer(bytes: actions.output[range])), promise: nil)
      case .body(let range, _): append(range, input, context)
      case .bodyEnd: complete(context)
      case .request(_, let ticket): respond(ticket, context)
      case .event(.head(let head, _)):
        if timings.firstByte == 0 { timings.firstByte = elapsed }
        if !head.status.isInformational { response = head }
      case .event(.failed(_, let diagnosis)), .event(.connectionFailed(let diagnosis)):
        fail(HTTPClientError(diagnosis), context)
      case .close: context.close(promise: nil)
      case .send, .cancel, .startTLS, .stopTLS, .setTimer: break
      }
    }
    if wrote { context.flush() }
  }

  /// The session wants a request: there is one.
  private func respond(_ ticket: Ticket, _ context: ChannelHandlerContext) {
    guard !hasSent else { return }
    hasSent = true
    step(context) { [request] session, now, actions in
      session.resume(.perform(request), for: ticket, now: now, into: &actions)
    }
  }

  private func append(_ range: Range<Int>, _ input: ByteBuffer, _ context: ChannelHandlerContext) {
    guard content.count + range.count <= configuration.maximumContent else {
      return fail(HTTPClientError.contentTooLarge, context)
    }
    content += input.getBytes(at: input.readerIndex + range.lowerBound, length: range.count) ?? []
  }

  // MARK: Ends

  private func complete(_ context: ChannelHandlerContext) {
    guard let response, !isDone else { return }
    timings.complete = elapsed
    finish(.success(HTTPExchange(response: response, content: content, timings: timings, tls: details)), context)
  }

  private func fail(_ error: any Error, _ context: ChannelHandlerContext) { finish(.failure(error), context) }

  private func finish(_ result: Result<HTTPExchange, any Error>, _ context: ChannelHandlerContext) {
    guard !isDone else { return }
    isDone = true
    deadline?.cancel()
    promise.completeWith(result)
    context.close(promise: nil)
  }

  private func postpone(_ context: ChannelHandlerContext) {
    deadline?.cancel()
    let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: .seconds(configuration.timeoutSeconds)) {
      let (driver, context) = loopBound.value
      driver.fail(HTTPClientError.timedOut, context)
    }
  }

  private var details: HTTPExchange.TLSDetails? {
    guard let tls else { return nil }
    let version =
      switch tls.tlsVersion {
      case .tlsv12: "TLSv1.2"
      case .tlsv13: "TLSv1.3"
      default: "TLS"
      }
    let certificate = tls.peerCertificate.flatMap { certificate in
      (try? certificate.toDERBytes()).map { der in
        HTTPExchange.PeerCertificate(
          der: der, notValidBefore: Int64(certificate.notValidBefore), notValidAfter: Int64(certificate.notValidAfter),
          summary: certificate.description)
      }
    }
    return HTTPExchange.TLSDetails(
      version: version, applicationProtocol: applicationProtocol, certificate: certificate)
  }
}
