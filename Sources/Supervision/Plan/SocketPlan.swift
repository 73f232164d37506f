/// One socket, or one group of them, that the supervisor binds for a worker.
public struct SocketPlan: Hashable, Sendable, Codable {
  /// What the worker knows it by, unique within the worker: `http 127.0.0.1:10080`.
  public var name: String
  public var place: SocketPlace
  /// How many sockets share the address by SO_REUSEPORT (one per core, usually), `1...64`; 1 for a Unix socket.
  public var count: Int
  /// Connections that the kernel holds while nobody accepts, as during a worker's restart (listen(2)).
  public var backlog: Int32
  /// Whether an IPv6 socket leaves IPv4 alone (IPV6_V6ONLY).
  public var isV6Only: Bool
  /// Whether the address may be one that the machine doesn't have yet (IP_FREEBIND).
  public var isFreeBind: Bool
  /// Whether a UDP socket for an IPv4 address takes everything that arrives at the interface with that address, broadcasts
  /// included, as a DHCP server must: it is bound to that interface (SO_BINDTODEVICE) and to all addresses. On loopback it
  /// makes no difference.
  public var takesBroadcasts: Bool
  /// The access rights of a Unix socket's file.
  public var mode: UInt32
  /// The user that a Unix socket's file is given to; `nil` leaves it to the supervisor's own.
  public var owner: String?

  public init(
    name: String, place: SocketPlace, count: Int = 1, backlog: Int32 = 1024, isV6Only: Bool = true,
    isFreeBind: Bool = false, takesBroadcasts: Bool = false, mode: UInt32 = 0o600, owner: String? = nil
  ) {
    self.name = name
    self.place = place
    self.count = count
    self.backlog = backlog
    self.isV6Only = isV6Only
    self.isFreeBind = isFreeBind
    self.takesBroadcasts = takesBroadcasts
    self.mode = mode
    self.owner = owner
  }
}
