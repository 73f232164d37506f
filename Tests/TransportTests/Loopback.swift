import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Services
import Synchronization
import TestKit
import Testing
import Transport
import WireKit

/// A listening echo server on loopback, and what it takes to talk to it.
struct EchoServer {
  let listener: StreamListener<EchoSession, EchoHandler>
  let handler: EchoHandler
  let contexts: TLSContextStore
  let events: RecordingEventSink
  let penalties: FixedPenalties
  let port: Int

  static let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)

  static func start(
    _ configuration: StreamListenerConfiguration, limits: SourceLimits = SourceLimits(), file: OpenFile? = nil
  ) async throws -> EchoServer {
    let handler = EchoHandler(file: file)
    let contexts = TLSContextStore()
    let events = RecordingEventSink()
    let penalties = FixedPenalties()
    let context = ServerContext(
      clock: SystemClock(), events: events, accounts: NoAccounts(), penalties: penalties, sessions: NoSessions(),
      certificates: NoCertificates())
    let listener = StreamListener<EchoSession, EchoHandler>(
      configuration: configuration, context: context, contexts: contexts, counter: ConnectionCounter(limits),
      numbers: SessionNumbers(), handler: handler
    ) { EchoSession($0) }
    let descriptor = try boundSocket()
    try await listener.start(descriptor: descriptor, on: group)
    let port = try #require(listener.localEndpoint).port
    return EchoServer(
      listener: listener, handler: handler, contexts: contexts, events: events, penalties: penalties, port: Int(port))
  }

  private static func boundSocket() throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(bound == 0)
    try #require(listen(descriptor, 128) == 0)
    return descriptor
  }

  func connect(tls: NIOSSLContext? = nil, serverName: String? = nil) async throws -> Client {
    try await Client.connect(port: port, tls: tls, serverName: serverName)
  }
}

/// A client that reads until it has what it waits for.
final class Client: Sendable {
  private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    let received: Received
    init(_ received: Received) { self.received = received }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      received.state.withLock { $0.bytes += unwrapInboundIn(data).readableBytesView }
    }
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case ChannelEvent.inputClosed = event { received.state.withLock { $0.isClosed = true } }
      context.fireUserInboundEventTriggered(event)
    }
    func channelInactive(context: ChannelHandlerContext) { received.state.withLock { $0.isClosed = true } }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      received.state.withLock { $0.error = String(describing: error) }
      context.close(promise: nil)
    }
  }

  final class Received: Sendable {
    let state = Mutex((bytes: [UInt8](), isClosed: false, error: String?.none))
  }

  let channel: any Channel
  let received: Received

  init(channel: any Channel, received: Received) {
    self.channel = channel
    self.received = received
  }

  static func connect(port: Int, tls: NIOSSLContext? = nil, serverName: String? = nil) async throws -> Client {
    let received = Received()
    let channel = try await ClientBootstrap(group: EchoServer.group)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls {
            try channel.pipeline.syncOperations.addHandler(
              NIOSSLClientHandler(context: tls, serverHostname: serverName))
          }
          try channel.pipeline.syncOperations.addHandler(Collector(received))
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    return Client(channel: channel, received: received)
  }

  func send(_ text: String) async throws { try await send(Array(text.utf8)) }
  func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

  var text: String { String(decoding: received.state.withLock { $0.bytes }, as: UTF8.self) }
  var count: Int { received.state.withLock { $0.bytes.count } }
  var isClosed: Bool { received.state.withLock { $0.isClosed } }

  /// Waits, at most ten seconds, until the condition holds.
  @discardableResult
  func wait(_ condition: (Client) -> Bool) async throws -> Bool {
    for _ in 0..<2_000 {
      if condition(self) { return true }
      try await Task.sleep(for: .milliseconds(5))
    }
    return false
  }

  /// Waits until the text received ends like this, and returns it.
  func text(until ending: String) async throws -> String {
    #expect(try await wait { $0.text.hasSuffix(ending) || $0.isClosed }, "received: \(text)")
    return text
  }

  func upgrade(_ tls: NIOSSLContext, serverName: String?) async throws {
    try await channel.eventLoop.submit { [channel] in
      try channel.pipeline.syncOperations.addHandler(
        NIOSSLClientHandler(context: tls, serverHostname: serverName), position: .first)
    }.get()
  }
}

final class FixedPenalties: PenaltyBook {
  let rest = Mutex<Duration?>(nil)
  func penalty(for source: IPAddress, now: MonotonicTime) -> Duration? { rest.withLock { $0 } }
  func report(_ misbehaviour: Misbehaviour, by source: IPAddress, service: ServiceName) {}
}

private struct NoAccounts: Accounts {
  func authenticate(_ attempt: LogInAttempt) async throws(ServiceUnavailable) -> LogInResult { .denied }
  func acceptsPublicKey(_ key: [UInt8], account: String, peer: IPAddress) async throws(ServiceUnavailable) -> Bool {
    false
  }
}

private struct NoSessions: SessionRegister {
  func open(_ session: SessionRecord, end: @escaping @Sendable () -> Void) {}
  func update(_ id: SessionID, account: String) {}
  func close(_ id: SessionID) {}
}

private struct NoCertificates: CertificateSource {
  func identities() -> AsyncStream<[TLSIdentity]> { AsyncStream { $0.finish() } }
}
