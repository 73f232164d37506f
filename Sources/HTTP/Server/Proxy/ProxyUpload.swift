import HTTPCore
import NIOCore
import Synchronization
import Transport

/// A request's content on its way to an upstream. It goes on while the response comes back: neither waits for the other's
/// end.
final class ProxyUpload: Sendable {
  private let body: RequestBody
  private let task: Task<Void, Never>?
  private let hasEnded: Ended

  private final class Ended: Sendable {
    let flag = Atomic(false)
  }

  /// Begins at once.
  init(_ body: RequestBody, _ content: HTTPRequest.Content, to exchange: UpstreamConnection.Exchange) {
    self.body = body
    let ended = Ended()
    hasEnded = ended
    guard content != .none else {
      ended.flag.store(true, ordering: .releasing)
      task = nil
      return
    }
    body.detach()
    task = Task {
      await Self.run(body, content, exchange)
      ended.flag.store(true, ordering: .releasing)
      body.abandon()
    }
  }

  /// Whether content is still to come, or to be passed on.
  var isRunning: Bool { !hasEnded.flag.load(ordering: .acquiring) }

  /// Nobody wants the rest.
  func stop() {
    hasEnded.flag.store(true, ordering: .releasing)
    task?.cancel()
    body.abandon()
  }

  private static func run(
    _ body: RequestBody, _ content: HTTPRequest.Content, _ exchange: UpstreamConnection.Exchange
  ) async {
    var chunks = body.makeAsyncIterator()
    while true {
      let chunk: ByteBuffer?
      do { chunk = try await chunks.next() } catch {
        // The client has gone in the middle: the upstream must not take what it has for the whole. Whoever was told to stop
        // has its answer already.
        if !Task.isCancelled { exchange.abandon() }
        return
      }
      do {
        guard let chunk else {
          if content == .unknown { try await exchange.send([]) }
          return
        }
        if chunk.readableBytes > 0 { try await exchange.send(Array(buffer: chunk)) }
      } catch {
        // The upstream takes no more; its answer says what that means.
        return
      }
    }
  }
}

/// The final response behind early hints.
final class ProxyLateReply: HTTPLateReply {
  private let exchange: UpstreamConnection.Exchange
  private let finish: @Sendable (Result<ResponseHead, any Error>) -> HTTPReply

  init(
    _ exchange: UpstreamConnection.Exchange, finish: @escaping @Sendable (Result<ResponseHead, any Error>) -> HTTPReply
  ) {
    self.exchange = exchange
    self.finish = finish
  }

  func reply() async -> HTTPReply {
    do {
      let head = try await withTaskCancellationHandler {
        try await exchange.head.get()
      } onCancel: {
        exchange.abandon()
      }
      return finish(.success(head))
    } catch {
      return finish(.failure(error))
    }
  }
}
