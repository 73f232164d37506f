import Compression
import NIOCore

/// DEFLATE both ways between a session and its connection (RFC 4978), inside TLS where there is TLS.
///
/// What a small input unfolds to comes in pieces of bounded size, each when the session's driver wants to read again.
final class CompressionHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = IOData
  typealias OutboundOut = ByteBuffer

  /// Bytes of a piece. A session lets little more than a line wait.
  private static let pieceSize = 64 * 1024

  private let inflater: Inflater
  private let deflater: Deflater
  /// Input that has not been unfolded yet.
  private var held = ByteBuffer()
  /// Whether more may unfold without more input.
  private var isFull = false

  init() throws {
    inflater = try Inflater(.raw)
    deflater = try Deflater(.raw)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    if held.readableBytes == 0 { held = bytes } else { held.writeBuffer(&bytes) }
    unfold(context)
    if hasMore { readAgain(context) }
  }

  func read(context: ChannelHandlerContext) {
    guard hasMore else { return context.read() }
    unfold(context)
    // This read was the driver's; the connection's own is still due.
    readAgain(context)
  }

  private var hasMore: Bool { held.readableBytes > 0 || isFull }

  /// Asks the driver, in a turn of its own, whether it wants more: it may have paused.
  private func readAgain(_ context: ChannelHandlerContext) {
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.eventLoop.execute { bound.value.pipeline.read() }
  }

  /// Passes one piece on.
  private func unfold(_ context: ChannelHandlerContext) {
    var output: [UInt8] = []
    do {
      let input = held
      let taken = try inflater.decompress(input.readableBytesSpan, limit: Self.pieceSize, into: &output)
      held.moveReaderIndex(forwardBy: taken)
      if held.readableBytes == 0 { held.clear() }
      isFull = output.count >= Self.pieceSize
    } catch {
      context.fireErrorCaught(error)
      return
    }
    guard !output.isEmpty else { return }
    context.fireChannelRead(wrapInboundOut(ByteBuffer(bytes: output)))
    context.fireChannelReadComplete()
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    // Files are read by the driver itself while this handler is there.
    guard case .byteBuffer(let bytes) = unwrapOutboundIn(data) else {
      promise?.fail(ChannelError.operationUnsupported)
      return
    }
    fold(bytes, .none, context, promise)
  }

  func flush(context: ChannelHandlerContext) {
    fold(ByteBuffer(), .sync, context, nil)
    context.flush()
  }

  private func fold(
    _ bytes: ByteBuffer, _ flush: CompressionFlush, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?
  ) {
    var output: [UInt8] = []
    do {
      try deflater.compress(bytes.readableBytesSpan, flush, into: &output)
    } catch {
      promise?.fail(error)
      context.fireErrorCaught(error)
      return
    }
    context.write(wrapOutboundOut(ByteBuffer(bytes: output)), promise: promise)
  }
}
