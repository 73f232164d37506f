import HTTPCore
import Synchronization

/// A response's content on its way from an upstream to the client.
///
/// When nobody wants it any more before its end, the connection to the upstream is closed: that is how it learns.
final class ProxyContent: HTTPContentStream {
  private let exchange: UpstreamConnection.Exchange
  /// What `Content-Length` announced and has not come yet.
  private let remaining: Mutex<Int64?>

  init(_ exchange: UpstreamConnection.Exchange, length: Int64?) {
    self.exchange = exchange
    remaining = Mutex(length)
  }

  deinit { exchange.abandon() }

  func next(atMost limit: Int) async throws -> [UInt8] {
    let bytes = try await exchange.input.next(atMost: limit)
    let left = remaining.withLock { remaining -> Int64? in
      remaining = remaining.map { $0 - Int64(bytes.count) }
      return remaining
    }
    guard let left else { return bytes }
    guard left >= 0, !bytes.isEmpty || left == 0 else { throw UpstreamError.closed }
    return bytes
  }
}

/// A connection that has left HTTP, between client and upstream.
final class ProxyTunnel: HTTPTunnel {
  private let exchange: UpstreamConnection.Exchange

  init(_ exchange: UpstreamConnection.Exchange) { self.exchange = exchange }

  deinit { exchange.abandon() }

  func next(atMost limit: Int) async throws -> [UInt8] { try await exchange.input.next(atMost: limit) }

  /// What can't be delivered is lost with the connection, whose end `next` reports.
  func take(_ bytes: [UInt8]) async { try? await exchange.send(bytes) }
}

/// Content whose length is all that is told of it: the answer to HEAD.
final class UnsentContent: HTTPContent {}
