import Datagrams
import Glibc
import TestKit
import WireKit

/// A relay on loopback that loses, doubles and delays TFTP's datagrams by a seed, for real clients and servers.
///
/// The kernel here has no `netem`. To each client the relay is a server of a single port; towards the server every client has a
/// socket of its own.
final class LossyRelay: Sendable {
  let port: UInt16
  private let socket: CInt
  private let thread: ServiceThread

  init(to server: Endpoint, loss: Double, seed: UInt64) throws {
    socket = try UDPSocket.open(Endpoint(IPAddress(127, 0, 0, 1), 0))
    try UDPSocket.prepare(socket)
    port = try UDPSocket.localEndpoint(socket).port
    let descriptor = socket
    thread = try ServiceThread.start("lossy-relay") { thread in
      guard var work = try? RelayWork(descriptor, server, loss, seed) else { return }
      while !thread.isStopping { work.turn() }
    }
  }

  func stop() async {
    thread.stop()
    await thread.finished()
    close(socket)
  }
}

private struct RelayWork: ~Copyable {
  private struct Flow {
    var client: Endpoint
    var server: Endpoint
    var socket: CInt
  }

  private let listener: CInt
  private let server: Endpoint
  private let loss: Double
  private var generator: SeededGenerator
  private var flows: [Flow] = []
  private var queue: DatagramQueue
  /// One datagram that is let pass by the next.
  private var delayed: (bytes: [UInt8], to: Endpoint, socket: CInt)?

  init(_ listener: CInt, _ server: Endpoint, _ loss: Double, _ seed: UInt64) throws {
    self.listener = listener
    self.server = server
    self.loss = loss
    generator = SeededGenerator(seed: seed)
    queue = try DatagramQueue(receiveCount: 1, receiveSize: 65_535, sendCount: 8)
  }

  deinit { for flow in flows { close(flow.socket) } }

  mutating func turn() {
    var polls = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
    polls += flows.map { pollfd(fd: $0.socket, events: Int16(POLLIN), revents: 0) }
    if poll(&polls, nfds_t(polls.count), 50) == 0 { return flushDelayed() }
    if polls[0].revents != 0, let (bytes, client) = receive(listener) {
      let index = flow(for: client)
      // A request opens a new conversation with the server's own port.
      if bytes.count > 1, bytes[1] == 1 || bytes[1] == 2 { flows[index].server = server }
      pass(bytes, flows[index].server, flows[index].socket)
    }
    for index in flows.indices where index + 1 < polls.count && polls[index + 1].revents != 0 {
      guard let (bytes, source) = receive(flows[index].socket) else { continue }
      flows[index].server = source
      pass(bytes, flows[index].client, listener)
    }
  }

  private mutating func receive(_ socket: CInt) -> (bytes: [UInt8], source: Endpoint)? {
    guard let count = try? queue.receive(socket), count == 1, let arrival = queue.arrival(0) else { return nil }
    return (
      Array(UnsafeBufferPointer(start: arrival.bytes, count: Int(arrival.length))),
      DatagramRoute(raw: arrival.route).peer
    )
  }

  private mutating func flow(for client: Endpoint) -> Int {
    if let index = flows.firstIndex(where: { $0.client == client }) { return index }
    let socket = (try? UDPSocket.open(Endpoint(IPAddress(127, 0, 0, 1), 0))) ?? -1
    try? UDPSocket.prepare(socket)
    flows.append(Flow(client: client, server: server, socket: socket))
    return flows.count - 1
  }

  private mutating func pass(_ bytes: [UInt8], _ destination: Endpoint, _ socket: CInt) {
    if generator.chance(loss) { return }
    if delayed == nil, generator.chance(loss) {
      delayed = (bytes, destination, socket)
      return
    }
    for _ in 0..<(generator.chance(loss) ? 2 : 1) { queue.send(bytes, DatagramRoute(to: destination), on: socket) }
    flushDelayed()
  }

  private mutating func flushDelayed() {
    if let delayed { queue.send(delayed.bytes, DatagramRoute(to: delayed.to), on: delayed.socket) }
    delayed = nil
  }
}
