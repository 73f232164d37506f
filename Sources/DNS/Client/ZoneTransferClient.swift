import DNSCore
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import WireKit

/// Asks a server for a zone, or for what has changed in it: AXFR and IXFR over TCP (RFC 5936, RFC 1995) or TLS (RFC 9103).
public struct ZoneTransferClient: Sendable {
  private let group: any EventLoopGroup
  /// For each connection and each message.
  public var timeout = Duration.seconds(30)
  public var limits = TransferReader.Limits()
  /// For transfers inside TLS; `nil`: the system's roots.
  public var trustRoots: [[UInt8]] = []

  public enum Failure: Error, Sendable {
    case unreachable(String)
    case timeout
    case answer(TransferReader.Failure)
    case signature(TSIGVerifier.Failure)
  }

  /// - Parameter group: Transfers are read on its event loops, which a large one keeps busy: not that of a server.
  public init(group: any EventLoopGroup) { self.group = group }

  /// Fetches the zone or its changes. The outcome's zone is made on the caller's own task.
  /// - Parameter key: What signs the request, and must sign the answer.
  public func transfer(
    _ apex: Name, _ request: TransferReader.Request, from server: Endpoint, key: TSIGKey? = nil,
    isSecure: Bool = false
  ) async throws -> TransferReader.Outcome {
    let id = UInt16.random(in: .min ... .max)
    let reading = TransferReading(TransferReader(apex: apex, id: id, request, limits: limits), key)
    var query: [UInt8]
    do { query = try Self.query(apex, request, id: id) } catch { throw Failure.answer(.malformed(error)) }
    query = reading.sign(query)
    let eventLoop = group.next()
    let promise = eventLoop.makePromise(of: Void.self)
    let channel: any Channel
    do {
      channel = try await connect(server, isSecure, promise, on: eventLoop) { try reading.take($0) }
    } catch {
      promise.fail(error)
      throw Failure.unreachable(String(describing: error))
    }
    defer { channel.close(promise: nil) }
    let limit = timeout
    let watch = eventLoop.scheduleRepeatedTask(initialDelay: .init(limit), delay: .init(limit)) { _ in
      // Nothing in all of that time.
      if !reading.hasMoved() { promise.fail(Failure.timeout) }
    }
    defer { watch.cancel() }
    var framed: [UInt8] = []
    framed.appendInteger(UInt16(truncatingIfNeeded: query.count))
    try await withTaskCancellationHandler {
      channel.writeAndFlush(ByteBuffer(bytes: framed + query), promise: nil)
      try await promise.futureResult.get()
    } onCancel: {
      promise.fail(CancellationError())
    }
    do { return try reading.finish() } catch { throw Failure.answer(error) }
  }

  /// Sends a request as it is, and waits for the message with its id: what is signed between others is not touched.
  public func relay(_ request: [UInt8], to server: Endpoint, isSecure: Bool = false) async throws -> [UInt8] {
    let eventLoop = group.next()
    let promise = eventLoop.makePromise(of: Void.self)
    let reply = Mutex<[UInt8]>([])
    let channel: any Channel
    do {
      channel = try await connect(server, isSecure, promise, on: eventLoop) { message in
        guard message.count >= Header.wireLength, message.prefix(2) == request.prefix(2) else { return false }
        reply.withLock { $0 = message }
        return true
      }
    } catch {
      promise.fail(error)
      throw Failure.unreachable(String(describing: error))
    }
    defer { channel.close(promise: nil) }
    let watch = eventLoop.scheduleTask(in: .init(timeout)) { promise.fail(Failure.timeout) }
    defer { watch.cancel() }
    var framed: [UInt8] = []
    framed.appendInteger(UInt16(truncatingIfNeeded: request.count))
    channel.writeAndFlush(ByteBuffer(bytes: framed + request), promise: nil)
    try await promise.futureResult.get()
    return reply.withLock { $0 }
  }

  private static func query(_ apex: Name, _ request: TransferReader.Request, id: UInt16) throws(WireError) -> [UInt8] {
    switch request {
    case .whole: return try Message(header: Header(id: id), questions: [Question(apex, .axfr)]).encoded()
    case .changes(let serial):
      // The serial alone matters (RFC 1995 §3).
      let soa = SOA(primary: .root, mailbox: .root, serial: serial, refresh: 0, retry: 0, expire: 0, minimum: 0)
      return try Message(
        header: Header(id: id), questions: [Question(apex, .ixfr)],
        authorities: [ResourceRecord(apex, ttl: 0, RData(soa))]
      ).encoded()
    }
  }

  private func connect(
    _ server: Endpoint, _ isSecure: Bool, _ promise: EventLoopPromise<Void>, on eventLoop: any EventLoop,
    take: @escaping @Sendable ([UInt8]) throws -> Bool
  ) async throws -> any Channel {
    var tls: NIOSSLContext?
    if isSecure {
      var configuration = TLSConfiguration.makeClientConfiguration()
      configuration.minimumTLSVersion = .tlsv13
      configuration.applicationProtocols = ["dot"]
      if !trustRoots.isEmpty {
        configuration.trustRoots = .certificates(try trustRoots.map { try NIOSSLCertificate(bytes: $0, format: .der) })
      }
      tls = try NIOSSLContext(configuration: configuration)
    }
    let context = tls
    return try await ClientBootstrap(group: eventLoop)
      .connectTimeout(.init(timeout))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let context {
            try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
          }
          try channel.pipeline.syncOperations.addHandler(
            MessageStreamHandler { message in
              do {
                if try take(message) { promise.succeed() }
              } catch {
                promise.fail(error)
              }
            } ended: { error in
              promise.fail(
                error.map { Failure.unreachable(String(describing: $0)) } ?? Failure.answer(.incomplete))
            })
        }
      }
      .connect(to: SocketAddress(ipAddress: server.address.description, port: Int(server.port))).get()
  }
}

/// An answer while it comes.
private final class TransferReading: Sendable {
  private struct State: ~Copyable {
    var reader: TransferReader
    var verifier: TSIGVerifier?
    var messages = 0
    var seen = -1
  }

  private let state: Mutex<State>

  init(_ reader: consuming sending TransferReader, _ key: TSIGKey?) {
    state = Mutex(State(reader: reader, verifier: key.map { TSIGVerifier($0) }))
  }

  func sign(_ query: [UInt8]) -> [UInt8] {
    state.withLock { state in
      var query = query
      state.verifier?.sign(&query, now: UnixTime.now)
      return query
    }
  }

  /// Whether the answer is complete.
  func take(_ message: [UInt8]) throws(ZoneTransferClient.Failure) -> Bool {
    let result: Result<Bool, ZoneTransferClient.Failure> = state.withLock { state in
      state.messages += 1
      var plain = message
      do throws(TSIGVerifier.Failure) {
        if let verified = try state.verifier?.verify(message, now: UnixTime.now) { plain = verified }
      } catch { return .failure(.signature(error)) }
      do throws(TransferReader.Failure) {
        let isDone = try state.reader.take(plain)
        // The last message must be signed (RFC 8945 §5.3.1).
        if isDone, state.verifier?.isComplete == false { return .failure(.signature(.unsigned)) }
        return .success(isDone)
      } catch { return .failure(.answer(error)) }
    }
    return try result.get()
  }

  func finish() throws(TransferReader.Failure) -> TransferReader.Outcome {
    let result: Result<TransferReader.Outcome, TransferReader.Failure> = state.withLock { state in
      do throws(TransferReader.Failure) { return .success(try state.reader.finish()) } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// Whether a message came since this was last asked.
  func hasMoved() -> Bool {
    state.withLock { state in
      defer { state.seen = state.messages }
      return state.seen != state.messages
    }
  }
}
