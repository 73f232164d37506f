import DNSClient
import DNSCore
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import WireKit

/// Connections to forwarders that stay open, with many questions on each (RFC 7766 §6.2.1, RFC 7858 §3.3).
final class StreamForwarding: Sendable {
  private let group: any EventLoopGroup
  private let trustRoots: [[UInt8]]
  private let connections = Mutex<[Endpoint: Task<StreamForwarder, any Error>]>([:])

  init(group: any EventLoopGroup, trustRoots: [[UInt8]]) {
    self.group = group
    self.trustRoots = trustRoots
  }

  func ask(
    _ question: Question, of endpoint: Endpoint, isSecure: Bool, wantsDNSSEC: Bool, within limit: Duration
  ) async throws -> Message {
    var lastError: any Error = ResolutionError.noAnswer
    // A connection that waited may have been closed by the other end meanwhile: once more on a new one.
    for _ in 0..<2 {
      let opening = connections.withLock { connections in
        if let open = connections[endpoint] { return open }
        let (group, trustRoots) = (group, trustRoots)
        let opening = Task { try await StreamForwarder.open(endpoint, isSecure: isSecure, trustRoots, group, limit) }
        connections[endpoint] = opening
        return opening
      }
      do {
        let connection = try await opening.value
        return try await connection.ask(question, wantsDNSSEC: wantsDNSSEC, within: limit)
      } catch {
        connections.withLock { connections in
          if connections[endpoint] == opening { connections[endpoint] = nil }
        }
        if let connection = try? await opening.value { connection.close() }
        lastError = error
        if error as? ResolutionError == .tooLate { break }
      }
    }
    throw lastError
  }
}

/// One connection to a forwarder.
final class StreamForwarder: Sendable {
  private let channel: any Channel
  private let waiting: WaitingQuestions

  private init(_ channel: any Channel, _ waiting: WaitingQuestions) {
    self.channel = channel
    self.waiting = waiting
  }

  static func open(
    _ endpoint: Endpoint, isSecure: Bool, _ trustRoots: [[UInt8]], _ group: any EventLoopGroup, _ limit: Duration
  ) async throws -> StreamForwarder {
    let waiting = WaitingQuestions()
    var tls: NIOSSLContext?
    if isSecure {
      var configuration = TLSConfiguration.makeClientConfiguration()
      configuration.minimumTLSVersion = .tlsv12
      configuration.applicationProtocols = ["dot"]
      if !trustRoots.isEmpty {
        configuration.trustRoots = .certificates(
          try trustRoots.map { try NIOSSLCertificate(bytes: $0, format: .der) })
      }
      tls = try NIOSSLContext(configuration: configuration)
    }
    let context = tls
    let channel = try await ClientBootstrap(group: group)
      .connectTimeout(.init(limit))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let context {
            // Without a name the certificate is compared with the address.
            try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
          }
          try channel.pipeline.syncOperations.addHandler(
            MessageStreamHandler { octets in
              if let message = try? Message.decode(octets) { waiting.take(message) }
            } ended: { _ in
              waiting.end()
            })
        }
      }
      .connect(to: SocketAddress(ipAddress: endpoint.address.description, port: Int(endpoint.port))).get()
    return StreamForwarder(channel, waiting)
  }

  func ask(_ question: Question, wantsDNSSEC: Bool, within limit: Duration) async throws -> Message {
    let promise = channel.eventLoop.makePromise(of: Message.self)
    guard channel.isActive, let id = waiting.add(question, promise) else {
      promise.fail(ResolutionError.noAnswer)
      throw ResolutionError.noAnswer
    }
    let expiry = channel.eventLoop.scheduleTask(in: .init(limit)) { promise.fail(ResolutionError.tooLate) }
    defer {
      expiry.cancel()
      waiting.remove(id)
    }
    let request = Message(
      header: Header(id: id, flags: wantsDNSSEC ? [.recursionDesired, .checkingDisabled] : .recursionDesired),
      questions: [question], edns: EDNS(wantsDNSSEC: wantsDNSSEC))
    let octets: [UInt8]
    do { octets = try request.encoded() } catch {
      promise.fail(error)
      throw error
    }
    var buffer = channel.allocator.buffer(capacity: octets.count + 2)
    buffer.writeInteger(UInt16(truncatingIfNeeded: octets.count))
    buffer.writeBytes(octets)
    channel.writeAndFlush(buffer).whenFailure { promise.fail($0) }
    return try await promise.futureResult.get()
  }

  func close() { channel.close(promise: nil) }
}

/// The questions of a connection that wait for their answers.
final class WaitingQuestions: Sendable {
  private struct Entry {
    var question: Question
    var promise: EventLoopPromise<Message>
  }

  private let entries = Mutex<[UInt16: Entry]?>([:])

  /// A free id for the question; `nil` once the connection has ended, or when all are taken.
  func add(_ question: Question, _ promise: EventLoopPromise<Message>) -> UInt16? {
    entries.withLock { entries in
      guard entries != nil else { return nil }
      for _ in 0..<32 {
        let id = UInt16.random(in: .min ... .max)
        guard entries?[id] == nil else { continue }
        entries?[id] = Entry(question: question, promise: promise)
        return id
      }
      return nil
    }
  }

  func remove(_ id: UInt16) { entries.withLock { $0?[id] = nil } }

  func take(_ message: Message) {
    let entry = entries.withLock { entries -> Entry? in
      guard let entry = entries?[message.header.id], message.header.flags.contains(.response),
        message.questions.isEmpty || message.questions == [entry.question]
      else { return nil }
      entries?[message.header.id] = nil
      return entry
    }
    entry?.promise.succeed(message)
  }

  func end() {
    let all = entries.withLock { entries in
      defer { entries = nil }
      return entries ?? [:]
    }
    for entry in all.values { entry.promise.fail(ResolutionError.noAnswer) }
  }
}
