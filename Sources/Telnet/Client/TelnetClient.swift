import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization
import TelnetCore
import WireKit

/// How a client connects.
public struct TelnetClientConfiguration: Sendable {
  public enum Security: Sendable, Hashable {
    case none
    /// START_TLS, when the server offers it.
    case starttls
    /// TLS from the start: telnets.
    case implicit
  }

  public var security: Security
  /// DER certificates to trust; empty: the system's.
  public var trustRoots: [[UInt8]]
  public var columns = 80
  public var rows = 24
  public var terminalType = "XTERM"

  public init(security: Security = .none, trustRoots: [[UInt8]] = []) {
    self.security = security
    self.trustRoots = trustRoots
  }
}

/// Why a client gave up.
public enum TelnetClientError: Error, Sendable, Hashable {
  case closed
  case timedOut(waitingFor: String)
  case brokenStream
}

/// A connection to a Telnet server, as scripts use it: read up to a text, write, read again.
public final class TelnetClient: Sendable {
  private let channel: any Channel
  private let conversation: TelnetConversation

  private init(_ channel: any Channel, _ conversation: TelnetConversation) {
    (self.channel, self.conversation) = (channel, conversation)
  }

  /// Connects. `serverName` is the name that the certificate must have, where it is no address.
  public static func connect(
    to endpoint: Endpoint, serverName: String? = nil, configuration: TelnetClientConfiguration = .init(),
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
  ) async throws -> TelnetClient {
    let conversation = TelnetConversation(
      TelnetClientMachine(
        columns: configuration.columns, rows: configuration.rows, terminalType: configuration.terminalType,
        wantsTLS: configuration.security == .starttls))
    let tls = try configuration.security == .none ? nil : makeTLS(configuration)
    let channel = try await ClientBootstrap(group: group).connectTimeout(.seconds(5))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let handler = TelnetClientHandler(conversation, tls: tls, serverName: serverName)
          if configuration.security == .implicit, let tls {
            try channel.pipeline.syncOperations.addHandler(
              NIOSSLClientHandler(context: tls, serverHostname: serverName))
          }
          try channel.pipeline.syncOperations.addHandler(handler)
        }
      }
      .connect(to: SocketAddress(ipAddress: endpoint.address.description, port: Int(endpoint.port))).get()
    return TelnetClient(channel, conversation)
  }

  private static func makeTLS(_ configuration: TelnetClientConfiguration) throws -> NIOSSLContext {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.applicationProtocols = ["telnet"]
    if !configuration.trustRoots.isEmpty {
      tls.trustRoots = .certificates(
        try configuration.trustRoots.map { try NIOSSLCertificate(bytes: $0, format: .der) })
    }
    return try NIOSSLContext(configuration: tls)
  }

  /// Text of the server's up to and with this text.
  public func read(until text: String, within limit: Duration = .seconds(10)) async throws -> String {
    let end = ContinuousClock.now + limit
    while true {
      let (found, isClosed, isBroken) = conversation.take(until: Array(text.utf8))
      if let found { return String(decoding: found, as: UTF8.self) }
      if isBroken { throw TelnetClientError.brokenStream }
      if isClosed { throw TelnetClientError.closed }
      guard ContinuousClock.now < end else { throw TelnetClientError.timedOut(waitingFor: text) }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Types text; a line feed is the Enter key.
  public func write(_ text: String) async throws {
    try await channel.writeAndFlush(ByteBuffer(bytes: conversation.encode(Array(text.utf8))))
  }

  /// What was negotiated, both ways, in order.
  public var exchanges: [TelnetClientMachine.Exchange] { conversation.machine.exchanges }
  /// Options that are on.
  public var agreed: [String] { conversation.machine.agreed }
  /// `TLSv1.3` or the like, once TLS stands.
  public var tlsVersion: String? { conversation.tlsVersion }

  public func close() async { try? await channel.close() }
}

/// What the event loop and the reader share.
final class TelnetConversation: Sendable {
  /// Text that nobody has read; more than that, and the oldest is dropped.
  private static let maximumText = 1 << 20

  private struct State {
    var machine: TelnetClientMachine
    var text: [UInt8] = []
    var isClosed = false
    var tlsVersion: String?
  }

  private let state: Mutex<State>

  init(_ machine: TelnetClientMachine) { state = Mutex(State(machine: machine)) }

  var machine: TelnetClientMachine { state.withLock { $0.machine } }
  var tlsVersion: String? { state.withLock { $0.tlsVersion } }

  func encode(_ bytes: [UInt8]) -> [UInt8] { state.withLock { $0.machine.encode(bytes) } }

  /// Takes bytes; returns what is to be answered, and whether TLS begins.
  func receive(_ bytes: ByteBufferView) -> (answer: [UInt8], beginsTLS: Bool) {
    state.withLock { state in
      var answer: [UInt8] = []
      state.text += state.machine.receive(bytes, into: &answer)
      if state.text.count > Self.maximumText { state.text.removeFirst(state.text.count - Self.maximumText) }
      return (answer, state.machine.beginsTLS)
    }
  }

  func secured(_ version: String, _ fresh: TelnetClientMachine?) {
    state.withLock { state in
      state.tlsVersion = version
      if let fresh { state.machine = fresh }
    }
  }

  func close() { state.withLock { $0.isClosed = true } }

  func take(until text: [UInt8]) -> (found: [UInt8]?, isClosed: Bool, isBroken: Bool) {
    state.withLock { state in
      guard let range = state.text.firstRange(of: text) else { return (nil, state.isClosed, state.machine.isBroken) }
      let found = Array(state.text[..<range.upperBound])
      state.text.removeSubrange(..<range.upperBound)
      return (found, false, false)
    }
  }
}

/// Feeds the machine on the event loop.
private final class TelnetClientHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let conversation: TelnetConversation
  private let tls: NIOSSLContext?
  private let serverName: String?
  private var isUpgraded = false

  init(_ conversation: TelnetConversation, tls: NIOSSLContext?, serverName: String?) {
    (self.conversation, self.tls, self.serverName) = (conversation, tls, serverName)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let (answer, beginsTLS) = conversation.receive(unwrapInboundIn(data).readableBytesView)
    if !answer.isEmpty { context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer)), promise: nil) }
    guard beginsTLS, !isUpgraded else { return }
    isUpgraded = true
    do {
      guard let tls else { throw TelnetClientError.brokenStream }
      try context.pipeline.syncOperations.addHandler(
        NIOSSLClientHandler(context: tls, serverHostname: serverName), position: .before(self))
    } catch { errorCaught(context: context, error: error) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted = event {
      let version = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self).tlsVersion
      // Everything agreed on before TLS is void: a machine that has not begun takes over, and needs no more TLS.
      conversation.secured(
        version == .tlsv13 ? "TLSv1.3" : "TLSv1.2", isUpgraded ? TelnetClientMachine() : nil)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    conversation.close()
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    conversation.close()
    context.fireChannelInactive()
  }
}
