import DHCPCore
import Datagrams
import Glibc
import WireKit

/// Asks DHCPv6 servers for an advertisement, and takes nothing (RFC 8415 §18.2.1).
///
/// Every call blocks for as long as it says.
public struct DHCPv6ProbeClient: Sendable {
  /// What came back, and from where.
  public struct Answer: Sendable {
    public var message: V6Message
    public var source: Endpoint
    public var nanoseconds: Int64
    /// The server's identifier.
    public var server: [UInt8] { message.options[.serverIdentifier] ?? [] }
  }

  /// Whom the client says it is: by a locally administered hardware address that no machine has (RFC 8415 §11.4).
  public var identifier: [UInt8]
  /// How long it waits for answers, in milliseconds.
  public var milliseconds = 2_000

  public init(identifier: [UInt8]? = nil) {
    self.identifier = identifier ?? [0, 3, 0, 1, 0x02, 0x70, 0x73] + (0..<3).map { _ in UInt8.random(in: 0...255) }
  }

  /// Asks one server as a relay would, from any port. Returns the first answer.
  /// - Parameter link: An address of the network that is asked for.
  public func ask(_ server: Endpoint, link: IPAddress) throws(SystemError) -> Answer? {
    let socket = try UDPSocket.open(Endpoint(IPAddress(v6: 0), 0))
    defer { close(socket) }
    let message = solicit()
    let bytes = message.forwarded(link: link, peer: IPAddress(v6: 1))
    return try exchange(message, bytes, socket, DatagramRoute(to: server), onlyFirst: true).first
  }

  /// Asks all servers and relays of an interface. Needs the right to port 546. Returns every answer within the time.
  public func ask(interface: String) throws(SystemError) -> [Answer] {
    let index = if_nametoindex(interface)
    guard index != 0 else { throw SystemError("find the interface \(interface)", ENODEV) }
    let socket = try UDPSocket.open(Endpoint(IPAddress(v6: 0), 546), reuse: true)
    defer { close(socket) }
    // ff02::1:2 (§7.1).
    let everyone = IPAddress(v6: UInt128(0xFF02) << 112 | 0x1_0002)
    let message = solicit()
    return try exchange(
      message, message.encoded, socket, DatagramRoute(to: Endpoint(everyone, 547), interface: index), onlyFirst: false)
  }

  private func solicit() -> V6Message {
    var message = V6Message(.solicit, transaction: UInt32.random(in: 0...0xFF_FFFF))
    message.options.append(.clientIdentifier, identifier)
    // One association for addresses; elapsed time 0; resolvers, domains, time servers, boot file.
    message.options.append(.addresses, [0, 0, 0, 1] + [UInt8](repeating: 0, count: 8))
    message.options.append(8, [0, 0])
    message.options.append(.requested, [0, 23, 0, 24, 0, 56, 0, 59])
    return message
  }

  private func exchange(
    _ message: V6Message, _ bytes: [UInt8], _ socket: CInt, _ route: DatagramRoute, onlyFirst: Bool
  ) throws(SystemError) -> [Answer] {
    try UDPSocket.prepare(socket, buffer: 1 << 16)
    UDPSocket.setTimeout(socket, milliseconds: 50)
    var queue = try DatagramQueue(receiveCount: 16, receiveSize: 4_096, sendCount: 1)
    let begin = Self.now()
    var answers: [Answer] = []
    var sent: Int64 = 0
    while Self.now() < begin + Int64(milliseconds) * 1_000_000 {
      if sent == 0 || Self.now() - sent > 1_000_000_000 {
        sent = Self.now()
        queue.send(bytes, route, on: socket)
      }
      for index in 0..<(try queue.receive(socket)) {
        guard let arrival = queue.arrival(index), arrival.length > 0 else { continue }
        let datagram = Array(UnsafeRawBufferPointer(start: arrival.bytes, count: Int(arrival.length)))
        guard let reply = try? V6Message.decodeAnswer(datagram), reply.kind == .advertise || reply.kind == .reply,
          reply.transaction == message.transaction, reply.options[.clientIdentifier] == identifier
        else { continue }
        let answer = Answer(
          message: reply, source: DatagramRoute(raw: arrival.route).peer, nanoseconds: Self.now() - begin)
        if onlyFirst { return [answer] }
        if !answers.contains(where: { $0.server == answer.server }) { answers.append(answer) }
      }
    }
    return answers
  }

  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
