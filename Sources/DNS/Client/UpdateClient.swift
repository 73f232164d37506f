import DNSCore
import NIOCore
import NIOPosix
import WireKit

/// Sends updates to a server (RFC 2136), signed where there is a key (RFC 8945).
public struct UpdateClient: Sendable {
  private let group: any EventLoopGroup
  /// How long is waited for each answer, one attempt after the other (RFC 2136 §4).
  public var patience: [Duration] = [.seconds(1), .seconds(2), .seconds(4)]

  public init(group: any EventLoopGroup) { self.group = group }

  /// Sends one update and returns what became of it. The message gets an id of its own; what came of an attempt whose answer was lost is
  /// for the prerequisites to tell.
  public func send(_ update: Message, to server: Endpoint, key: TSIGKey? = nil) async throws -> ResponseCode {
    var lastError: any Error = DNSClientError.timeout
    for limit in patience {
      do {
        return try await attempt(update, server, key, within: limit)
      } catch DNSClientError.timeout {
        lastError = DNSClientError.timeout
      }
    }
    throw lastError
  }

  /// Carries a registration through to its end.
  public func run(
    _ registration: NameRegistration, at server: Endpoint, key: TSIGKey? = nil
  ) async throws -> NameRegistration.Step {
    var registration = registration
    var step = registration.next()
    while case .send(let message) = step {
      step = registration.next(after: try await send(message, to: server, key: key))
    }
    return step
  }

  private func attempt(
    _ update: Message, _ server: Endpoint, _ key: TSIGKey?, within limit: Duration
  ) async throws -> ResponseCode {
    var update = update
    let id = UInt16.random(in: .min ... .max)
    update.header.id = id
    guard let zone = update.questions.first else { return .formErr }
    var request = try update.encoded()
    var verifier = key.map { TSIGVerifier($0) }
    verifier?.sign(&request, now: UnixTime.now)
    let eventLoop = group.next()
    let promise = eventLoop.makePromise(of: [UInt8].self)
    let expiry = eventLoop.scheduleTask(in: .nanoseconds(limit.wholeNanoseconds)) {
      promise.fail(DNSClientError.timeout)
    }
    defer { expiry.cancel() }
    var expected = ExpectedReply(id: id, question: zone)
    expected.mayOmitQuestion = true
    let channel = try await connect(server, expected, promise, on: eventLoop)
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
    _ server: Endpoint, _ expected: ExpectedReply, _ promise: EventLoopPromise<[UInt8]>, on eventLoop: any EventLoop
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
