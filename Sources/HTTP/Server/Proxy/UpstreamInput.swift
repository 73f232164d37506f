import NIOCore
import Synchronization

/// What comes from an upstream, on its way to the client: bounded, so that a slow client slows the upstream.
final class UpstreamInput: Sendable {
  private enum End { case open, complete, broken(any Error) }

  private struct State {
    var chunks: [ByteBuffer] = []
    var bytes = 0
    var end = End.open
    var isPaused = false
    var waiter: CheckedContinuation<[UInt8], any Error>?
    var limit = 0
  }

  /// Bytes that may wait here before the upstream is not read from.
  private static let highWatermark = 262_144
  private static let lowWatermark = 65_536

  private let state = Mutex(State())
  /// Called, on any thread, when there is room again.
  private let resumeReading: @Sendable () -> Void

  init(resumeReading: @escaping @Sendable () -> Void) { self.resumeReading = resumeReading }

  /// Whether the upstream should not be read from.
  var isFull: Bool { state.withLock { $0.isPaused } }

  func append(_ chunk: ByteBuffer) {
    let wake = state.withLock { state -> (CheckedContinuation<[UInt8], any Error>, [UInt8])? in
      guard case .open = state.end else { return nil }
      state.chunks.append(chunk)
      state.bytes += chunk.readableBytes
      state.isPaused = state.bytes >= Self.highWatermark
      guard let waiter = state.waiter else { return nil }
      state.waiter = nil
      return (waiter, Self.take(&state, state.limit))
    }
    if let (waiter, bytes) = wake { waiter.resume(returning: bytes) }
  }

  func finish() { end(.complete) }
  func fail(_ error: any Error) { end(.broken(error)) }

  /// The next bytes, at most so many; empty at the end.
  func next(atMost limit: Int) async throws -> [UInt8] {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let (result, resumes) = state.withLock { state -> (Result<[UInt8], any Error>?, Bool) in
          if !state.chunks.isEmpty {
            let bytes = Self.take(&state, limit)
            let resumes = state.isPaused && state.bytes <= Self.lowWatermark
            if resumes { state.isPaused = false }
            return (.success(bytes), resumes)
          }
          switch state.end {
          case .complete: return (.success([]), false)
          case .broken(let error): return (.failure(error), false)
          case .open:
            state.waiter = continuation
            state.limit = limit
            return (nil, false)
          }
        }
        if resumes { resumeReading() }
        if let result { continuation.resume(with: result) }
      }
    } onCancel: {
      fail(CancellationError())
    }
  }

  private static func take(_ state: inout State, _ limit: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < limit, var chunk = state.chunks.first {
      bytes += chunk.readBytes(length: min(limit - bytes.count, chunk.readableBytes)) ?? []
      if chunk.readableBytes == 0 { state.chunks.removeFirst() } else { state.chunks[0] = chunk }
    }
    state.bytes -= bytes.count
    return bytes
  }

  private func end(_ end: End) {
    let waiter = state.withLock { state -> CheckedContinuation<[UInt8], any Error>? in
      guard case .open = state.end else { return nil }
      state.end = end
      defer { state.waiter = nil }
      return state.waiter
    }
    guard let waiter else { return }
    if case .broken(let error) = end { waiter.resume(throwing: error) } else { waiter.resume(returning: []) }
  }
}
