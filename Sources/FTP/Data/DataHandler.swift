import Glibc
import NIOCore
import NIOSSL
import NIOTLS
import WireKit

/// The channel's side of a `DataConnection`; everything happens on its event loop.
final class DataHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = IOData
  typealias OutboundOut = IOData

  /// Bytes that may wait for the reader.
  private static let highWater = 1 << 20

  private let stallTime: Duration
  private var context: ChannelHandlerContext?
  private var chunks: [ByteBuffer] = []
  private var waitingBytes = 0
  private var hasBegun = false
  private var isReadHeld = false
  private var hasEnded = false
  private var failure: DataConnection.Failure?
  var isFinishing = false

  private var reader: EventLoopPromise<[ByteBuffer]?>?
  private var handshake: EventLoopPromise<Void>?
  private var secured: (@Sendable (ChannelPipeline.SynchronousOperations) -> Void)?
  private var writing = false
  /// When somebody began to wait for the peer.
  private var waitingSince: NIODeadline?
  private var watch: RepeatedTask?

  init(stallTime: Duration) { self.stallTime = stallTime }

  // MARK: From the connection

  func begin() {
    hasBegun = true
    releaseRead()
    guard let context, watch == nil else { return }
    let interval = TimeAmount.nanoseconds(max(stallTime / 8, .milliseconds(50)).wholeNanoseconds)
    let loopBound = NIOLoopBound(self, eventLoop: context.eventLoop)
    watch = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
      loopBound.value.checkStall()
    }
  }

  func expectHandshake(
    _ promise: EventLoopPromise<Void>, _ secured: (@Sendable (ChannelPipeline.SynchronousOperations) -> Void)?
  ) {
    if let failure { return promise.fail(failure) }
    if hasEnded { return promise.fail(DataConnection.Failure.handshake) }
    handshake = promise
    self.secured = secured
    waitingSince = .now()
  }

  func receive(_ promise: EventLoopPromise<[ByteBuffer]?>) {
    if !chunks.isEmpty {
      let all = chunks
      chunks = []
      waitingBytes = 0
      promise.succeed(all)
      releaseRead()
    } else if let failure {
      promise.fail(failure)
    } else if hasEnded {
      promise.succeed(nil)
    } else {
      reader = promise
      waitingSince = .now()
      releaseRead()
    }
  }

  func send(_ data: IOData, _ promise: EventLoopPromise<Void>) {
    if let failure { return promise.fail(failure) }
    guard let context, !hasEnded else { return promise.fail(DataConnection.Failure.lost) }
    waitingSince = .now()
    writing = true
    let loopBound = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(data)).whenComplete { result in
      let handler = loopBound.value
      handler.writing = false
      switch result {
      case .success: promise.succeed()
      case .failure: promise.fail(handler.failure ?? .lost)
      }
    }
  }

  /// Ends everything, with a reset: an orderly end would look like the end of the file.
  func fail(_ failure: DataConnection.Failure) {
    guard self.failure == nil, !hasEnded else { return }
    self.failure = failure
    if let context {
      _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
      context.channel.close(mode: .all, promise: nil)
    }
    wakeAll()
  }

  // MARK: From the channel

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    end()
    self.context = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    waitingSince = waitingSince.map { _ in .now() }
    if let reader {
      self.reader = nil
      return reader.succeed([bytes])
    }
    chunks.append(bytes)
    waitingBytes += bytes.readableBytes
  }

  func read(context: ChannelHandlerContext) {
    if hasBegun, waitingBytes < Self.highWater { context.read() } else { isReadHeld = true }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted = event as? TLSUserEvent {
      secured?(context.pipeline.syncOperations)
      waitingSince = nil
      handshake?.succeed()
      handshake = nil
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // When we have said everything, how the peer goes away is its own affair.
    if isFinishing {
      context.close(promise: nil)
    } else if handshake != nil {
      fail(.handshake)
    } else if case NIOSSLError.uncleanShutdown = error {
      fail(.truncated)
    } else {
      fail(.lost)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    end()
    context.fireChannelInactive()
  }

  // MARK: Parts

  private func end() {
    guard !hasEnded else { return }
    hasEnded = true
    if handshake != nil, failure == nil { failure = .handshake }
    watch?.cancel()
    wakeAll()
  }

  private func wakeAll() {
    waitingSince = nil
    if let reader {
      self.reader = nil
      if let failure { reader.fail(failure) } else { reader.succeed(nil) }
    }
    if let handshake {
      self.handshake = nil
      handshake.fail(failure ?? .handshake)
    }
  }

  private func releaseRead() {
    guard isReadHeld, hasBegun, waitingBytes < Self.highWater, let context else { return }
    isReadHeld = false
    context.read()
  }

  private func checkStall() {
    guard reader != nil || handshake != nil || writing, let since = waitingSince,
      (NIODeadline.now() - since).nanoseconds > stallTime.wholeNanoseconds
    else { return }
    fail(.stalled)
  }
}
