import Glibc

/// Sockets that the service manager bound for this process (sd_listen_fds(3)): `LISTEN_FDS` of them from descriptor 3
/// on, named by `LISTEN_FDNAMES`, meant for the process `LISTEN_PID`.
struct ServiceManagerSockets: Sendable {
  private var sockets: [(name: String, place: SocketPlace, descriptor: Descriptor)] = []

  /// None.
  init() {}

  /// Takes those of this process's environment, and the variables out of it, so that no child believes they were its.
  static func fromEnvironment() -> ServiceManagerSockets {
    let (pid, count) = (Environment.take("LISTEN_PID"), Environment.take("LISTEN_FDS"))
    let fieldNames = Environment.take("LISTEN_FDNAMES") ?? ""
    guard let pid, Int32(pid) == getpid(), let count, let count = Int32(count), count > 0, count <= 1024 else {
      return ServiceManagerSockets()
    }
    let names = fieldNames.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    return ServiceManagerSockets(
      (0..<count).map { index in (Int(index) < names.count ? names[Int(index)] : "", Descriptor(3 + index)) })
  }

  /// Those of other kinds than a plan can have are closed.
  init(_ descriptors: [(name: String, descriptor: Descriptor)]) {
    for (name, descriptor) in descriptors {
      let flags = fcntl(descriptor.number, F_GETFL)
      guard flags >= 0 else { continue }
      _ = fcntl(descriptor.number, F_SETFD, FD_CLOEXEC)
      _ = fcntl(descriptor.number, F_SETFL, flags | O_NONBLOCK)
      guard let place = SocketAddress.place(of: descriptor.number) else { continue }
      sockets.append((name, place, descriptor))
    }
  }

  /// The sockets for a plan: bound to its address, or of its kind and name. `nil` when there is none; as many as there
  /// are, when the plan wants more.
  mutating func take(_ plan: SocketPlan) -> SocketGroup? {
    let chosen = sockets.indices.filter { index in
      let socket = sockets[index]
      return socket.place == plan.place || (socket.name == plan.name && Self.haveSameKind(socket.place, plan.place))
    }.prefix(plan.count)
    guard let first = chosen.first else { return nil }
    let group = SocketGroup(
      plan: plan, place: sockets[first].place, descriptors: chosen.map { sockets[$0].descriptor }, path: nil)
    for index in chosen.reversed() { sockets.remove(at: index) }
    return group
  }

  /// What no plan wanted.
  var places: [SocketPlace] { sockets.map(\.place) }

  private static func haveSameKind(_ left: SocketPlace, _ right: SocketPlace) -> Bool {
    switch (left, right) {
    case (.tcp, .tcp), (.udp, .udp), (.unixStream, .unixStream): true
    default: false
    }
  }
}
