import NIOCore
import Synchronization

/// The body of a request as it arrives: an upload, a message.
///
/// At most about `highWatermark` bytes wait here; while more would, the connection is not read from. One consumer.
public final class RequestBody: AsyncSequence, Sendable {
  public typealias Element = ByteBuffer

  /// The body ended before its end: the connection closed, or the peer took the request back.
  public struct CutOff: Error, Sendable {}

  static let highWatermark = 256 * 1024
  static let lowWatermark = 64 * 1024

  private enum End { case open, complete, cutOff }

  private struct State {
    var chunks: [ByteBuffer] = []
    var bytes = 0
    var end = End.open
    var isPaused = false
    var isAbandoned = false
    var isDetached = false
    /// Most bytes that may come; more cuts it off.
    var limit = Int64.max
    var count: Int64 = 0
    var waiter: CheckedContinuation<ByteBuffer?, any Error>?
  }

  private let state: Mutex<State>
  /// Called, on any thread, when there is room again after `isFull` was true.
  private let resumeReading: @Sendable () -> Void

  init(resumeReading: @escaping @Sendable () -> Void) {
    state = Mutex(State())
    self.resumeReading = resumeReading
  }

  /// A body without bytes.
  static func empty() -> RequestBody {
    let body = RequestBody {}
    body.finish()
    return body
  }

  /// Adds bytes; ignored once the body has ended or nobody reads it.
  func append(_ chunk: ByteBuffer) {
    let waiter = state.withLock { state -> CheckedContinuation<ByteBuffer?, any Error>? in
      guard state.end == .open, !state.isAbandoned else { return nil }
      state.count += Int64(chunk.readableBytes)
      if state.count > state.limit { return Self.exceed(&state) }
      if let waiter = state.waiter {
        state.waiter = nil
        return waiter
      }
      state.chunks.append(chunk)
      state.bytes += chunk.readableBytes
      state.isPaused = state.bytes >= Self.highWatermark
      return nil
    }
    guard let waiter else { return }
    if exceedsLimit { waiter.resume(throwing: CutOff()) } else { waiter.resume(returning: chunk) }
  }

  private static func exceed(_ state: inout State) -> CheckedContinuation<ByteBuffer?, any Error>? {
    state.end = .cutOff
    state.chunks.removeAll()
    state.bytes = 0
    defer { state.waiter = nil }
    return state.waiter
  }

  /// Takes no more than so many bytes; a body that is longer is cut off there.
  public func limit(to bytes: Int64) {
    let waiter = state.withLock { state in
      state.limit = bytes
      return state.count > bytes ? Self.exceed(&state) : nil
    }
    waiter?.resume(throwing: CutOff())
  }

  /// Whether more came than `limit` allows.
  public var exceedsLimit: Bool { state.withLock { $0.count > $0.limit } }

  /// Keeps the body alive after its request has been answered: somebody goes on reading it, as a proxy does whose upstream
  /// answers before the upload's end. Whoever calls this reads it to its end, or calls `abandon`.
  public func detach() { state.withLock { $0.isDetached = true } }

  /// Whether somebody reads on after the answer.
  var isDetached: Bool { state.withLock { $0.isDetached && !$0.isAbandoned && $0.end != .cutOff } }

  /// Whether reading should pause; `resumeReading` is called when that is over.
  var isFull: Bool { state.withLock { $0.isPaused } }

  var isFinished: Bool { state.withLock { $0.end != .open } }

  /// The body is complete.
  func finish() { end(.complete) }

  /// The body will never be complete.
  func cutOff() { end(.cutOff) }

  /// Nobody reads it any more: what is here and what still comes is dropped.
  public func abandon() {
    let wasPaused = state.withLock { state in
      state.isAbandoned = true
      state.chunks.removeAll()
      state.bytes = 0
      defer { state.isPaused = false }
      return state.isPaused
    }
    if wasPaused { resumeReading() }
  }

  private func end(_ end: End) {
    let waiter = state.withLock { state -> CheckedContinuation<ByteBuffer?, any Error>? in
      guard state.end == .open else { return nil }
      state.end = end
      defer { state.waiter = nil }
      return state.waiter
    }
    guard let waiter else { return }
    if end == .complete { waiter.resume(returning: nil) } else { waiter.resume(throwing: CutOff()) }
  }

  private func next() async throws -> ByteBuffer? {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let (result, resume) = state.withLock { state -> (Result<ByteBuffer?, any Error>?, Bool) in
          if !state.chunks.isEmpty {
            let chunk = state.chunks.removeFirst()
            state.bytes -= chunk.readableBytes
            let resume = state.isPaused && state.bytes <= Self.lowWatermark
            if resume { state.isPaused = false }
            return (.success(chunk), resume)
          }
          switch state.end {
          case .complete: return (.success(nil), false)
          case .cutOff: return (.failure(CutOff()), false)
          case .open:
            precondition(state.waiter == nil, "a body has one consumer")
            state.waiter = continuation
            return (nil, false)
          }
        }
        if resume { resumeReading() }
        if let result { continuation.resume(with: result) }
      }
    } onCancel: {
      cutOff()
    }
  }

  public func makeAsyncIterator() -> Iterator { Iterator(body: self) }

  public struct Iterator: AsyncIteratorProtocol {
    let body: RequestBody
    public mutating func next() async throws -> ByteBuffer? { try await body.next() }
  }
}
