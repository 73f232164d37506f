import DHCPCore
import Datagrams
import Services
import Synchronization
import WireKit

/// What the sockets of a server share.
final class DHCPShared: Sendable {
  let configuration: DHCPServerConfiguration
  let report: ServerReport
  let engine: Mutex<Engine>

  init(_ configuration: DHCPServerConfiguration, report: ServerReport, leases: [Lease]) {
    self.configuration = configuration
    self.report = report
    engine = Mutex(Engine(configuration.policy, leases: leases))
  }
}

/// A thread that takes messages from one socket and decides about them.
///
/// `@unchecked Sendable` because the thread alone uses what is not a constant.
final class DHCPLoop: @unchecked Sendable {
  private let socket: CInt
  private let options: DHCPSocketOptions
  private let shared: DHCPShared
  private let pipeline: CommitPipeline
  private let prober: Prober?
  private var queue: DatagramQueue
  private let sender: ReplySender
  private var interfaces = Interfaces()
  private var interfacesAge = MonotonicTime(nanoseconds: 0)

  init(
    socket: CInt, options: DHCPSocketOptions, shared: DHCPShared, pipeline: CommitPipeline, prober: Prober?
  ) throws(SystemError) {
    self.socket = socket
    self.options = options
    self.shared = shared
    self.pipeline = pipeline
    self.prober = prober
    try UDPSocket.prepare(socket)
    UDPSocket.setTimeout(socket, milliseconds: 250)
    queue = try DatagramQueue(receiveCount: 128, receiveSize: 4_096, sendCount: 1)
    sender = try ReplySender()
  }

  func run(_ thread: ServiceThread) {
    while !thread.isStopping {
      let count: Int
      do throws(SystemError) { count = try queue.receive(socket) } catch {
        shared.report.log(.error, "the socket failed", [.init("error", .string(error.description))])
        return
      }
      refreshInterfaces()
      var changes: [Pending] = []
      for index in 0..<count {
        guard let arrival = queue.arrival(index), arrival.length > 0 else { continue }
        let bytes = UnsafeRawBufferPointer(start: arrival.bytes, count: Int(arrival.length))
        receive(bytes, DatagramRoute(raw: arrival.route), &changes)
      }
      if !changes.isEmpty { submit(changes) }
      sender.flush()
    }
  }

  private func submit(_ changes: [Pending]) {
    let rest = pipeline.submit(changes)
    guard !rest.isEmpty else { return }
    shared.engine.withLock { engine in
      for item in rest.reversed() { for change in item.changes { engine.refused(change, actual: nil) } }
    }
    shared.report.log(.warning, "too many requests wait for the disk", [.init("dropped", .integer(Int64(rest.count)))])
  }

  private func refreshInterfaces() {
    let now = shared.report.clock.now()
    guard now - interfacesAge > .seconds(3) else { return }
    interfacesAge = now
    interfaces = Interfaces()
  }

  private func receive(_ bytes: UnsafeRawBufferPointer, _ route: DatagramRoute, _ changes: inout [Pending]) {
    let start = shared.report.clock.now()
    shared.report.meter.shard(Int(socket)).note(bytesIn: bytes.count)
    let message: Message
    do throws(WireError) { message = try Message.decode(bytes.bytes) } catch {
      shared.report.log(.debug, "malformed message", [.init("error", .string(error.description))], peer: route.peer)
      return
    }
    guard let arrival = arrival(message, route) else { return }
    shared.report.tell(.received, message, peer: route.peer)
    let now = shared.report.clock.wallTime().seconds
    let decision = shared.engine.withLock { $0.receive(message, arrival, now: now) }
    shared.report.decided(message, decision, peer: route.peer)
    if let reply = decision.reply { shared.report.tell(.sent, reply, peer: route.peer) }
    var delivery = decision.delivery
    if options.answersRelaysAtSourcePort, case .unicast(let endpoint) = delivery,
      !message.relayAddress.isUnspecified
    {
      delivery = .unicast(Endpoint(endpoint.address, route.peer.port))
    }
    let pending = Pending(
      changes: decision.change.map { [$0] } ?? [], reply: decision.reply?.encoded(limit: Self.limit(message)),
      delivery: delivery,
      socket: socket, interface: route.interface, local: arrival.serverAddress, reason: decision.reason,
      operation: DHCPOperation(message), since: start)
    if !pending.changes.isEmpty {
      changes.append(pending)
    } else if let address = decision.probe, let prober, prober.probe(address, for: pending) {
      return
    } else {
      sender.send(pending)
      shared.report.note(pending)
    }
  }

  /// How this message came; `nil` when it is none of ours.
  private func arrival(_ message: Message, _ route: DatagramRoute) -> Arrival? {
    let isRelayed = !message.relayAddress.isUnspecified
    let interface = interfaces.byIndex[route.interface]
    if options.isRelayedOnly, !isRelayed { return nil }
    if !isRelayed, !shared.configuration.interfaces.isEmpty,
      !shared.configuration.interfaces.contains(interface?.name ?? "")
    {
      return nil
    }
    let addresses = interface?.addresses ?? []
    guard let own = route.local ?? addresses.first else { return nil }
    var arrival = Arrival(
      interfaceAddresses: addresses.contains(own) ? [own] + addresses.filter { $0 != own } : addresses,
      serverAddress: own.isUnspecified ? addresses.first ?? own : own, sourcePort: route.peer.port,
      isUnicast: !route.isMulticast)
    arrival.isBootService = options.isBootService
    return arrival
  }

  /// The largest reply: what the client says (option 57, less the IP and UDP headers), within what every Ethernet carries.
  private static func limit(_ message: Message) -> Int {
    guard let bytes = message.options[.maximumMessageSize], bytes.count == 2 else { return 548 }
    return min(max(Int(bytes[0]) << 8 | Int(bytes[1]), 576), 1_500) - 28
  }
}
