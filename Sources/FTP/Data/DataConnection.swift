import NIOCore
import NIOPosix
import WireKit

/// One data connection, at either end: bytes in with back-pressure, bytes and parts of files out.
///
/// One reader and one writer at a time. A task that is cancelled while it waits here breaks the connection, with a reset,
/// so that what was sent can't be taken for the whole.
public final class DataConnection: Sendable {
  public enum Failure: Error, Hashable, Sendable {
    /// The peer, or the network, ended it before its end.
    case lost
    /// TLS ended without a word: somebody may have cut the stream.
    case truncated
    case handshake
    /// Nothing moved for the time that was granted.
    case stalled
    case cancelled
  }

  private let channel: any Channel
  private let handler: NIOLoopBound<DataHandler>

  /// Takes over a channel whose pipeline holds a `DataHandler`; to be called on its event loop.
  init(_ channel: any Channel, _ handler: DataHandler) {
    self.channel = channel
    self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
  }

  /// Puts a connection over a channel that has just been opened. Nothing is read before `start`.
  public static func add(to channel: any Channel, stallTime: Duration) throws -> DataConnection {
    let handler = DataHandler(stallTime: stallTime)
    try channel.pipeline.syncOperations.addHandler(handler)
    return DataConnection(channel, handler)
  }

  /// Large reads, but none that malloc would take from the system anew each time. To be used with one read a turn: TLS gathers
  /// what a turn brings in one buffer, and copies as that grows.
  public static let receiveAllocator = AdaptiveRecvByteBufferAllocator(
    minimum: 16 * 1024, initial: 64 * 1024, maximum: 256 * 1024)

  public var remote: Endpoint? { channel.remoteAddress.flatMap { Endpoint(data: $0) } }

  /// Begins to read; with `secure`, after TLS was put in front by it, and returns when its handshake is over.
  public func start(
    secure: (@Sendable (ChannelPipeline.SynchronousOperations, any ChannelHandler) throws -> Void)? = nil,
    secured: (@Sendable (ChannelPipeline.SynchronousOperations) -> Void)? = nil
  ) async throws {
    let handler = handler
    try await waiting { promise in
      let handler = handler.value
      guard let secure else {
        handler.begin()
        return promise.succeed()
      }
      handler.expectHandshake(promise, secured)
      do {
        try secure(self.channel.pipeline.syncOperations, handler)
        handler.begin()
      } catch {
        handler.fail(.handshake)
      }
    }
  }

  /// What has come; `nil` at the end of the stream.
  public func receive() async throws -> [ByteBuffer]? {
    let handler = handler
    return try await waiting { handler.value.receive($0) }
  }

  /// Sends; returns when the kernel has taken it.
  public func send(_ data: IOData) async throws {
    let handler = handler
    // `IOData` with a file region is no `Sendable`: it is handed over, and not touched here again.
    let box = UncheckedBox(data)
    try await waiting { handler.value.send(box.value, $0) }
  }

  /// Ends our side after all that was sent.
  public func finish() {
    channel.eventLoop.execute { [channel, handler] in
      handler.value.isFinishing = true
      channel.close(promise: nil)
    }
  }

  /// Breaks it off.
  public func abort() {
    channel.eventLoop.execute { [handler] in handler.value.fail(.cancelled) }
  }

  private func waiting<Value: Sendable>(
    _ body: @escaping @Sendable (EventLoopPromise<Value>) -> Void
  ) async throws -> Value {
    let promise = channel.eventLoop.makePromise(of: Value.self)
    return try await withTaskCancellationHandler {
      channel.eventLoop.execute { body(promise) }
      return try await promise.futureResult.get()
    } onCancel: {
      abort()
    }
  }
}

/// Unchecked: a value that is handed from one place to another and used in one at a time.
struct UncheckedBox<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}

extension Endpoint {
  /// The address of a channel's end, IPv4-mapped ones as what they map.
  public init?(data address: SocketAddress) {
    guard let text = address.ipAddress, let ip = IPAddress(text), let port = address.port.flatMap(UInt16.init(exactly:))
    else { return nil }
    self.init(ip.unmapped, port)
  }
}
