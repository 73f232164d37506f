import Glibc
import WireKit

/// Binds sockets: every one of them close-on-exec, non-blocking, and listening when it is a stream.
enum SocketBinder {
  /// Binds the sockets of a plan. The place that is returned has the real port.
  ///
  /// `besides` says that a socket of ours which is in the way will be closed soon and has SO_REUSEPORT set, so that both
  /// can be bound for a moment.
  static func bind(
    _ plan: SocketPlan, besides: Bool
  ) throws(SupervisionError) -> (descriptors: [Descriptor], place: SocketPlace, path: UnixPath?) {
    if case .unixStream(let path) = plan.place {
      let (descriptor, owned) = try bindUnix(path, plan)
      return ([descriptor], plan.place, owned)
    }
    guard var endpoint = plan.place.endpoint else { return ([], plan.place, nil) }
    // SO_REUSEPORT would share the address with any other program of this user that sets it as well. A socket without
    // it finds out whether the address is free.
    if plan.count > 1, !besides, endpoint.port != 0 { _ = try bindInternet(plan, endpoint, reusePort: false) }
    var descriptors: [Descriptor] = []
    for _ in 0..<plan.count {
      let descriptor = try bindInternet(plan, endpoint, reusePort: plan.count > 1 || besides)
      if let bound = SocketAddress.place(of: descriptor.number)?.endpoint { endpoint.port = bound.port }
      descriptors.append(descriptor)
    }
    for descriptor in descriptors { try listen(descriptor, plan) }
    // listen(2) looks for conflicts once more, so only after it.
    if besides, plan.count == 1 { for descriptor in descriptors { setReusePort(descriptor, false) } }
    if case .udp = plan.place { return (descriptors, .udp(endpoint), nil) }
    return (descriptors, .tcp(endpoint), nil)
  }

  /// Has a stream socket listen, or changes its backlog.
  static func listen(_ descriptor: Descriptor, _ plan: SocketPlan) throws(SupervisionError) {
    if case .udp = plan.place { return }
    if Glibc.listen(descriptor.number, plan.backlog) != 0 {
      throw errno == EADDRINUSE ? taken(plan.place) : .system("listen on \(plan.place)", errno)
    }
  }

  /// Lets other sockets of this user bind the same address, or no longer.
  static func setReusePort(_ descriptor: Descriptor, _ on: Bool) {
    _ = set(descriptor.number, SOL_SOCKET, SO_REUSEPORT, on)
  }

  private static func bindInternet(
    _ plan: SocketPlan, _ endpoint: Endpoint, reusePort: Bool
  ) throws(SupervisionError) -> Descriptor {
    var isStream = true
    if case .udp = plan.place { isStream = false }
    let family = endpoint.address.family == .v4 ? AF_INET : AF_INET6
    let kind = isStream ? SOCK_STREAM : SOCK_DGRAM
    let number = socket(family, flags(kind), 0)
    guard number >= 0 else { throw .system("make a socket for \(plan.place)", errno) }
    let descriptor = Descriptor(number)
    var succeeded = true
    // Connections in TIME_WAIT don't keep a server from starting; a listening socket still does. For datagrams the
    // option would let two programs share a port.
    if isStream { succeeded = set(descriptor.number, SOL_SOCKET, SO_REUSEADDR, true) }
    if reusePort { succeeded = set(descriptor.number, SOL_SOCKET, SO_REUSEPORT, true) && succeeded }
    if family == AF_INET6 {
      succeeded = set(descriptor.number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, plan.isV6Only) && succeeded
    }
    if plan.isFreeBind { succeeded = set(descriptor.number, Int32(IPPROTO_IP), IP_FREEBIND, true) && succeeded }
    guard succeeded else { throw .system("set the options of \(plan.place)", errno) }
    let endpoint = isStream ? endpoint : try broadcastEndpoint(plan, endpoint, number)
    let bound = SocketAddress.with(endpoint) { Glibc.bind(number, $0, $1) }
    guard bound == 0 else { throw refusal(plan.place, errno) }
    return descriptor
  }

  /// Ties a socket that takes broadcasts to its interface; what it is to be bound to: broadcasts come to no address.
  private static func broadcastEndpoint(
    _ plan: SocketPlan, _ endpoint: Endpoint, _ number: Int32
  ) throws(SupervisionError) -> Endpoint {
    guard plan.takesBroadcasts, endpoint.address.family == .v4, !endpoint.address.isLoopback else { return endpoint }
    guard set(number, SOL_SOCKET, SO_BROADCAST, true) else { throw .system("set the options of \(plan.place)", errno) }
    if endpoint.address.isUnspecified { return endpoint }
    guard let interface = InterfaceName.of(endpoint.address) else { throw refusal(plan.place, EADDRNOTAVAIL) }
    let length = socklen_t(interface.utf8.count + 1)
    guard interface.withCString({ setsockopt(number, SOL_SOCKET, SO_BINDTODEVICE, $0, length) }) == 0 else {
      throw .system("bind \(plan.place) to the interface \(interface)", errno)
    }
    return Endpoint(IPAddress(0, 0, 0, 0), endpoint.port)
  }

  private static func bindUnix(
    _ path: String, _ plan: SocketPlan
  ) throws(SupervisionError) -> (Descriptor, UnixPath) {
    let number = socket(AF_UNIX, flags(SOCK_STREAM), 0)
    guard number >= 0 else { throw .system("make a socket for \(plan.place)", errno) }
    let descriptor = Descriptor(number)
    try UnixPath.removeStale(path)
    // On Linux the file gets the rights that the socket has before it is bound: there is no moment with wider ones.
    guard fchmod(number, plan.mode) == 0 else { throw .system("set the rights of \(plan.place)", errno) }
    let bound = SocketAddress.with(path: path) { Glibc.bind(number, $0, $1) }
    guard bound == 0 else { throw refusal(plan.place, errno) }
    let owned = UnixPath(path)
    try owned.setAccess(plan)
    try listen(descriptor, plan)
    return (descriptor, owned)
  }

  private static func flags(_ kind: __socket_type) -> Int32 {
    Int32(kind.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
  }

  private static func set(_ number: Int32, _ level: Int32, _ option: Int32, _ on: Bool) -> Bool {
    var value: Int32 = on ? 1 : 0
    return setsockopt(number, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
  }

  private static func refusal(_ place: SocketPlace, _ number: Int32) -> SupervisionError {
    switch number {
    case EADDRINUSE: taken(place)
    case EADDRNOTAVAIL:
      SupervisionError(.system, "\(place): this machine doesn't have the address")
    case EACCES:
      SupervisionError(
        .system, "\(place): permission denied (ports below 1024 need root, CAP_NET_BIND_SERVICE or a systemd socket)")
    default: .system("bind \(place)", number)
    }
  }

  private static func taken(_ place: SocketPlace) -> SupervisionError {
    guard let owner = PortOwner.find(place) else {
      return SupervisionError(
        .addressTaken, "\(place) is in use (root can find out by whom: ss -lntup)")
    }
    let who = owner.pid == getpid() ? "this server itself" : "\(owner)"
    return SupervisionError(.addressTaken, "\(place) is in use by \(who)")
  }
}
