import NIOCore
import SSHCore
import WireKit

/// Drives a client session over a NIO channel, for one program.
final class SSHClientDriver: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let configuration: SSHClient.Configuration
  private let promise: EventLoopPromise<SSHExchange>
  private let started = NIODeadline.now()
  private var program: (any ClientProgram)?
  private var session: ClientSession
  private var pending = ByteBuffer()
  private var exchange = SSHExchange()
  private var credentials: ArraySlice<ClientCredential>
  private var answers: ArraySlice<Credential>
  /// What is to be done, as soon as the session asks for it.
  private var commands: [ClientCommand] = []
  private var openQuestion: Ticket?
  private var hasSentEOF = false
  private var deadline: Scheduled<Void>?
  private var isDone = false

  init(
    _ configuration: SSHClient.Configuration, _ program: (any ClientProgram)?, promise: EventLoopPromise<SSHExchange>
  ) {
    self.configuration = configuration
    self.program = program
    self.promise = promise
    credentials = configuration.credentials[...]
    answers = configuration.answers[...]
    session = ClientSession(user: configuration.user, algorithms: configuration.algorithms)
    if let program { commands = [.run(program.request)] } else { commands = [.disconnect] }
  }

  private var elapsed: Int64 { (NIODeadline.now() - started).nanoseconds }
  private var now: MonotonicTime { MonotonicTime(nanoseconds: NIODeadline.now().uptimeNanoseconds) }

  // MARK: From the channel

  func channelActive(context: ChannelHandlerContext) {
    exchange.timings.connected = elapsed
    postpone(context)
    var actions = ClientSession.Actions()
    session.opened(now: now, into: &actions)
    perform(actions, context)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    pending.writeBuffer(&bytes)
    postpone(context)
    offer(context)
  }

  func channelInactive(context: ChannelHandlerContext) {
    fail(SSHClientError("the server ended the connection"), context)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error, context) }

  // MARK: The session

  private func offer(_ context: ChannelHandlerContext) {
    while !isDone, pending.readableBytes > 0 {
      var actions = ClientSession.Actions()
      let consumed = session.receive(pending.readableBytesSpan, now: now, into: &actions)
      pending.moveReaderIndex(forwardBy: min(max(consumed, 0), pending.readableBytes))
      let isQuiet = consumed == 0 && actions.isEmpty
      perform(actions, context)
      if isQuiet { break }
    }
    pending.discardReadBytes()
  }

  private func resume(_ reply: ClientReply, _ ticket: Ticket, _ context: ChannelHandlerContext) {
    guard !isDone else { return }
    var actions = ClientSession.Actions()
    session.resume(reply, for: ticket, now: now, into: &actions)
    perform(actions, context)
  }

  private func perform(_ actions: ClientSession.Actions, _ context: ChannelHandlerContext) {
    if !actions.output.isEmpty {
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: actions.output)), promise: nil)
    }
    for action in actions.actions where !isDone {
      switch action {
      case .request(let request, let ticket): answer(request, ticket, context)
      case .event(let event): note(event, context)
      case .close: fail(SSHClientError("the connection ended"), context)
      default: break
      }
    }
    goOn(context)
  }

  private func answer(_ request: ClientRequest, _ ticket: Ticket, _ context: ChannelHandlerContext) {
    switch request {
    case .judgeHostKey(let key):
      exchange.hostKey = key
      exchange.server = session.serverIdentification
      guard configuration.judgeHostKey(key) else {
        return fail(SSHClientError("the host key \(key.fingerprint) is not the one that is expected"), context)
      }
      resume(.hostKeyAccepted(true), ticket, context)
    case .judgeHostCertificate(let certificate): judge(certificate, ticket, context)
    case .credential(let methods, _):
      if methods != ["none"] { exchange.methods = methods }
      // Without credentials the server's methods are the answer.
      if configuration.credentials.isEmpty, methods != ["none"] { return finish(context) }
      if configuration.credentials.isEmpty { return resume(.credential(.none), ticket, context) }
      let next = credentials.popFirst()
      resume(.credential(next ?? .giveUp), ticket, context)
    case .answer(let prompts):
      let given = Array(answers.prefix(prompts.count))
      answers = answers.dropFirst(given.count)
      guard given.count == prompts.count else {
        return fail(SSHClientError("the server asks for more than is known: \(prompts)"), context)
      }
      resume(.answers(given), ticket, context)
    case .nextCommand: openQuestion = ticket
    }
  }

  private func judge(_ certificate: KeyCertificate, _ ticket: Ticket, _ context: ChannelHandlerContext) {
    exchange.hostKey = certificate.key
    exchange.server = session.serverIdentification
    let reason: String
    switch configuration.judgeHostCertificate(certificate) {
    case .known:
      exchange.hostCertificate = certificate
      return resume(.hostKeyAccepted(true), ticket, context)
    case .unknown:
      // No authority that is known: then the key counts, as if it had come alone.
      if configuration.judgeHostKey(certificate.key) { return resume(.hostKeyAccepted(true), ticket, context) }
      reason = "neither its key nor its authority is one that is expected"
    case .changed: reason = "another is known"
    case .revoked: reason = "it was revoked"
    case .certificateIsNotFor: reason = "it is not for this name or not for this time"
    }
    fail(SSHClientError("the host certificate \(certificate.key.fingerprint) does not count: \(reason)"), context)
  }

  private func goOn(_ context: ChannelHandlerContext) {
    guard let ticket = openQuestion, !commands.isEmpty, !isDone else { return }
    openQuestion = nil
    if case .disconnect = commands[0] { return finish(context) }
    resume(.command(commands.removeFirst()), ticket, context)
  }

  private func note(_ event: ClientEvent, _ context: ChannelHandlerContext) {
    switch event {
    case .banner(let text): exchange.banner = String(text.prefix(4_096))
    case .keysExchanged where exchange.timings.keysExchanged == 0:
      exchange.timings.keysExchanged = elapsed
      exchange.algorithms = session.agreedAlgorithms
    case .loggedIn:
      exchange.isLoggedIn = true
      exchange.timings.loggedIn = elapsed
    case .logInFailed:
      fail(SSHClientError("the log-in failed; the server takes \(exchange.methods.joined(separator: ", "))"), context)
    case .channelRefused: fail(SSHClientError("the server gives no session"), context)
    case .started(_, false): fail(SSHClientError("the server does not run that"), context)
    case .started(let channel, true): say(program?.started() ?? [], channel)
    case .data(let channel, let bytes):
      exchange.output += bytes
      guard exchange.output.count <= configuration.maximumOutput else {
        return fail(SSHClientError("too much output"), context)
      }
      say(program?.received(bytes) ?? [], channel)
    case .errorData(_, let bytes):
      if exchange.errors.count < configuration.maximumOutput { exchange.errors += bytes }
    case .exited(_, let status): exchange.exit = status
    case .channelClosed: finish(context)
    case .disconnected(_, let diagnosis): fail(SSHClientError("disconnected: \(diagnosis)"), context)
    case .channelOpened, .keysExchanged, .eof: break
    }
  }

  private func say(_ bytes: [UInt8], _ channel: ChannelNumber) {
    if !bytes.isEmpty { commands.append(.send(channel, bytes)) }
    if program?.isDone == true, !hasSentEOF {
      hasSentEOF = true
      commands.append(.sendEOF(channel))
    }
  }

  // MARK: Ends

  private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
    guard !isDone else { return }
    isDone = true
    deadline?.cancel()
    promise.fail(error)
    context.close(promise: nil)
  }

  private func finish(_ context: ChannelHandlerContext) {
    guard !isDone else { return }
    exchange.timings.ended = elapsed
    exchange.program = program
    var actions = ClientSession.Actions()
    session.drain(now: now, into: &actions)
    isDone = true
    deadline?.cancel()
    promise.succeed(exchange)
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: actions.output)), promise: nil)
    context.close(promise: nil)
  }

  private func postpone(_ context: ChannelHandlerContext) {
    deadline?.cancel()
    let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: .seconds(configuration.timeoutSeconds)) {
      let (driver, context) = loopBound.value
      driver.fail(SSHClientError("timed out"), context)
    }
  }
}
