import Glibc
import NIOCore
import Services

/// Does to a connection what a `ConnectionFault` says. It stands next to the socket, so that TLS is hurt as a network would hurt it.
final class FaultHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = IOData
  typealias OutboundOut = IOData

  private let fault: ConnectionFault
  /// Bytes of answers so far.
  private var count = 0
  private var isClosed = false

  init(_ fault: ConnectionFault) { self.fault = fault }

  /// Ends a connection with a reset, as a crash or a firewall does.
  static func reset(_ channel: any Channel) {
    _ = (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
    channel.close(promise: nil)
  }

  /// Ends a connection so that what was sent arrives; whatever comes meanwhile is not looked at.
  private static func end(_ channel: any Channel) {
    channel.close(mode: .output, promise: nil)
    channel.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if fault != .drop, !isClosed { context.fireChannelRead(data) }
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch fault {
    case .refuse, .drop: promise?.succeed()
    case .delay(let time):
      let data = unwrapOutboundIn(data)
      later(time, context) { $0.write(NIOAny(data), promise: promise) }
    case .close(let limit):
      var bytes = Self.bytes(unwrapOutboundIn(data), context)
      let rest = limit - count
      guard bytes.readableBytes > rest else {
        count += bytes.readableBytes
        return context.write(NIOAny(IOData.byteBuffer(bytes)), promise: promise)
      }
      promise?.succeed()
      guard !isClosed else { return }
      isClosed = true
      let last = bytes.readSlice(length: max(0, rest)) ?? ByteBuffer()
      let channel = context.channel
      context.writeAndFlush(NIOAny(IOData.byteBuffer(last))).whenComplete { _ in Self.end(channel) }
    case .corrupt(let step):
      var bytes = Self.bytes(unwrapOutboundIn(data), context)
      let start = bytes.readerIndex
      for place in 0..<bytes.readableBytes where (count + place + 1).isMultiple(of: step) {
        let byte = bytes.getInteger(at: start + place, as: UInt8.self) ?? 0
        bytes.setInteger(byte ^ 1, at: start + place)
      }
      count += bytes.readableBytes
      context.write(NIOAny(IOData.byteBuffer(bytes)), promise: promise)
    }
  }

  func flush(context: ChannelHandlerContext) {
    guard case .delay(let time) = fault else { return context.flush() }
    later(time, context) { $0.flush() }
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard case .delay(let time) = fault else { return context.close(mode: mode, promise: promise) }
    later(time, context) { $0.close(mode: mode, promise: promise) }
  }

  /// All that is put off waits for the same time, so that its order stays.
  private func later(
    _ time: Duration, _ context: ChannelHandlerContext, _ body: @escaping (ChannelHandlerContext) -> Void
  ) {
    let held = NIOLoopBound((context, body), eventLoop: context.eventLoop)
    context.eventLoop.scheduleTask(in: .nanoseconds(time.wholeNanoseconds)) {
      let (context, body) = held.value
      body(context)
    }
  }

  /// What is to be sent, in memory: a laboratory can afford to read a file for it.
  private static func bytes(_ data: IOData, _ context: ChannelHandlerContext) -> ByteBuffer {
    switch data {
    case .byteBuffer(let bytes): return bytes
    case .fileRegion(let region):
      var bytes = context.channel.allocator.buffer(capacity: region.readableBytes)
      _ = try? region.fileHandle.withUnsafeFileDescriptor { descriptor in
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: region.readableBytes) { memory in
          max(0, pread(descriptor, memory.baseAddress, region.readableBytes, region.readerIndex))
        }
      }
      return bytes
    }
  }
}
