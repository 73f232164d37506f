/// All workers that are to run.
public struct SupervisionPlan: Hashable, Sendable, Codable {
  public var workers: [WorkerPlan]
  /// The program for what only root can do; `nil` where nothing needs it.
  public var helper: HelperPlan?

  public init(_ workers: [WorkerPlan], helper: HelperPlan? = nil) {
    self.workers = workers
    self.helper = helper
  }

  /// Finds what can't work whatever the machine is like: names or addresses used twice, counts out of bounds.
  public func validate() throws(SupervisionError) {
    var names: Set<WorkerName> = []
    var places: [SocketPlace: WorkerName] = [:]
    for worker in workers {
      guard names.insert(worker.name).inserted else {
        throw SupervisionError(.badPlan, "worker \(worker.name) is planned twice")
      }
      var socketNames: Set<String> = []
      for socket in worker.sockets {
        guard socketNames.insert(socket.name).inserted else {
          throw SupervisionError(.badPlan, "worker \(worker.name): two sockets are named '\(socket.name)'")
        }
        try validate(socket, of: worker.name)
        // Port 0 is a different port each time.
        if socket.place.endpoint?.port == 0 { continue }
        if let other = places.updateValue(worker.name, forKey: socket.place) {
          throw SupervisionError(
            .badPlan, "\(socket.place) is planned twice, for worker \(other) and for worker \(worker.name)")
        }
      }
    }
  }

  private func validate(_ socket: SocketPlan, of worker: WorkerName) throws(SupervisionError) {
    let place = "worker \(worker): \(socket.place)"
    guard (1...64).contains(socket.count) else {
      throw SupervisionError(.badPlan, "\(place): \(socket.count) sockets, but 1 to 64 can share an address")
    }
    guard socket.name.utf8.count <= 200 else {
      throw SupervisionError(.badPlan, "\(place): the socket's name is longer than 200 bytes")
    }
    if case .unixStream(let path) = socket.place {
      guard socket.count == 1 else {
        throw SupervisionError(.badPlan, "\(place): a Unix socket can't be shared by \(socket.count) sockets")
      }
      guard path.hasPrefix("/"), path.utf8.count <= 107, !path.utf8.contains(0) else {
        throw SupervisionError(.badPlan, "\(place): a socket's path is absolute and has 107 bytes at most")
      }
    }
  }
}
