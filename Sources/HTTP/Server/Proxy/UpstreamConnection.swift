import HTTPCore
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import WireKit

/// A connection to an upstream, seen from tasks.
final class UpstreamConnection: Sendable {
  private let channel: any Channel
  private let driver: NIOLoopBound<UpstreamDriver>
  private let exchanges = Atomic<UInt64>(0)

  private init(_ channel: any Channel, _ driver: NIOLoopBound<UpstreamDriver>) {
    self.channel = channel
    self.driver = driver
  }

  /// Connects, and shakes hands where TLS is wanted.
  static func open(
    to upstream: ProxyConfiguration.Upstream, tls: NIOSSLContext?, _ configuration: ProxyConfiguration,
    on eventLoop: any EventLoop
  ) async throws -> UpstreamConnection {
    let ready = eventLoop.makePromise(of: Void.self)
    let timeout = configuration.responseTimeout
    var bootstrap = ClientBootstrap(group: eventLoop)
      .connectTimeout(.init(configuration.connectTimeout))
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let driver = UpstreamDriver(isSecure: tls != nil, responseTimeout: timeout, ready: ready)
          if let tls {
            let name = IPAddress(upstream.host) == nil ? upstream.host : nil
            try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
          }
          try channel.pipeline.syncOperations.addHandler(driver)
        }
      }
    if upstream.socket == nil { bootstrap = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1) }
    do {
      let channel =
        if let path = upstream.socket {
          try await bootstrap.connect(unixDomainSocketPath: path).get()
        } else {
          try await bootstrap.connect(host: upstream.host, port: Int(upstream.port)).get()
        }
      let expiry = channel.eventLoop.scheduleTask(in: .init(configuration.connectTimeout)) {
        ready.fail(UpstreamError.timedOut)
      }
      defer { expiry.cancel() }
      try await ready.futureResult.get()
      let driver = try await channel.eventLoop.submit {
        NIOLoopBound(
          try channel.pipeline.syncOperations.handler(type: UpstreamDriver.self), eventLoop: channel.eventLoop)
      }.get()
      return UpstreamConnection(channel, driver)
    } catch {
      ready.fail(error)
      throw error
    }
  }

  var isActive: Bool { channel.isActive }

  /// One request and its response. Whoever holds it may send content and give it up; once it is over, both do nothing:
  /// the connection may serve somebody else by then.
  struct Exchange: Sendable {
    let connection: UpstreamConnection
    let number: UInt64
    /// Early hints where the upstream gives any, else the same as `head`.
    let first: EventLoopFuture<ResponseHead>
    /// The final response's.
    let head: EventLoopFuture<ResponseHead>
    let input: UpstreamInput

    /// Sends a piece of content, and waits while the upstream is slow to take it.
    func send(_ bytes: [UInt8]) async throws { try await connection.send(bytes, in: number) }

    func abandon() {
      let number = number
      connection.run { driver, context in driver.abandon(number, context) }
    }
  }

  /// Begins an exchange: the response's head, and where its content comes from. `ended` is called once.
  func perform(
    _ request: ClientRequest, ended: @escaping @Sendable (Bool) -> Void
  ) -> Exchange {
    let number = exchanges.add(1, ordering: .relaxed).newValue
    let first = channel.eventLoop.makePromise(of: ResponseHead.self)
    let head = channel.eventLoop.makePromise(of: ResponseHead.self)
    let input = UpstreamInput { [self] in run { driver, context in driver.resumeReading(context) } }
    run(
      { driver, context in
        driver.perform(
          .init(number: number, request: request, first: first, head: head, input: input, ended: ended), context)
      },
      orElse: {
        first.fail(UpstreamError.closed)
        head.fail(UpstreamError.closed)
        ended(false)
      })
    return Exchange(
      connection: self, number: number, first: first.futureResult, head: head.futureResult, input: input)
  }

  private func send(_ bytes: [UInt8], in number: UInt64) async throws {
    guard channel.isActive else { throw UpstreamError.closed }
    let sent = channel.eventLoop.makePromise(of: Void.self)
    run(
      { driver, context in
        driver.send(bytes, in: number, context)
        // The write's own promise is not at hand here: an empty write behind it completes after it.
        context.writeAndFlush(NIOAny(ByteBuffer()), promise: sent)
      }, orElse: { sent.fail(UpstreamError.closed) })
    try await sent.futureResult.get()
  }

  func close() { channel.close(promise: nil) }

  fileprivate func run(
    _ body: @escaping @Sendable (UpstreamDriver, ChannelHandlerContext) -> Void,
    orElse fallback: @escaping @Sendable () -> Void = {}
  ) {
    let (channel, driver) = (channel, driver)
    channel.eventLoop.execute {
      guard let context = try? channel.pipeline.syncOperations.context(handler: driver.value) else { return fallback() }
      body(driver.value, context)
    }
  }
}
