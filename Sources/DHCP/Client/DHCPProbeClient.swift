import DHCPCore
import Datagrams
import Glibc
import WireKit

/// Asks DHCP servers for an offer, and takes none: what `portside probe` and `portside check` look with.
///
/// Every call blocks for as long as it says.
public struct DHCPProbeClient: Sendable {
  /// What came back, and from where.
  public struct Offer: Sendable {
    public var message: Message
    public var source: Endpoint
    public var nanoseconds: Int64
  }

  /// Whom the client says it is: a locally administered address that no machine has.
  public var hardwareAddress: [UInt8]
  /// How long it waits for answers, in milliseconds.
  public var milliseconds = 2_000
  /// The subnet that an offer is wanted from (RFC 3527); `nil` leaves it to the server.
  public var link: IPAddress?

  public init(hardwareAddress: [UInt8]? = nil) {
    self.hardwareAddress = hardwareAddress ?? [0x02, 0x70, 0x73] + (0..<3).map { _ in UInt8.random(in: 0...255) }
  }

  /// Asks one server as a relay would, from any port (RFC 8357). Returns the first answer.
  public func ask(_ server: Endpoint) throws(SystemError) -> Offer? {
    let local = try Self.localAddress(towards: server)
    let socket = try UDPSocket.open(Endpoint(local, 0))
    defer { close(socket) }
    var message = discover()
    message.relayAddress = local
    var relay = SubOptions()
    if let link { relay.append(5, link.octets) }
    relay.append(19, [])
    message.options[.relayAgentInformation] = relay.encoded
    let offer = try exchange(message, socket, to: server, onlyFirst: true).first
    if offer != nil { try giveBack(message, socket, to: server) }
    return offer
  }

  /// Asks everyone on an interface by broadcast. Needs the right to port 68. Returns every answer within the time.
  public func ask(interface: String) throws(SystemError) -> [Offer] {
    let socket = try UDPSocket.open(Endpoint(IPAddress(v4: 0), 68), reuse: true, device: interface)
    defer { close(socket) }
    var message = discover()
    message.flags |= Message.broadcastFlag
    let everyone = Endpoint(IPAddress(255, 255, 255, 255), 67)
    let offers = try exchange(message, socket, to: everyone, onlyFirst: false)
    if !offers.isEmpty { try giveBack(message, socket, to: everyone) }
    return offers
  }

  /// Chooses a server that is none (192.0.2.1, RFC 5737): all others have their offers back (RFC 2131 §3.1 step 4).
  private func giveBack(_ discover: Message, _ socket: CInt, to server: Endpoint) throws(SystemError) {
    var message = discover
    message.options[.messageType] = [MessageType.request.rawValue]
    message.options[.serverIdentifier] = [192, 0, 2, 1]
    message.options[.requestedAddress] = [192, 0, 2, 2]
    var queue = try DatagramQueue(receiveCount: 1, receiveSize: 1, sendCount: 1)
    message.encoded().withUnsafeBytes { bytes in
      _ = queue.add(DatagramRoute(to: server), payload: bytes)
      queue.flush(socket)
    }
  }

  private func discover() -> Message {
    var message = Message(.request)
    message.hardwareAddress = hardwareAddress
    message.transaction = UInt32.random(in: 0 ... .max)
    message.options[.messageType] = [MessageType.discover.rawValue]
    // What most clients ask for: mask, router, resolvers, name, domain, broadcast, time servers, search list, routes.
    message.options[.parameterRequestList] = [1, 3, 6, 12, 15, 28, 42, 51, 54, 66, 67, 119, 121]
    return message
  }

  private func exchange(
    _ message: Message, _ socket: CInt, to server: Endpoint, onlyFirst: Bool
  ) throws(SystemError) -> [Offer] {
    try UDPSocket.prepare(socket, buffer: 1 << 16)
    UDPSocket.setTimeout(socket, milliseconds: 50)
    var queue = try DatagramQueue(receiveCount: 16, receiveSize: 4_096, sendCount: 1)
    let begin = Self.now()
    let end = begin + Int64(milliseconds) * 1_000_000
    var offers: [Offer] = []
    var sent: Int64 = 0
    let request = message.encoded()
    while Self.now() < end {
      // Once more each second: a server that tries an address first may have let the first one fall.
      if sent == 0 || Self.now() - sent > 1_000_000_000 {
        sent = Self.now()
        request.withUnsafeBytes { bytes in
          _ = queue.add(DatagramRoute(to: server), payload: bytes)
          queue.flush(socket)
        }
      }
      for index in 0..<(try queue.receive(socket)) {
        guard let arrival = queue.arrival(index), arrival.length > 0 else { continue }
        let bytes = UnsafeRawBufferPointer(start: arrival.bytes, count: Int(arrival.length))
        guard let reply = try? Message.decode(bytes.bytes), reply.operation == .reply,
          reply.transaction == message.transaction
        else { continue }
        let offer = Offer(
          message: reply, source: DatagramRoute(raw: arrival.route).peer, nanoseconds: Self.now() - begin)
        if onlyFirst { return [offer] }
        let server = reply.address(.serverIdentifier)
        if !offers.contains(where: { $0.message.address(.serverIdentifier) == server }) { offers.append(offer) }
      }
    }
    return offers
  }

  /// The address of this machine that a server is talked to from.
  private static func localAddress(towards server: Endpoint) throws(SystemError) -> IPAddress {
    let socket = try UDPSocket.open(Endpoint(IPAddress(v4: 0), 0))
    defer { close(socket) }
    try UDPSocket.connect(socket, to: server)
    return try UDPSocket.localEndpoint(socket).address
  }

  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
