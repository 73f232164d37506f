import DHCPCore
import Datagrams
import Glibc
import Services
import Synchronization
import WireKit

/// A DHCPv4 server (RFC 2131) over sockets that it is given or opens itself, with its leases in a store.
///
/// A thread per socket decides; a task brings the leases to disk in groups, and an ACK leaves only when its lease is there.
public final class DHCPServer: Sendable {
  private let shared: DHCPShared
  private let store: any LeaseStore
  private let observer: any LeaseObserver
  private let pipeline: CommitPipeline
  private let prober: Prober?
  private let probing: ServiceThread?
  private let committing: Task<Void, Never>
  private let ownSockets: [CInt]
  private let listenings = Mutex<[DHCPListening]>([])
  /// Where the server listens, as far as it was told at its start.
  public let endpoints: [Endpoint]

  /// A configuration that cannot work, a store that cannot be read, or a socket that cannot be had.
  public struct StartError: Error, Sendable, CustomStringConvertible {
    public let description: String
  }

  /// Opens the endpoints and serves them.
  /// - Parameters:
  ///   - endpoints: Usually `0.0.0.0:67`. One with port 4011 becomes the boot service.
  ///   - device: Binds all of them to this interface.
  public static func start(
    _ configuration: DHCPServerConfiguration, on endpoints: [Endpoint], device: String? = nil, store: any LeaseStore,
    clock: any Clock, events: any EventSink, meters: Meters = Meters()
  ) async throws(StartError) -> DHCPServer {
    var sockets: [CInt] = []
    do {
      for endpoint in endpoints { sockets.append(try UDPSocket.open(endpoint, reuse: true, device: device)) }
      return try await DHCPServer(
        configuration, sockets: sockets, closing: sockets, store: store, observer: NoLeaseObserver(), clock: clock,
        events: events, meters: meters)
    } catch {
      for socket in sockets { close(socket) }
      throw StartError(description: "\(error)")
    }
  }

  /// Serves bound UDP sockets, which stay the caller's to close after `stop`; and those that `serve` adds.
  public convenience init(
    _ configuration: DHCPServerConfiguration, sockets: [CInt] = [], store: any LeaseStore,
    observer: any LeaseObserver = NoLeaseObserver(), clock: any Clock, events: any EventSink, meters: Meters = Meters()
  ) async throws {
    try await self.init(
      configuration, sockets: sockets, closing: [], store: store, observer: observer, clock: clock, events: events,
      meters: meters)
  }

  private init(
    _ configuration: DHCPServerConfiguration, sockets: [CInt], closing: [CInt], store: any LeaseStore,
    observer: any LeaseObserver, clock: any Clock, events: any EventSink, meters: Meters
  ) async throws {
    try Self.check(configuration.policy)
    let report = ServerReport(
      clock: clock, events: events, meters: meters, minimumSeverity: configuration.minimumSeverity)
    let records = try await store.all().filter { $0.address.family == .v4 }
    let shared = DHCPShared(configuration, report: report, leases: records.map { Lease($0) })
    let pipeline = try CommitPipeline(
      store, report: report, observer: observer, limit: configuration.maximumWaiting
    ) { change, standing in
      shared.engine.withLock { $0.refused(change, actual: standing.map { Lease($0) }) }
    }
    self.store = store
    self.observer = observer
    self.shared = shared
    self.pipeline = pipeline
    prober = try Self.makeProber(configuration, shared, pipeline)
    probing = try prober.map { prober in try ServiceThread.start("dhcp-probe") { prober.run($0) } }
    endpoints = try sockets.map { socket throws(SystemError) in try UDPSocket.localEndpoint(socket) }
    ownSockets = closing
    committing = Task { await pipeline.run() }
    await observer.changed(records)
    for (socket, endpoint) in zip(sockets, endpoints) {
      var options = DHCPSocketOptions()
      options.isRelayedOnly = configuration.isRelayedOnly
      options.answersRelaysAtSourcePort = configuration.answersRelaysAtSourcePort
      options.isBootService = endpoint.port == 4011
      try serve(socket, options)
    }
  }

  private static func check(_ policy: Policy) throws(StartError) {
    let problems = policy.problems()
    guard problems.isEmpty else { throw StartError(description: problems.joined(separator: "; ")) }
  }

  /// Serves one more bound UDP socket, which stays the caller's to close once it is stopped.
  @discardableResult
  public func serve(_ socket: CInt, _ options: DHCPSocketOptions) throws -> DHCPListening {
    let loop = try DHCPLoop(socket: socket, options: options, shared: shared, pipeline: pipeline, prober: prober)
    let listening = DHCPListening(try ServiceThread.start("dhcp") { loop.run($0) })
    listenings.withLock { $0.append(listening) }
    return listening
  }

  /// Puts another policy into force. Leases stay, also those that it would not have given. Throws what cannot work, and
  /// changes nothing then.
  public func reload(_ policy: Policy) throws(StartError) {
    try Self.check(policy)
    shared.engine.withLock { $0 = $0.with(policy) }
  }

  /// Takes over what another process has changed in the store: leases that were given back or entered by hand.
  public func refresh() async throws(StoreError) {
    let records = try await store.all().filter { $0.address.family == .v4 }
    let news = shared.engine.withLock { engine in records.filter { engine.adopt(Lease($0)) } }
    if !news.isEmpty { await observer.changed(news) }
  }

  private static func makeProber(
    _ configuration: DHCPServerConfiguration, _ shared: DHCPShared, _ pipeline: CommitPipeline
  ) throws(SystemError) -> Prober? {
    guard configuration.policy.probesConflicts else { return nil }
    let sender = try ReplySender()
    let prober = Prober(configuration, clock: shared.report.clock) { pending, address, isTaken in
      guard isTaken else {
        sender.send(pending)
        sender.flush()
        return shared.report.note(pending)
      }
      // The client hears nothing and asks again; by then the address is in quarantine, and it gets another.
      let now = shared.report.clock.wallTime().seconds
      guard let change = shared.engine.withLock({ $0.conflict(at: address, now: now) }) else { return }
      shared.report.log(
        .warning, "an address that is free by our records is in use", [.init("address", .address(address))])
      var quarantine = pending
      (quarantine.changes, quarantine.reply) = ([change], nil)
      _ = pipeline.submit([quarantine])
    }
    if prober == nil { shared.report.log(.warning, "no privilege to probe addresses", []) }
    return prober
  }

  /// The leases as they stand in memory.
  public var leases: [Lease] { shared.engine.withLock { Array($0.table.all) } }

  /// How many addresses of the pools are held, and how many there are, by subnet.
  public func usage() -> [(subnet: IPNetwork, held: Int, size: Int)] {
    let now = shared.report.clock.wallTime().seconds
    return shared.engine.withLock { engine in
      engine.policy.subnets.map { subnet in
        let usage = engine.usage(of: subnet.network, now: now)
        return (subnet.network, usage.held, usage.size)
      }
    }
  }

  /// Ends the threads, lets what waits reach the disk, and closes what the server opened.
  public func stop() async {
    let listenings = listenings.withLock { $0 }
    probing?.stop()
    for listening in listenings { listening.requestStop() }
    for listening in listenings { await listening.stop() }
    await probing?.finished()
    pipeline.finish()
    await committing.value
    for socket in ownSockets { close(socket) }
  }
}
