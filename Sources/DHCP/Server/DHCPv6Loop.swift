import DHCPCore
import Datagrams
import Glibc
import Services
import Synchronization
import WireKit

/// A thread that takes DHCPv6 messages from one socket and decides about them.
///
/// `@unchecked Sendable` because the thread alone uses what is not a constant.
final class DHCPv6Loop: @unchecked Sendable {
  private let socket: CInt
  private let port: UInt16
  private let shared: DHCPv6Shared
  private let pipeline: CommitPipeline
  private var queue: DatagramQueue
  private let sender: ReplySender
  private var interfaces = Interfaces()
  private var interfacesAge = MonotonicTime(nanoseconds: 0)
  private var joined: Set<UInt32> = []

  init(socket: CInt, shared: DHCPv6Shared, pipeline: CommitPipeline) throws(SystemError) {
    self.socket = socket
    self.shared = shared
    self.pipeline = pipeline
    port = try UDPSocket.localEndpoint(socket).port
    try UDPSocket.prepare(socket)
    UDPSocket.setTimeout(socket, milliseconds: 250)
    queue = try DatagramQueue(receiveCount: 64, receiveSize: 8_192, sendCount: 1)
    sender = try ReplySender()
    joinGroups()
  }

  /// Joins ff02::1:2 (All_DHCP_Relay_Agents_and_Servers, RFC 8415 §7.1) where that has not been done.
  private func joinGroups() {
    let device = Self.device(of: socket)
    for (index, interface) in interfaces.byIndex where !joined.contains(index) {
      guard device == nil || device == interface.name else { continue }
      var request = ipv6_mreq()
      withUnsafeMutableBytes(of: &request.ipv6mr_multiaddr) { place in
        place.copyBytes(from: [0xFF, 0x02] + [UInt8](repeating: 0, count: 11) + [1, 0, 2])
      }
      request.ipv6mr_interface = index
      let size = socklen_t(MemoryLayout<ipv6_mreq>.size)
      // One that is joined already says so by EADDRINUSE: the socket has outlived an earlier worker.
      if setsockopt(socket, Int32(IPPROTO_IPV6), IPV6_JOIN_GROUP, &request, size) == 0 || errno == EADDRINUSE {
        joined.insert(index)
      }
    }
  }

  /// The interface that a socket is bound to.
  private static func device(of socket: CInt) -> String? {
    var name = [UInt8](repeating: 0, count: 16)
    var length = socklen_t(name.count)
    guard getsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, &name, &length) == 0, length > 1 else { return nil }
    return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
  }

  func run(_ thread: ServiceThread) {
    while !thread.isStopping {
      let count: Int
      do throws(SystemError) { count = try queue.receive(socket) } catch {
        shared.report.log(.error, "the socket failed", [.init("error", .string(error.description))])
        return
      }
      refreshInterfaces()
      var promised: [Pending] = []
      for index in 0..<count {
        guard let arrival = queue.arrival(index), arrival.length > 0 else { continue }
        let bytes = UnsafeRawBufferPointer(start: arrival.bytes, count: Int(arrival.length))
        receive(bytes, DatagramRoute(raw: arrival.route), &promised)
      }
      if !promised.isEmpty { submit(promised) }
      sender.flush()
    }
  }

  private func submit(_ promised: [Pending]) {
    let rest = pipeline.submit(promised)
    guard !rest.isEmpty else { return }
    shared.engine.withLock { engine in
      for item in rest.reversed() { for change in item.changes.reversed() { engine.refused(change, actual: nil) } }
    }
    shared.report.log(.warning, "too many requests wait for the disk", [.init("dropped", .integer(Int64(rest.count)))])
  }

  private func refreshInterfaces() {
    let now = shared.report.clock.now()
    guard now - interfacesAge > .seconds(3) else { return }
    interfacesAge = now
    interfaces = Interfaces()
    joinGroups()
  }

  private func receive(_ bytes: UnsafeRawBufferPointer, _ route: DatagramRoute, _ promised: inout [Pending]) {
    let start = shared.report.clock.now()
    shared.report.meter.shard(Int(socket)).note(bytesIn: bytes.count)
    let message: V6Message
    do throws(WireError) { message = try V6Message.decode(bytes.bytes) } catch {
      shared.report.log(.debug, "malformed message", [.init("error", .string(error.description))], peer: route.peer)
      return
    }
    shared.report.tell(.received, message, peer: route.peer)
    let addresses = interfaces.byIndex[route.interface]?.v6Addresses ?? []
    let now = shared.report.clock.wallTime().seconds
    let decision = shared.engine.withLock { $0.receive(message, interface: addresses, now: now) }
    shared.report.decided(message, decision, peer: route.peer)
    guard let reply = decision.reply else { return }
    shared.report.tell(.sent, reply, peer: route.peer)
    // Clients listen on 546 and relays on 547 (RFC 8415 §7.2); on a port of our own, to wherever it came from.
    let answerPort = port != 547 ? route.peer.port : message.relays.isEmpty ? 546 : 547
    let pending = Pending(
      changes: decision.changes, reply: reply.encoded, delivery: .unicast(Endpoint(route.peer.address, answerPort)),
      socket: socket, interface: route.interface, local: IPAddress(v6: 0), reason: decision.reason,
      operation: DHCPOperation(message), since: start)
    guard decision.changes.isEmpty else { return promised.append(pending) }
    sender.send(pending)
    shared.report.note(pending)
  }
}
