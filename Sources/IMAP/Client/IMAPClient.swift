import IMAPCore
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import SASLCore
import WireKit

/// A client of an IMAP server: commands in, responses out.
///
/// ```swift
/// let client = try await IMAPClient.connect(to: endpoint, .init(host: "mail.lab.test", security: .implicit))
/// try await client.logIn("ann@lab.test", password)
/// let answer = try await client.command("SELECT INBOX")
/// ```
/// One command at a time; not to be shared between tasks that do not wait for each other.
public actor IMAPClient {
  /// How the connection is protected.
  public enum Security: Sendable, Hashable { case implicit, startTLS, none }

  public struct Configuration: Sendable {
    /// The name that the certificate must have; `nil`: it is not looked at.
    public var host: String?
    public var security: Security
    /// DER certificates to trust besides the system's.
    public var trustRoots: [[UInt8]]
    /// For the connection to stand, and for each command to be answered; the connection ends then.
    public var timeout: Duration

    public init(host: String?, security: Security, trustRoots: [[UInt8]] = [], timeout: Duration = .seconds(20)) {
      self.host = host
      self.security = security
      self.trustRoots = trustRoots
      self.timeout = timeout
    }
  }

  /// What can go wrong.
  public struct Failure: Error, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
  }

  /// What a command was answered with.
  public struct Answer: Sendable {
    /// Without their line ends; literals in place.
    public var untagged: [[UInt8]]
    /// Without the tag: `OK [READ-WRITE] SELECT completed`.
    public var completion: String
    public var isOK: Bool { completion.hasPrefix("OK") }
  }

  private let channel: any Channel
  private let configuration: Configuration
  private var responses: AsyncThrowingStream<[UInt8], any Error>.Iterator
  private var lastTag = 0
  public private(set) var greeting = ""
  public private(set) var capabilities: Set<String> = []
  /// What the TLS handshake agreed on and showed.
  public private(set) var tls: (version: String, certificate: String)?

  private init(
    _ channel: any Channel, _ configuration: Configuration, _ responses: AsyncThrowingStream<[UInt8], any Error>
  ) {
    self.channel = channel
    self.configuration = configuration
    self.responses = responses.makeAsyncIterator()
  }

  /// Connects, reads the greeting, and goes over to TLS where that is wanted.
  public static func connect(
    to endpoint: Endpoint, _ configuration: Configuration,
    on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
  ) async throws -> IMAPClient {
    let (stream, continuation) = AsyncThrowingStream<[UInt8], any Error>.makeStream()
    let context = configuration.security == .none ? nil : try tlsContext(configuration)
    let channel = try await ClientBootstrap(group: group).connectTimeout(.seconds(5))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if configuration.security == .implicit, let context {
            try channel.pipeline.syncOperations.addHandler(tlsHandler(context, configuration))
          }
          try channel.pipeline.syncOperations.addHandler(ResponseHandler(continuation))
        }
      }
      .connect(to: SocketAddress(ipAddress: endpoint.address.description, port: Int(endpoint.port))).get()
    let client = IMAPClient(channel, configuration, stream)
    do {
      try await client.begin(context)
    } catch {
      channel.close(promise: nil)
      throw error
    }
    return client
  }

  private static func tlsContext(_ configuration: Configuration) throws -> NIOSSLContext {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.applicationProtocols = ["imap"]
    if !configuration.trustRoots.isEmpty {
      tls.trustRoots = .certificates(
        try configuration.trustRoots.map { try NIOSSLCertificate(bytes: $0, format: .der) })
    }
    if configuration.host == nil { tls.certificateVerification = .noHostnameVerification }
    return try NIOSSLContext(configuration: tls)
  }

  private static func tlsHandler(_ context: NIOSSLContext, _ configuration: Configuration) throws -> NIOSSLClientHandler
  {
    let name = configuration.host.flatMap { IPAddress($0) == nil ? $0 : nil }
    return try NIOSSLClientHandler(context: context, serverHostname: name)
  }

  private func begin(_ context: NIOSSLContext?) async throws {
    let line = String(decoding: try await next(), as: UTF8.self)
    greeting = line
    guard line.hasPrefix("* OK") || line.hasPrefix("* PREAUTH") else { throw Failure("the server said: \(line)") }
    if configuration.security == .implicit { try await noteTLS() }
    if configuration.security == .startTLS, let context {
      let answer = try await command("STARTTLS")
      guard answer.isOK else { throw Failure("STARTTLS was refused: \(answer.completion)") }
      let configuration = configuration
      try await channel.eventLoop.submit { [channel] in
        try channel.pipeline.syncOperations.addHandler(Self.tlsHandler(context, configuration), position: .first)
      }.get()
    }
    try await readCapabilities()
    if configuration.security == .startTLS { try await noteTLS() }
  }

  private func noteTLS() async throws {
    tls = try await channel.eventLoop.submit { [channel] in
      let handler = try channel.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
      return (
        handler.tlsVersion == .tlsv13 ? "TLSv1.3" : "TLSv1.2",
        handler.peerCertificate.map { String(describing: $0) } ?? "none"
      )
    }.get()
  }

  /// Asks again what the server can do: it may be more after log-in.
  public func readCapabilities() async throws {
    let answer = try await command("CAPABILITY")
    for line in answer.untagged {
      let words = String(decoding: line, as: UTF8.self).split(separator: " ").map { $0.uppercased() }
      if words.prefix(2) == ["*", "CAPABILITY"] { capabilities = Set(words.dropFirst(2)) }
    }
  }

  private func next() async throws -> [UInt8] { try await next(within: configuration.timeout) }

  /// Whatever is waited for ends then: the channel's end ends the stream.
  private func next(within limit: Duration) async throws -> [UInt8] {
    let nanoseconds = limit.components.seconds * 1_000_000_000 + limit.components.attoseconds / 1_000_000_000
    let channel = channel
    let deadline = channel.eventLoop.scheduleTask(in: .nanoseconds(nanoseconds)) { channel.close(promise: nil) }
    defer { deadline.cancel() }
    // The iterator is the actor's own: one command at a time.
    var iterator = responses
    let response = try await iterator.next(isolation: self)
    responses = iterator
    guard let response else { throw Failure("the server closed the connection") }
    return response
  }

  /// Sends a command and reads until it is answered. `text` has no tag and no line end.
  @discardableResult
  public func command(_ text: String) async throws -> Answer { try await command(Array(text.utf8)) }

  /// As `command(_:)`. Literals in `bytes` must be of the kind that does not wait.
  public func command(_ bytes: [UInt8]) async throws -> Answer {
    lastTag += 1
    let tag = "p\(lastTag)"
    try await send(Array("\(tag) ".utf8) + bytes + [0x0D, 0x0A])
    return try await answer(to: tag)
  }

  /// As `command(_:)`; each piece but the last ends with a literal's header, and the server is waited for before the next.
  func command(pieces: [[UInt8]]) async throws -> Answer {
    lastTag += 1
    let tag = "p\(lastTag)"
    var line = Array("\(tag) ".utf8)
    var early: [[UInt8]] = []
    for (index, piece) in pieces.enumerated() {
      line += piece
      guard index + 1 < pieces.count, piece.last == 0x0A else { continue }
      try await send(line)
      line = []
      while true {
        let response = try await next()
        if response.first == UInt8(ascii: "+") { break }
        if response.starts(with: "\(tag) ".utf8) {
          let completion = String(decoding: response.dropFirst(tag.utf8.count + 1), as: UTF8.self)
          return Answer(untagged: early, completion: completion)
        }
        early.append(response)
      }
    }
    try await send(line + [0x0D, 0x0A])
    var answer = try await answer(to: tag)
    answer.untagged = early + answer.untagged
    return answer
  }

  /// IDLE until something is told, or the time is over.
  func idle(_ limit: Duration) async throws -> [[UInt8]] {
    lastTag += 1
    let tag = "p\(lastTag)"
    try await send(Array("\(tag) IDLE\r\n".utf8))
    var told: [[UInt8]] = []
    while true {
      let response = try await next()
      if response.first == UInt8(ascii: "+") { break }
      told.append(response)
    }
    // DONE is sent when the time is over or something has come, whichever is first; the end of the command ends the wait.
    let nanoseconds = limit.components.seconds * 1_000_000_000 + limit.components.attoseconds / 1_000_000_000
    let channel = channel
    let done = ByteBuffer(string: "DONE\r\n")
    let end = channel.eventLoop.scheduleTask(in: .nanoseconds(nanoseconds)) {
      channel.writeAndFlush(done, promise: nil)
    }
    var isDone = false
    while true {
      let response = try await next(within: limit + configuration.timeout)
      if response.starts(with: "\(tag) ".utf8) { break }
      told.append(response)
      // Signs of life are no news.
      if !isDone, !response.starts(with: "* OK".utf8) {
        isDone = true
        end.cancel()
        // Where the time was over just now, DONE has been sent.
        if (try? await end.futureResult.get()) == nil { try await send(Array("DONE\r\n".utf8)) }
      }
    }
    end.cancel()
    return told
  }

  private func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

  private func answer(to tag: String) async throws -> Answer {
    var untagged: [[UInt8]] = []
    while true {
      let response = try await next()
      if response.starts(with: "\(tag) ".utf8) {
        return Answer(
          untagged: untagged, completion: String(decoding: response.dropFirst(tag.utf8.count + 1), as: UTF8.self))
      }
      untagged.append(response)
      guard untagged.count <= 1_000_000 else { throw Failure("the answer has no end") }
    }
  }

  /// Logs in by the best mechanism that both know. In plain text only where `allowsPlaintext` says so.
  public func logIn(_ name: String, _ password: SASLSecret, allowsPlaintext: Bool = false) async throws {
    guard configuration.security != .none || allowsPlaintext else { throw Failure("no log-in without TLS") }
    let offered = capabilities.compactMap { $0.hasPrefix("AUTH=") ? String($0.dropFirst(5)) : nil }
    let credential = SASLClientExchange.Credential.password(name: name, password)
    guard let mechanism = SASLClientExchange.choose(from: offered, for: credential) else {
      throw Failure("the server offers no way to log in that is known here")
    }
    var generator = SystemRandomNumberGenerator()
    let nonce = (0..<24).map { _ in String(UInt8.random(in: 0...9, using: &generator)) }.joined()
    var exchange = SASLClientExchange(mechanism, credential: credential, nonce: nonce)
    lastTag += 1
    let tag = "p\(lastTag)"
    try await send(Array("\(tag) AUTHENTICATE \(mechanism.rawValue)\r\n".utf8))
    while true {
      let response = try await next()
      if response.starts(with: "\(tag) ".utf8) {
        let text = String(decoding: response.dropFirst(tag.utf8.count + 1), as: UTF8.self)
        guard text.hasPrefix("OK") else { throw Failure("log-in was refused: \(text)") }
        guard exchange.isServerTrusted else { throw Failure("the server did not prove that it knows the account") }
        return try await readCapabilities()
      }
      guard response.first == UInt8(ascii: "+") else { continue }
      guard let challenge = Base64.decode(Array(response.dropFirst(2))), let reply = exchange.respond(to: challenge)
      else {
        try await send(Array("*\r\n".utf8))
        throw Failure("the server's challenge makes no sense")
      }
      try await send(Base64.encode(reply) + [0x0D, 0x0A])
    }
  }

  /// Says good-bye and closes.
  public func close() async {
    _ = try? await command("LOGOUT")
    try? await channel.close()
  }
}

/// Cuts what comes into responses.
private final class ResponseHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let continuation: AsyncThrowingStream<[UInt8], any Error>.Continuation
  private var framer = ResponseFramer()

  init(_ continuation: AsyncThrowingStream<[UInt8], any Error>.Continuation) { self.continuation = continuation }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    do {
      try framer.append(unwrapInboundIn(data).readableBytesView)
      while let response = try framer.next() { continuation.yield(response) }
    } catch { errorCaught(context: context, error: error) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    continuation.finish(throwing: error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) { continuation.finish() }
}
