import MilterCore
import NIOCore
import NIOPosix
import Services
import Synchronization
import Transport
import WireKit

/// Asks one milter about messages, each on a connection of its own.
public struct MilterClient: Sendable {
  /// Where a milter listens.
  public enum Place: Sendable, Hashable, CustomStringConvertible {
    case network(Endpoint)
    case unix(String)

    /// `inet:127.0.0.1:11332`, `unix:/run/rspamd/milter.sock`; `nil` for anything else.
    public init?(_ text: String) {
      if text.hasPrefix("unix:/") {
        guard text.utf8.count <= 112 else { return nil }
        self = .unix(String(text.dropFirst(5)))
      } else if text.hasPrefix("inet:"), let endpoint = Endpoint(String(text.dropFirst(5))), endpoint.port != 0 {
        self = .network(endpoint)
      } else {
        return nil
      }
    }

    public var description: String {
      switch self {
      case .network(let endpoint): "inet:\(endpoint)"
      case .unix(let path): "unix:\(path)"
      }
    }
  }

  public let place: Place
  /// How long each of its answers may take.
  public var patience = Duration.seconds(60)
  private let group: any EventLoopGroup
  private let clock: any Clock

  public init(
    _ place: Place, group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
    clock: any Clock = SystemClock()
  ) {
    self.place = place
    self.group = group
    self.clock = clock
  }

  /// What it says of a message. Never throws: what went wrong is a verdict of the kind `failed`.
  ///
  /// - Parameter start: Where the body begins in `content`.
  public func judge(
    _ message: MilterMessage, content: any MessageBody, from start: Int64
  ) async -> MilterVerdict {
    let eventLoop = group.next()
    let promise = eventLoop.makePromise(of: MilterVerdict.self)
    let handler = MilterHandler(content, from: start, promise)
    do {
      let patience = patience
      let peer = if case .network(let endpoint) = place { endpoint } else { Endpoint(IPAddress(127, 0, 0, 1), 0) }
      let bootstrap = ClientBootstrap(group: eventLoop)
        .connectTimeout(.seconds(10))
        .channelOption(.allowRemoteHalfClosure, value: true)
        .channelInitializer { [clock] channel in
          channel.eventLoop.makeCompletedFuture {
            let connection = Connection(
              id: SessionID(0), service: .smtp, peer: peer, local: peer, eventLoop: channel.eventLoop)
            let settings = SessionHandlerSettings(
              startsWithTLS: false, closeTimeout: .seconds(10), lingerTime: .seconds(1), onError: { _, _ in })
            try channel.pipeline.syncOperations.addHandler(
              SessionHandler<MilterSession, MilterHandler>(
                connection: connection, settings: settings, clock: clock, handler: handler
              ) { _ in MilterSession(message: message, patience: patience) })
          }
        }
      let channel: any Channel
      switch place {
      case .network(let endpoint):
        channel = try await bootstrap.connect(
          to: SocketAddress(ipAddress: endpoint.address.description, port: Int(endpoint.port))
        ).get()
      case .unix(let path): channel = try await bootstrap.connect(unixDomainSocketPath: path).get()
      }
      return try await withTaskCancellationHandler {
        try await promise.futureResult.get()
      } onCancel: {
        channel.close(promise: nil)
      }
    } catch {
      promise.fail(error)
      return MilterVerdict(.failed("\(place) can't be reached: \(error)"))
    }
  }
}

/// Feeds a session the body, and hands its verdict on.
final class MilterHandler: RequestHandler {
  typealias Request = MilterRequest
  typealias Reply = MilterPiece
  typealias Body = Never
  typealias Event = MilterEvent

  private let content: any MessageBody
  private let promise: EventLoopPromise<MilterVerdict>
  private let state: Mutex<(offset: Int64, isOver: Bool)>

  init(_ content: any MessageBody, from start: Int64, _ promise: EventLoopPromise<MilterVerdict>) {
    self.content = content
    self.promise = promise
    state = Mutex((start, false))
  }

  func handle(_ request: MilterRequest, body: RequestBody, on connection: Connection) async -> MilterPiece {
    let size = Int64(MilterSession.pieceSize)
    let offset = state.withLock { state in
      defer { state.offset += size }
      return state.offset
    }
    guard offset < content.size else { return .end }
    do throws(StoreError) {
      let bytes = try content.bytes(offset..<min(content.size, offset + size))
      return bytes.isEmpty ? .failed : .bytes(bytes)
    } catch { return .failed }
  }

  func report(_ event: MilterEvent, on connection: Connection) {
    if case .finished(let verdict) = event { finish { $0.succeed(verdict) } }
  }

  func ended(_ connection: Connection) {
    finish { $0.succeed(MilterVerdict(.failed("it ended the connection"))) }
  }

  private func finish(_ body: (EventLoopPromise<MilterVerdict>) -> Void) {
    let isFirst = state.withLock { state in
      defer { state.isOver = true }
      return !state.isOver
    }
    if isFirst { body(promise) }
  }
}
