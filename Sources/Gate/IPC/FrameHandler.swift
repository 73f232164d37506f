import NIOCore

import struct FoundationEssentials.Data
import class FoundationEssentials.JSONDecoder
import class FoundationEssentials.JSONEncoder

/// The frames of the gate's socket: a length of four bytes in network order, then that many bytes of JSON.
package enum Frame {
  /// Most bytes of a frame's body. Who sends more is cut off.
  package static let maximumLength = 1 << 20

  /// The frame of a message; `nil` when it can't be encoded or is too long.
  package static func encode(_ message: some Encodable) -> ByteBuffer? {
    guard let body = try? JSONEncoder().encode(message), body.count <= maximumLength else { return nil }
    var buffer = ByteBuffer()
    buffer.reserveCapacity(body.count + 4)
    buffer.writeInteger(UInt32(body.count))
    buffer.writeBytes(body)
    return buffer
  }
}

/// Cuts frames from the stream and hands each message to a closure; all on the channel's event loop.
///
/// A frame that is too long, or is no message, closes the connection: the other side is one of our own programs, so it
/// is either of another version or not itself any more.
package final class FrameHandler<Message: Decodable & Sendable>: ChannelInboundHandler {
  package typealias InboundIn = ByteBuffer

  private let receive: (Message) -> Void
  private let closed: () -> Void
  private let writabilityChanged: () -> Void
  private var buffer = ByteBuffer()
  private var isBroken = false

  package init(
    receive: @escaping (Message) -> Void, closed: @escaping () -> Void,
    writabilityChanged: @escaping () -> Void = {}
  ) {
    self.receive = receive
    self.closed = closed
    self.writabilityChanged = writabilityChanged
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isBroken else { return }
    var received = unwrapInboundIn(data)
    buffer.writeBuffer(&received)
    while let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self) {
      guard length <= Frame.maximumLength else { return breakOff(context) }
      guard buffer.readableBytes >= 4 + Int(length) else { break }
      buffer.moveReaderIndex(forwardBy: 4)
      guard let body = buffer.readBytes(length: Int(length)),
        let message = try? JSONDecoder().decode(Message.self, from: Data(body))
      else { return breakOff(context) }
      receive(message)
    }
    buffer.discardReadBytes()
  }

  package func channelWritabilityChanged(context: ChannelHandlerContext) {
    writabilityChanged()
    context.fireChannelWritabilityChanged()
  }

  package func channelInactive(context: ChannelHandlerContext) {
    closed()
    context.fireChannelInactive()
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func breakOff(_ context: ChannelHandlerContext) {
    isBroken = true
    buffer.clear()
    context.close(promise: nil)
  }
}
