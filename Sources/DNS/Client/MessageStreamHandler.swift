import NIOCore

/// Cuts what a server sends over a stream into messages, each behind its length (RFC 1035 §4.2.2): for whoever asks over
/// TCP, TLS or a Unix socket.
public final class MessageStreamHandler: ChannelInboundHandler {
  public typealias InboundIn = ByteBuffer

  private let received: ([UInt8]) -> Void
  private let ended: ((any Error)?) -> Void
  private var gathered = ByteBuffer()

  /// - Parameters:
  ///   - received: Takes the octets of each message, on the event loop.
  ///   - ended: Nothing more comes, for this reason; `nil` when the connection has closed. Called more than once after an
  ///     error.
  public init(received: @escaping ([UInt8]) -> Void, ended: @escaping ((any Error)?) -> Void) {
    self.received = received
    self.ended = ended
  }

  public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    gathered.writeBuffer(&bytes)
    while let length = gathered.getInteger(at: gathered.readerIndex, as: UInt16.self),
      gathered.readableBytes >= 2 + Int(length)
    {
      gathered.moveReaderIndex(forwardBy: 2)
      received(gathered.readBytes(length: Int(length)) ?? [])
    }
    gathered.discardReadBytes()
  }

  public func channelInactive(context: ChannelHandlerContext) { ended(nil) }

  public func errorCaught(context: ChannelHandlerContext, error: any Error) {
    ended(error)
    context.close(promise: nil)
  }
}
