import NIOCore
import NIOSSL
import NIOTLS
import Services
import WireKit

/// Stands at the door of a TLS connection: reads the ClientHello, refuses what is not meant for this service, chooses the
/// context, and gives its place in the pipeline to TLS.
///
/// It stays in the pipeline as long as the handshake lasts, to end one that takes too long; then it is removed.
final class TLSGate: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let contexts: TLSContextStore
  private let service: ServiceName
  private let applicationProtocols: [String]
  private let local: IPAddress
  private let timeout: Duration
  /// The answer to those that speak plain text to a port that begins with TLS; may be empty.
  private let plainTextRefusal: [UInt8]
  private let onRefusal: (TLSRefusal) -> Void
  private(set) var serverName: String?
  private var buffer = ByteBuffer()
  private var deadline: Scheduled<Void>?
  private var isRefused = false
  private var tls: NIOSSLServerHandler?

  init(
    contexts: TLSContextStore, service: ServiceName, applicationProtocols: [String], local: IPAddress,
    timeout: Duration,
    plainTextRefusal: [UInt8] = [], onRefusal: @escaping (TLSRefusal) -> Void
  ) {
    self.contexts = contexts
    self.service = service
    self.applicationProtocols = applicationProtocols
    self.local = local
    self.timeout = timeout
    self.plainTextRefusal = plainTextRefusal
    self.onRefusal = onRefusal
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: .nanoseconds(timeout.wholeNanoseconds)) {
      loopBound.value.close(promise: nil)
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isRefused else { return }
    guard tls == nil else {
      context.fireChannelRead(data)
      return
    }
    var bytes = unwrapInboundIn(data)
    buffer.writeBuffer(&bytes)
    switch ClientHello.parse(buffer.readableBytesSpan) {
    case .incomplete where buffer.readableBytes <= ClientHello.maximumSize: break
    case .incomplete, .malformed: refuse(.notTLS, context)
    case .complete(let hello): accept(hello, context)
    }
  }

  private func accept(_ hello: ClientHello, _ context: ChannelHandlerContext) {
    do {
      serverName = hello.serverName
      let sslContext = try contexts.context(
        for: hello, service: service, applicationProtocols: applicationProtocols, local: local)
      let handler = NIOSSLServerHandler(context: sslContext)
      tls = handler
      try context.pipeline.syncOperations.addHandler(handler, position: .after(self))
      context.fireChannelRead(wrapInboundOut(buffer))
      context.fireChannelReadComplete()
      buffer = ByteBuffer()
    } catch let refusal as TLSRefusal {
      refuse(refusal, context)
    } catch {
      context.fireErrorCaught(error)
      context.close(promise: nil)
    }
  }

  /// Says why, in the peer's own language, and closes.
  private func refuse(_ refusal: TLSRefusal, _ context: ChannelHandlerContext) {
    isRefused = true
    onRefusal(refusal)
    let words = refusal == .notTLS ? plainTextRefusal : refusal.record
    let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: words))).whenComplete { _ in
      loopBound.value.close(promise: nil)
    }
  }

  private var version: String {
    switch tls?.tlsVersion {
    case .tlsv12: "TLSv1.2"
    case .tlsv13: "TLSv1.3"
    default: "TLS"
    }
  }

  /// What was agreed on, once the handshake is over.
  func parameters(applicationProtocol: String?) -> TLSParameters {
    TLSParameters(version: version, serverName: serverName, applicationProtocol: applicationProtocol)
  }
}
