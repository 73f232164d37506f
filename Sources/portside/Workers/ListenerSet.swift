import Supervision

/// A listener that runs, as its worker sees it: something that can be ended.
struct RunningListener: Sendable {
  /// Stops accepting, and lets what stands finish within the limit.
  let drain: @Sendable (Duration) async -> Void
}

/// The listeners of a worker, kept in step with the sockets that the supervisor hands over.
actor ListenerSet {
  /// How long connections of a listener that was taken out of the configuration may go on.
  private static let farewell = Duration.seconds(30)

  private var running: [InheritedSocket.Identity: RunningListener] = [:]

  /// Starts listeners on sockets that are new, and ends those whose sockets are gone. Those that stay are not touched. When
  /// one can't be started, those that were started before it in this call are ended again, and nothing else changes.
  func update(
    _ sockets: [InheritedSocket], start: @Sendable (InheritedSocket) async throws -> RunningListener?
  ) async throws {
    let configuration = WorkerConfiguration(generation: 0, bytes: [], sockets: sockets)
    let (added, removed) = configuration.changes(from: Set(running.keys))
    var started: [InheritedSocket.Identity: RunningListener] = [:]
    for (index, socket) in added.enumerated() {
      let identity = socket.identity
      do {
        guard let listener = try await start(socket) else {
          socket.close()
          continue
        }
        started[identity] = listener
      } catch {
        added[index...].forEach { $0.close() }
        for listener in started.values { await listener.drain(.zero) }
        throw error
      }
    }
    running.merge(started) { _, new in new }
    for identity in removed {
      guard let listener = running.removeValue(forKey: identity) else { continue }
      Task { await listener.drain(Self.farewell) }
    }
  }

  /// Ends all of them.
  func drain(within limit: Duration) async {
    let all = running.values
    running = [:]
    await withTaskGroup(of: Void.self) { group in
      for listener in all { group.addTask { await listener.drain(limit) } }
    }
  }
}
