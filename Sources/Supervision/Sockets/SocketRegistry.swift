/// All sockets that a supervisor holds, by worker, in the order of the plan.
struct SocketRegistry: Sendable {
  private var groups: [WorkerName: [SocketGroup]] = [:]

  /// The sockets of a worker.
  func sockets(of worker: WorkerName) -> [SocketGroup] { groups[worker] ?? [] }

  /// The registry for another plan: sockets that it keeps, whichever worker has them, are the same ones; the others are
  /// bound here, before anything is closed. On an error this registry is as it was and new sockets are closed again.
  func prepared(
    for plan: SupervisionPlan, inherited: inout ServiceManagerSockets
  ) throws(SupervisionError) -> SocketRegistry {
    var remaining = groups.flatMap { worker, groups in groups.map { (worker: worker, group: $0) } }
    var next = SocketRegistry()
    var missing: [(worker: WorkerName, index: Int, plan: SocketPlan)] = []
    var found: [WorkerName: [SocketGroup?]] = [:]
    for worker in plan.workers {
      for (index, socket) in worker.sockets.enumerated() {
        if let place = remaining.firstIndex(where: { held in
          // Of several "any free port" sockets only worker and name tell which one is meant.
          held.group.serves(socket)
            && (socket.place.endpoint?.port != 0 || held.worker == worker.name && held.group.plan.name == socket.name)
        }) {
          var group = remaining.remove(at: place).group
          group.plan = socket
          found[worker.name, default: []].append(group)
        } else {
          found[worker.name, default: []].append(nil)
          missing.append((worker.name, index, socket))
        }
      }
    }
    // What remains is closed after the change. Until then it may be in the way: the same port on all addresses, or
    // the same address with another option.
    let leaving = remaining.map(\.group).filter { $0.path == nil }
    for group in leaving { for descriptor in group.descriptors { SocketBinder.setReusePort(descriptor, true) } }
    do throws(SupervisionError) {
      for (worker, index, socket) in missing {
        let besides = leaving.contains { Self.isInTheWay($0, of: socket) }
        let group =
          if let given = inherited.take(socket) { given } else { try Self.bound(socket, besides: besides) }
        found[worker]?[index] = group
      }
    } catch {
      for group in leaving where group.plan.count == 1 {
        for descriptor in group.descriptors { SocketBinder.setReusePort(descriptor, false) }
      }
      throw error
    }
    next.groups = found.mapValues { $0.compactMap { $0 } }
    return next
  }

  /// Puts options that can change while bound into force. Returns what could not be.
  func settle() -> [SupervisionError] {
    groups.values.flatMap { $0 }.compactMap { group in
      do throws(SupervisionError) {
        try group.settle()
        return nil
      } catch {
        return error
      }
    }
  }

  private static func bound(_ socket: SocketPlan, besides: Bool) throws(SupervisionError) -> SocketGroup {
    let (descriptors, place, path) = try SocketBinder.bind(socket, besides: besides)
    return SocketGroup(plan: socket, place: place, descriptors: descriptors, path: path)
  }

  private static func isInTheWay(_ group: SocketGroup, of socket: SocketPlan) -> Bool {
    switch (group.place, socket.place) {
    case (.tcp(let bound), .tcp(let wanted)), (.udp(let bound), .udp(let wanted)): bound.port == wanted.port
    default: false
    }
  }
}
