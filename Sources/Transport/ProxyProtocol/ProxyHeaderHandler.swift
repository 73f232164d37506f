import NIOCore
import WireKit

/// Waits for the PROXY header at the start of a connection, and hands over to the rest of the pipeline then.
final class ProxyHeaderHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let timeout: Duration
  private let proceed: (ProxyHeader.Endpoints?) -> Void
  private var buffer = ByteBuffer()
  private var deadline: Scheduled<Void>?
  private var isDone = false

  /// - Parameter proceed: Adds the other handlers; called once, with what the header says.
  init(timeout: Duration, proceed: @escaping (ProxyHeader.Endpoints?) -> Void) {
    self.timeout = timeout
    self.proceed = proceed
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: .nanoseconds(timeout.wholeNanoseconds)) {
      loopBound.value.close(promise: nil)
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isDone else {
      context.fireChannelRead(data)
      return
    }
    var bytes = unwrapInboundIn(data)
    buffer.writeBuffer(&bytes)
    switch ProxyHeader.parse(buffer.readableBytesSpan) {
    case .incomplete: break
    case .malformed: context.close(promise: nil)
    case .complete(let header):
      isDone = true
      deadline?.cancel()
      buffer.moveReaderIndex(forwardBy: header.length)
      proceed(header.endpoints)
      if buffer.readableBytes > 0 {
        context.fireChannelRead(wrapInboundOut(buffer))
        context.fireChannelReadComplete()
      }
      context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
  }
}
