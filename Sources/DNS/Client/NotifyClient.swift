import DNSCore
import NIOCore
import NIOPosix
import WireKit

/// Tells a secondary that a zone has changed (RFC 1996), until it answers.
public struct NotifyClient: Sendable {
  private let group: any EventLoopGroup
  /// How long is waited for each answer, one attempt after the other (§3.6).
  public var patience: [Duration] = [.seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(16)]

  public init(group: any EventLoopGroup) { self.group = group }

  /// Returns the secondary's answer. Throws when none came, or none that is signed as it must be.
  public func notify(_ soa: ResourceRecord, _ secondary: Endpoint, key: TSIGKey? = nil) async throws -> ResponseCode {
    var lastError: any Error = DNSClientError.timeout
    for limit in patience {
      do {
        return try await attempt(soa, secondary, key, within: limit)
      } catch DNSClientError.timeout {
        lastError = DNSClientError.timeout
      } catch let error as DNSClientError {
        // Nobody listens there yet: it may come up.
        lastError = error
        try await Task.sleep(for: limit)
      }
    }
    throw lastError
  }

  private func attempt(
    _ soa: ResourceRecord, _ secondary: Endpoint, _ key: TSIGKey?, within limit: Duration
  ) async throws -> ResponseCode {
    let id = UInt16.random(in: .min ... .max)
    let question = Question(soa.name, .soa)
    var request = try Message(
      header: Header(id: id, flags: .authoritative, opcode: .notify), questions: [question], answers: [soa]
    ).encoded()
    var verifier = key.map { TSIGVerifier($0) }
    verifier?.sign(&request, now: UnixTime.now)
    let eventLoop = group.next()
    let promise = eventLoop.makePromise(of: [UInt8].self)
    let expiry = eventLoop.scheduleTask(in: .init(limit)) { promise.fail(DNSClientError.timeout) }
    defer { expiry.cancel() }
    let channel: any Channel
    do {
      channel = try await DatagramBootstrap(group: eventLoop)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
              DatagramReplyHandler(ExpectedReply(id: id, question: question), promise))
          }
        }
        .connect(to: SocketAddress(ipAddress: secondary.address.description, port: Int(secondary.port))).get()
    } catch {
      promise.fail(error)
      throw DNSClientError.unreachable(String(describing: error))
    }
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
}
