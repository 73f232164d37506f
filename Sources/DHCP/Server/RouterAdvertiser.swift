import DHCPCore
import Datagrams
import Glibc
import Services
import Synchronization
import SystemShims
import WireKit

/// Sends router advertisements on one interface: now and then, and when a host asks (RFC 4861 §6.2).
public final class RouterAdvertiser: Sendable {
  /// Between two unsolicited ones (MaxRtrAdvInterval is 600 s at most; RFC 8106 wants resolvers named thrice in their lifetime).
  private static let interval = Duration.seconds(300)
  /// The first few come sooner (MAX_INITIAL_RTR_ADVERTISEMENTS, MAX_INITIAL_RTR_ADVERT_INTERVAL).
  private static let initialInterval = Duration.seconds(16)
  private static let initialCount = 3
  /// Between any two (MIN_DELAY_BETWEEN_RAS): whoever asks without rest is not answered each time.
  private static let shortest = Duration.seconds(3)

  private let socket: CInt
  private let index: UInt32
  private let clock: any Clock
  private let advertisement: Mutex<RouterAdvertisement>
  private let thread = Mutex<ServiceThread?>(nil)

  /// Begins to advertise. Needs the right to raw sockets (CAP_NET_RAW).
  public init(_ advertisement: RouterAdvertisement, interface: String, clock: any Clock) throws(SystemError) {
    socket = Glibc.socket(AF_INET6, Int32(SOCK_RAW.rawValue) | O_CLOEXEC, Int32(IPPROTO_ICMPV6))
    guard socket >= 0 else { throw SystemError("open a raw socket", errno) }
    index = if_nametoindex(interface)
    self.clock = clock
    var own = advertisement
    var link = [UInt8](repeating: 0, count: 6)
    if portside_interface_link_address(index, &link) == 0 { own.linkAddress = link }
    self.advertisement = Mutex(own)
    let length = socklen_t(interface.utf8.count + 1)
    guard interface.withCString({ setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, $0, length) }) == 0 else {
      throw SystemError("bind to \(interface)", errno)
    }
    // RFC 4861 §6.1.2: hosts believe only what comes with a hop limit of 255, which no router lets through.
    var hops: Int32 = 255
    let size = socklen_t(MemoryLayout<Int32>.size)
    setsockopt(socket, Int32(IPPROTO_IPV6), IPV6_MULTICAST_HOPS, &hops, size)
    var outgoing = Int32(bitPattern: index)
    setsockopt(socket, Int32(IPPROTO_IPV6), IPV6_MULTICAST_IF, &outgoing, size)
    var group = ipv6_mreq()
    Self.put(Self.allRouters, into: &group.ipv6mr_multiaddr)
    group.ipv6mr_interface = index
    setsockopt(socket, Int32(IPPROTO_IPV6), IPV6_JOIN_GROUP, &group, socklen_t(MemoryLayout<ipv6_mreq>.size))
    UDPSocket.setTimeout(socket, milliseconds: 250)
    let started = try ServiceThread.start("router-advert") { [self] in run($0) }
    thread.withLock { $0 = started }
  }

  deinit { if socket >= 0 { close(socket) } }

  /// Ends it. A way out that goes away says so (RFC 4861 §6.2.5).
  public func stop() async {
    let running = thread.withLock { $0 }
    running?.stop()
    await running?.finished()
    let wasRouter = advertisement.withLock { advertisement in
      defer { advertisement.lifetime = 0 }
      return advertisement.lifetime > 0
    }
    if wasRouter { send() }
  }

  private func run(_ thread: ServiceThread) {
    var sent = 0
    var last = clock.now()
    var isAsked = true
    while !thread.isStopping {
      let now = clock.now()
      let due = sent < Self.initialCount ? Self.initialInterval : Self.interval
      if isAsked && (sent == 0 || now - last >= Self.shortest) || now - last >= due {
        send()
        (last, isAsked) = (now, false)
        sent += 1
      }
      if receiveSolicitation() { isAsked = true }
    }
  }

  private func send() {
    let bytes = advertisement.withLock { $0.encoded }
    var name = sockaddr_in6()
    name.sin6_family = sa_family_t(AF_INET6)
    name.sin6_scope_id = index
    Self.put(Self.allNodes, into: &name.sin6_addr)
    _ = withUnsafePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(socket, bytes, bytes.count, Int32(MSG_DONTWAIT), $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
      }
    }
  }

  /// Whether a host of this link has asked: from a link-local address, or from none yet.
  private func receiveSolicitation() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 1_500)
    var name = sockaddr_in6()
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let count = withUnsafeMutablePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { recvfrom(socket, &buffer, 1_500, 0, $0, &length) }
    }
    guard count >= 8, buffer[0] == 133, buffer[1] == 0 else { return false }
    let bits = withUnsafeBytes(of: name.sin6_addr) { UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self)) }
    let source = IPAddress(v6: bits)
    return source.isLinkLocal || source.isUnspecified
  }

  /// ff02::1 and ff02::2.
  private static let allNodes = [0xFF, 0x02] + [UInt8](repeating: 0, count: 13) + [1]
  private static let allRouters = [0xFF, 0x02] + [UInt8](repeating: 0, count: 13) + [2]

  private static func put(_ octets: [UInt8], into address: inout in6_addr) {
    withUnsafeMutableBytes(of: &address) { $0.copyBytes(from: octets) }
  }
}
