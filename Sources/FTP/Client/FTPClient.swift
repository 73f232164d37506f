import FTPCore
import FTPData
import NIOCore
import NIOPosix
import NIOSSL
import WireKit

/// A client of FTP servers: one command after the other, files and listings over data connections of either kind.
///
/// ```swift
/// let client = try await FTPClient.connect(to: endpoint, configuration: .init(encryption: .explicit))
/// try await client.logIn("ann", password: password)
/// for entry in try await client.list("in") { print(entry.name) }
/// try await client.quit()
/// ```
public actor FTPClient {
  public struct Configuration: Sendable {
    public enum Encryption: Sendable, Hashable {
      case none
      /// AUTH TLS (RFC 4217).
      case explicit
      /// From the first byte, on port 990 by custom.
      case implicit
    }

    public var encryption: Encryption
    /// DER certificates to trust instead of the system's; empty: the system's.
    public var trustRoots: [[UInt8]] = []
    /// The name that the server's certificate must have; `nil` where it was reached by address.
    public var serverName: String?
    /// Whether data connections are made by the server (PORT, EPRT).
    public var isActive = false
    /// For one reply, one connection, one piece of data.
    public var timeout = Duration.seconds(20)

    public init(encryption: Encryption = .none) { self.encryption = encryption }
  }

  let channel: any Channel
  let driver: NIOLoopBound<FTPClientDriver>
  let configuration: Configuration
  let context: NIOSSLContext?
  /// The server's first words.
  public private(set) var greeting = FTPReply(220, "")
  /// What TLS agreed on; `nil` in plain text.
  public private(set) var tls: TLSParameters?
  /// The server's certificate, in words.
  public private(set) var certificate: String?
  private var isDue = false

  private init(
    _ channel: any Channel, _ driver: NIOLoopBound<FTPClientDriver>, _ configuration: Configuration,
    _ context: NIOSSLContext?
  ) {
    self.channel = channel
    self.driver = driver
    self.configuration = configuration
    self.context = context
  }

  /// Connects, and secures the connection where that is wanted.
  public static func connect(
    to endpoint: Endpoint, configuration: Configuration,
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
  ) async throws -> FTPClient {
    let context = configuration.encryption == .none ? nil : try makeContext(configuration)
    let eventLoop = group.next()
    let promise = eventLoop.makePromise(of: NIOLoopBound<FTPClientDriver>.self)
    let channel: any Channel
    do {
      channel = try await ClientBootstrap(group: eventLoop)
        .connectTimeout(.nanoseconds(configuration.timeout.wholeNanoseconds))
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            let driver = FTPClientDriver(
              context: context, serverName: configuration.serverName,
              isImplicit: configuration.encryption == .implicit)
            try channel.pipeline.syncOperations.addHandler(driver)
            promise.succeed(NIOLoopBound(driver, eventLoop: channel.eventLoop))
          }
        }
        .connect(to: SocketAddress(ipAddress: endpoint.address.description, port: Int(endpoint.port))).get()
    } catch {
      promise.fail(error)
      throw error
    }
    let client = FTPClient(channel, try await promise.futureResult.get(), configuration, context)
    do { try await client.begin() } catch {
      try? await channel.close()
      throw error
    }
    return client
  }

  private static func makeContext(_ configuration: Configuration) throws -> NIOSSLContext {
    var tls = TLSConfiguration.makeClientConfiguration()
    if !configuration.trustRoots.isEmpty {
      tls.trustRoots = .certificates(
        try configuration.trustRoots.map { try NIOSSLCertificate(bytes: $0, format: .der) })
    }
    if configuration.serverName == nil { tls.certificateVerification = .noHostnameVerification }
    return try NIOSSLContext(configuration: tls)
  }

  private func begin() async throws {
    if configuration.encryption == .implicit {
      try await secured()
      // That was the driver's own news; the session has not asked for a step yet.
      isDue = false
    }
    greeting = try await next(nil)
    guard greeting.isPositive else { throw FTPClientError(greeting, to: "connect") }
    if configuration.encryption == .explicit {
      try await expect("AUTH", "TLS")
      try await secured(.startTLS)
    }
    if configuration.encryption != .none {
      try await expect("PBSZ", "0")
      try await expect("PROT", "P")
    }
  }

  // MARK: Commands

  /// Sends a command; the reply, whatever it is. Preliminary replies are for `transfer`.
  @discardableResult
  public func send(_ verb: StaticString, _ argument: String = "") async throws -> FTPReply {
    try await next(.send(FTPCommand(FTPVerb(verb), Array(argument.utf8))))
  }

  /// Sends a command that must succeed.
  @discardableResult
  public func expect(_ verb: StaticString, _ argument: String = "") async throws -> FTPReply {
    let reply = try await send(verb, argument)
    guard reply.isPositive else { throw FTPClientError(reply, to: verb.description) }
    return reply
  }

  /// Logs in; `code` is that of a second factor, for servers that ask by ACCT.
  public func logIn(_ name: String, password: String, code: String? = nil) async throws {
    var reply = try await expect("USER", name)
    if reply.code == 331 { reply = try await expect("PASS", password) }
    if reply.code == 332, let code { reply = try await expect("ACCT", code) }
    guard reply.code == 230 else { throw FTPClientError(reply, to: "log-in") }
    try await expect("TYPE", "I")
  }

  /// What the server can do beside the basics (RFC 2389), a line each.
  public func features() async throws -> [String] {
    let reply = try await send("FEAT")
    guard reply.code == 211 else { return [] }
    return reply.lines.dropFirst().dropLast().map {
      String(decoding: $0.drop { $0 == 0x20 }, as: UTF8.self)
    }
  }

  /// Says goodbye and closes.
  public func quit() async throws {
    _ = try? await send("QUIT")
    try? await channel.close()
  }

  /// The next reply, after the step that was due.
  func next(_ step: FTPClientStep?) async throws -> FTPReply {
    guard case .reply(let reply) = try await proceed(step) else { throw FTPClientError("a handshake out of turn") }
    return reply
  }

  private func secured(_ step: FTPClientStep? = nil) async throws {
    guard case .secured(let parameters) = try await proceed(step) else { throw FTPClientError("no handshake") }
    tls = parameters
    let driver = driver
    certificate = try await channel.eventLoop.submit { driver.value.certificate.map { String(describing: $0) } }.get()
  }

  private func proceed(_ step: FTPClientStep?) async throws -> FTPClientNews {
    let promise = channel.eventLoop.makePromise(of: FTPClientNews.self)
    let (driver, limit) = (driver, configuration.timeout)
    // Behind a handshake, and before the greeting, the session expects no step.
    let step = isDue ? step ?? .wait : step
    isDue = true
    channel.eventLoop.execute { driver.value.proceed(step, promise, within: limit) }
    return try await promise.futureResult.get()
  }
}
