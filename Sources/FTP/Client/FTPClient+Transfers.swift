import FTPCore
import FTPData
import NIOCore
import NIOPosix
import NIOSSL
import WireKit

extension FTPClient {
  /// What a folder holds, by MLSD.
  public func list(_ path: String = "") async throws -> [FTPFactLine] {
    var bytes: [UInt8] = []
    try await retrieve("MLSD", path, from: 0) { bytes += $0.readableBytesView }
    return bytes.split(separator: 0x0A).compactMap { line in
      let line = line.last == 0x0D ? line.dropLast() : line
      return FTPFactLine(line)
    }.filter { $0.isFile || $0.isFolder }
  }

  /// Fetches a file, from an offset on; returns how many bytes came.
  @discardableResult
  public func retrieve(
    _ path: String, from offset: UInt64 = 0, _ body: @Sendable (ByteBuffer) async throws -> Void
  ) async throws -> UInt64 {
    var count: UInt64 = 0
    try await retrieve("RETR", path, from: offset) { chunk in
      count += UInt64(chunk.readableBytes)
      try await body(chunk)
    }
    return count
  }

  /// Stores a file, from an offset on; `body` gives the pieces, `nil` at the end.
  public func store(
    _ path: String, at offset: UInt64 = 0, _ body: @Sendable () async throws -> ByteBuffer?
  ) async throws {
    try await transfer("STOR", path, from: offset) { data in
      while let chunk = try await body() { try await data.send(.byteBuffer(chunk)) }
    }
  }

  private func retrieve(
    _ verb: StaticString, _ path: String, from offset: UInt64, _ body: (ByteBuffer) async throws -> Void
  ) async throws {
    try await transfer(verb, path, from: offset) { data in
      while let chunks = try await data.receive() {
        for chunk in chunks { try await body(chunk) }
      }
    }
  }

  /// One transfer, from the data connection's preparation to the last reply.
  private func transfer(
    _ verb: StaticString, _ path: String, from offset: UInt64, _ body: (DataConnection) async throws -> Void
  ) async throws {
    let listener = configuration.isActive ? try await ActiveListener.open(self) : nil
    defer { listener?.close() }
    var passive: DataConnection?
    if let listener {
      let argument = FTPHostPort.extendedPortArgument(listener.endpoint)
      try await expect("EPRT", argument)
    } else {
      passive = try await connectPassive()
    }
    if offset > 0 { try await expect("REST", String(offset)) }
    let first = try await send(verb, path)
    guard first.isPreliminary else {
      passive?.abort()
      throw FTPClientError(first, to: verb.description)
    }
    let data: DataConnection
    if let passive {
      data = passive
    } else if let listener {
      data = try await listener.connection()
    } else {
      throw FTPClientError("no data connection")
    }
    do {
      try await start(data)
      try await body(data)
      data.finish()
    } catch {
      data.abort()
      _ = try? await next(.wait)
      throw error
    }
    let last = try await next(.wait)
    guard last.isPositive else { throw FTPClientError(last, to: verb.description) }
  }

  private func start(_ data: DataConnection) async throws {
    guard let context else { return try await data.start() }
    let name = configuration.serverName
    try await data.start(secure: { pipeline, handler in
      try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: name), position: .before(handler))
    })
  }

  /// EPSV, or PASV where that is unknown. The address is always the server's own: what PASV tells may be one that only the
  /// server understands, or somebody else's.
  private func connectPassive() async throws -> DataConnection {
    guard let server = channel.remoteAddress.flatMap({ Endpoint(data: $0) }) else {
      throw FTPClientError("the connection has ended")
    }
    var port: UInt16?
    let extended = try await send("EPSV")
    if extended.code == 229 { port = FTPHostPort.parseExtendedPassiveReply(extended.text) }
    if port == nil {
      let reply = try await expect("PASV")
      port = FTPHostPort.parsePassiveReply(reply.text)?.port
    }
    guard let port else { throw FTPClientError("no port in the reply to PASV") }
    let limit = configuration.timeout
    let data = channel.eventLoop.makePromise(of: DataConnection.self)
    do {
      _ = try await ClientBootstrap(group: channel.eventLoop)
        .connectTimeout(.nanoseconds(limit.wholeNanoseconds))
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelOption(.recvAllocator, value: DataConnection.receiveAllocator)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            data.succeed(try DataConnection.add(to: channel, stallTime: limit))
          }
        }
        .connect(to: SocketAddress(ipAddress: server.address.description, port: Int(port))).get()
    } catch {
      data.fail(error)
      throw error
    }
    return try await data.futureResult.get()
  }
}

/// Where the server's data connection comes in, in active mode.
struct ActiveListener: Sendable {
  let endpoint: Endpoint
  private let server: any Channel
  private let accepted: EventLoopPromise<DataConnection>
  private let limit: Duration

  static func open(_ client: FTPClient) async throws -> ActiveListener {
    let (channel, limit) = (client.channel, client.configuration.timeout)
    guard let local = channel.localAddress.flatMap({ Endpoint(data: $0) }),
      let peer = channel.remoteAddress.flatMap({ Endpoint(data: $0) })
    else { throw FTPClientError("the connection has ended") }
    let accepted = channel.eventLoop.makePromise(of: DataConnection.self)
    do {
      let server = try await ServerBootstrap(group: channel.eventLoop)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(.recvAllocator, value: DataConnection.receiveAllocator)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            guard channel.remoteAddress.flatMap({ Endpoint(data: $0) })?.address == peer.address else {
              channel.close(promise: nil)
              return
            }
            accepted.succeed(try DataConnection.add(to: channel, stallTime: limit))
          }
        }
        .bind(host: local.address.description, port: 0).get()
      guard let port = server.localAddress?.port.flatMap(UInt16.init(exactly:)) else {
        throw FTPClientError("no port for the data connection")
      }
      return ActiveListener(
        endpoint: Endpoint(local.address, port), server: server, accepted: accepted, limit: limit)
    } catch {
      accepted.fail(error)
      throw error
    }
  }

  private init(
    endpoint: Endpoint, server: any Channel, accepted: EventLoopPromise<DataConnection>, limit: Duration
  ) {
    self.endpoint = endpoint
    self.server = server
    self.accepted = accepted
    self.limit = limit
  }

  func connection() async throws -> DataConnection {
    let accepted = accepted
    let deadline = server.eventLoop.scheduleTask(in: .nanoseconds(limit.wholeNanoseconds)) {
      accepted.fail(FTPClientError("the server made no data connection"))
    }
    defer { deadline.cancel() }
    return try await accepted.futureResult.get()
  }

  func close() {
    accepted.fail(FTPClientError("closed"))
    server.close(promise: nil)
  }
}
