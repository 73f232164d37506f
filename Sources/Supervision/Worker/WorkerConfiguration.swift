/// What a worker is to do: at the start and after each reload.
public struct WorkerConfiguration: Sendable {
  /// Counts the hand-overs of this worker.
  public var generation: UInt32
  /// As the plan has it.
  public var bytes: [UInt8]
  /// All sockets of the worker, each time: those it has already are other descriptors of the same sockets.
  public var sockets: [InheritedSocket]

  public init(generation: UInt32, bytes: [UInt8], sockets: [InheritedSocket]) {
    self.generation = generation
    self.bytes = bytes
    self.sockets = sockets
  }

  /// What has to change for a worker that listens at `running`: the sockets that are new, and those that it has to
  /// close. The second descriptors of those that stay are closed here.
  public func changes(
    from running: Set<InheritedSocket.Identity>
  ) -> (added: [InheritedSocket], removed: Set<InheritedSocket.Identity>) {
    var added: [InheritedSocket] = []
    var removed = running
    for socket in sockets {
      if removed.remove(socket.identity) == nil {
        added.append(socket)
      } else {
        socket.close()
      }
    }
    return (added, removed)
  }
}

/// What a supervisor asks of a worker.
public enum WorkerCommand: Sendable {
  /// Serve this, then say `ready` or `refuse`. The first one comes before anything else.
  case configure(WorkerConfiguration)
  /// Accept nothing more, finish what is under way within this time, and exit.
  case drain(Duration)
}
