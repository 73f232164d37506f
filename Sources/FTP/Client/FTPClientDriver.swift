import FTPCore
import NIOCore
import NIOSSL
import NIOTLS
import WireKit

/// Drives a client's session over a NIO channel.
final class FTPClientDriver: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let context: NIOSSLContext?
  private let serverName: String?
  private let isImplicit: Bool
  private var session = FTPClientSession()
  private var pending = ByteBuffer()
  private var tls: NIOSSLClientHandler?
  private var isRunning = false
  private var ticket: Ticket?
  /// News that nobody has asked for yet, and who waits for some.
  private var news: [FTPClientNews] = []
  private var waiter: EventLoopPromise<FTPClientNews>?
  private var failure: (any Error)?
  private var channelContext: ChannelHandlerContext?
  private(set) var certificate: NIOSSLCertificate?

  init(context: NIOSSLContext?, serverName: String?, isImplicit: Bool) {
    self.context = context
    self.serverName = serverName
    self.isImplicit = isImplicit
  }

  private var now: MonotonicTime { MonotonicTime(nanoseconds: NIODeadline.now().uptimeNanoseconds) }

  // MARK: From the owner, on the event loop

  /// Takes the step, if one is due, and promises the news that follows.
  func proceed(_ step: FTPClientStep?, _ promise: EventLoopPromise<FTPClientNews>, within limit: Duration) {
    guard let context = channelContext, failure == nil else {
      return promise.fail(failure ?? FTPClientError("the connection has ended"))
    }
    let deadline = context.eventLoop.scheduleTask(in: .nanoseconds(limit.wholeNanoseconds)) {
      promise.fail(FTPClientError("no answer in time"))
    }
    promise.futureResult.whenComplete { _ in deadline.cancel() }
    waiter = promise
    if let step, let ticket {
      self.ticket = nil
      var actions = FTPClientSession.Actions()
      session.resume(step, for: ticket, now: now, into: &actions)
      perform(actions, context)
      receive(context)
    }
    deliver()
  }

  // MARK: From the channel

  func handlerAdded(context: ChannelHandlerContext) {
    channelContext = context
    isRunning = !isImplicit
    guard isImplicit else { return }
    do { try addTLS(context) } catch { fail(error, context) }
  }

  func handlerRemoved(context: ChannelHandlerContext) { channelContext = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    pending.writeBuffer(&bytes)
    receive(context)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case .handshakeCompleted(let name) = event as? TLSUserEvent else {
      return context.fireUserInboundEventTriggered(event)
    }
    certificate = tls?.peerCertificate
    let version = tls?.tlsVersion == .tlsv13 ? "TLSv1.3" : "TLSv1.2"
    isRunning = true
    if isImplicit {
      news.append(.secured(TLSParameters(version: version, serverName: serverName, applicationProtocol: name)))
      deliver()
      return
    }
    var actions = FTPClientSession.Actions()
    session.tlsEstablished(
      TLSParameters(version: version, serverName: serverName, applicationProtocol: name), now: now, into: &actions)
    perform(actions, context)
  }

  func channelInactive(context: ChannelHandlerContext) {
    fail(FTPClientError("the server ended the connection"), context)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error, context) }

  // MARK: The session

  private func receive(_ context: ChannelHandlerContext) {
    while isRunning, pending.readableBytes > 0 {
      var actions = FTPClientSession.Actions()
      let input = pending
      let consumed = session.receive(input.readableBytesSpan, now: now, into: &actions)
      pending.moveReaderIndex(forwardBy: min(max(consumed, 0), pending.readableBytes))
      perform(actions, context)
      if consumed == 0 { break }
    }
    pending.discardReadBytes()
  }

  private func perform(_ actions: FTPClientSession.Actions, _ context: ChannelHandlerContext) {
    for action in actions.actions {
      switch action {
      case .write(let range):
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: actions.output[range])), promise: nil)
      case .request(let news, let ticket):
        self.ticket = ticket
        self.news.append(news)
        deliver()
      case .startTLS:
        // Plain text behind the reply to AUTH came from somebody in between.
        guard pending.readableBytes == 0 else { return fail(FTPClientError("plain text behind AUTH TLS"), context) }
        isRunning = false
        do { try addTLS(context) } catch { fail(error, context) }
      case .event(.malformed): fail(FTPClientError("what the server says is no FTP"), context)
      case .close: context.close(promise: nil)
      case .event, .send, .body, .bodyEnd, .cancel, .setTimer, .stopTLS: break
      }
    }
  }

  private func addTLS(_ context: ChannelHandlerContext) throws {
    guard let sslContext = self.context else { throw FTPClientError("no TLS is configured") }
    let handler = try NIOSSLClientHandler(context: sslContext, serverHostname: serverName)
    tls = handler
    try context.pipeline.syncOperations.addHandler(handler, position: .before(self))
  }

  private func deliver() {
    guard !news.isEmpty, let waiter else { return }
    self.waiter = nil
    waiter.succeed(news.removeFirst())
  }

  private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
    guard failure == nil else { return }
    failure = error
    waiter?.fail(error)
    waiter = nil
    context.close(promise: nil)
  }
}

/// Why a client's wish did not come true.
public struct FTPClientError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
  /// The server's reply, where it was one.
  public let reply: FTPReply?

  init(_ description: String) {
    self.description = description
    reply = nil
  }

  init(_ reply: FTPReply, to command: String) {
    description = "\(command): \(reply.code) \(reply.text)"
    self.reply = reply
  }
}
