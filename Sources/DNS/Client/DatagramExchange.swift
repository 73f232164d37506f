import DNSCore
import NIOCore
import NIOPosix
import WireKit

/// One message to a server by a datagram, and its answer: what NOTIFY (RFC 1996) and updates (RFC 2136) have in common.
struct DatagramExchange {
  let group: any EventLoopGroup
  let server: Endpoint
  /// The message is signed with it, and an answer that is not signed as it must be (RFC 8945) is an error.
  let key: TSIGKey?

  /// Returns the answer's code. Throws when none came in time, or nobody is reached.
  ///
  /// - Parameter expected: what the answer must have; its id is the message's.
  func send(_ message: Message, _ expected: ExpectedReply, within limit: Duration) async throws -> ResponseCode {
    var request = try message.encoded()
    var verifier = key.map { TSIGVerifier($0) }
    verifier?.sign(&request, now: UnixTime.now)
    let eventLoop = group.next()
    let promise = eventLoop.makePromise(of: [UInt8].self)
    let expiry = eventLoop.scheduleTask(in: .init(limit)) { promise.fail(DNSClientError.timeout) }
    defer { expiry.cancel() }
    let channel = try await connect(expected, promise, on: eventLoop)
    defer { channel.close(promise: nil) }
    let signed = request
    let reply = try await withTaskCancellationHandler {
      channel.writeAndFlush(ByteBuffer(bytes: signed), promise: nil)
      return try await promise.futureResult.get()
    } onCancel: {
      promise.fail(CancellationError())
    }
    guard var verifier else { return try Message.decode(reply).responseCode }
    return try Message.decode(try verifier.verify(reply, now: UnixTime.now)).responseCode
  }

  private func connect(
    _ expected: ExpectedReply, _ promise: EventLoopPromise<[UInt8]>, on eventLoop: any EventLoop
  ) async throws -> any Channel {
    do {
      return try await DatagramBootstrap(group: eventLoop)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(DatagramReplyHandler(expected, promise))
          }
        }
        .connect(to: SocketAddress(ipAddress: server.address.description, port: Int(server.port))).get()
    } catch {
      promise.fail(error)
      throw DNSClientError.unreachable(String(describing: error))
    }
  }
}
