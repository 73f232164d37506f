import DNSCore
import NIOCore
import NIOPosix
import WireKit

/// Asks one server one question: over UDP from a random port with a random id, and over TCP when the answer does not fit.
public struct DNSClient: Sendable {
  private let group: any EventLoopGroup
  public var configuration: DNSClientConfiguration

  public init(
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
    configuration: DNSClientConfiguration = DNSClientConfiguration()
  ) {
    self.group = group
    self.configuration = configuration
  }

  /// Asks and waits for the answer. Throws `DNSClientError` when none comes; an answer such as NXDOMAIN is an answer.
  public func query(_ question: Question, server: Endpoint) async throws -> DNSResponse {
    if configuration.transport != .tcp {
      let response = try await queryDatagram(question, server)
      let isTruncated = response.message.header.flags.contains(.truncated)
      guard isTruncated, configuration.transport == .automatic else { return response }
    }
    return try await exchange(question, server, over: .tcp)
  }

  private func queryDatagram(_ question: Question, _ server: Endpoint) async throws -> DNSResponse {
    var lastError = DNSClientError.timeout
    for _ in 0..<max(1, configuration.attempts) {
      do {
        return try await exchange(question, server, over: .udp)
      } catch let error as DNSClientError {
        guard error == .timeout else { throw error }
        lastError = error
      }
    }
    throw lastError
  }

  /// The octets of a request for a question, with this id.
  func request(_ question: Question, id: UInt16) throws(WireError) -> [UInt8] {
    var flags: Header.Flags = []
    if configuration.recursionDesired { flags.insert(.recursionDesired) }
    if configuration.checkingDisabled { flags.insert(.checkingDisabled) }
    return try Message(header: Header(id: id, flags: flags), questions: [question], edns: configuration.edns).encoded()
  }

  private func exchange(
    _ question: Question, _ server: Endpoint, over transport: DNSResponse.Transport
  ) async throws -> DNSResponse {
    let id = UInt16.random(in: .min ... .max)
    let request = try request(question, id: id)
    let expected = ExpectedReply(id: id, question: question)
    let start = ContinuousClock.now
    let eventLoop = group.next()
    let promise = eventLoop.makePromise(of: [UInt8].self)
    let deadline = eventLoop.scheduleTask(in: .nanoseconds(configuration.timeout.wholeNanoseconds)) {
      promise.fail(DNSClientError.timeout)
    }
    defer { deadline.cancel() }
    let address = try SocketAddress(ipAddress: server.address.description, port: Int(server.port))
    let channel: any Channel
    do {
      channel = try await connect(address, transport, expected, promise, on: eventLoop)
    } catch {
      promise.fail(error)
      throw DNSClientError.unreachable(String(describing: error))
    }
    let reply: [UInt8]
    do {
      reply = try await withTaskCancellationHandler {
        try await channel.writeAndFlush(ByteBuffer(bytes: transport == .tcp ? Self.framed(request) : request))
        return try await promise.futureResult.get()
      } onCancel: {
        promise.fail(CancellationError())
      }
    } catch {
      channel.close(promise: nil)
      promise.fail(error)
      throw error
    }
    channel.close(promise: nil)
    let message = try Message.decode(reply.span.bytes)
    return DNSResponse(
      message: message, server: server, transport: transport, byteCount: reply.count,
      elapsed: ContinuousClock.now - start)
  }

  private func connect(
    _ address: SocketAddress, _ transport: DNSResponse.Transport, _ expected: ExpectedReply,
    _ promise: EventLoopPromise<[UInt8]>, on eventLoop: any EventLoop
  ) async throws -> any Channel {
    switch transport {
    case .udp:
      // A connected socket takes datagrams from this server only, and its port is the kernel's random choice (RFC 5452 §9.2).
      return try await DatagramBootstrap(group: eventLoop)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(DatagramReplyHandler(expected, promise))
          }
        }
        .connect(to: address).get()
    case .tcp:
      return try await ClientBootstrap(group: eventLoop)
        .connectTimeout(.nanoseconds(configuration.timeout.wholeNanoseconds))
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
              MessageStreamHandler { message in
                if expected.matches(message) { promise.succeed(message) }
              } ended: { error in
                promise.fail(error.map { DNSClientError.unreachable(String(describing: $0)) } ?? .connectionClosed)
              })
          }
        }
        .connect(to: address).get()
    }
  }

  /// A message behind its length (RFC 1035 §4.2.2).
  static func framed(_ message: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendInteger(UInt16(truncatingIfNeeded: message.count))
    return bytes + message
  }
}
