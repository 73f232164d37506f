import DHCPCore
import Datagrams
import Glibc
import Services
import WireKit

/// A DHCPv4 server (RFC 2131) over sockets that it is given or opens itself, with its leases in a store.
///
/// A thread per socket decides; a task brings the leases to disk in groups, and an ACK leaves only when its lease is there.
public final class DHCPServer: Sendable {
  private let shared: DHCPShared
  private let pipeline: CommitPipeline
  private let threads: [ServiceThread]
  private let committing: Task<Void, Never>
  private let ownSockets: [CInt]
  /// Where the server listens.
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
    _ configuration: Configuration, on endpoints: [Endpoint], device: String? = nil, store: any LeaseStore,
    clock: any Clock, events: any EventSink
  ) async throws(StartError) -> DHCPServer {
    var sockets: [CInt] = []
    do {
      for endpoint in endpoints { sockets.append(try UDPSocket.open(endpoint, reuse: true, device: device)) }
      return try await DHCPServer(
        configuration, sockets: sockets, closing: sockets, store: store, clock: clock, events: events)
    } catch {
      for socket in sockets { close(socket) }
      throw StartError(description: "\(error)")
    }
  }

  /// Serves bound UDP sockets, which stay the caller's to close after `stop`.
  public convenience init(
    _ configuration: Configuration, sockets: [CInt], store: any LeaseStore, clock: any Clock, events: any EventSink
  ) async throws {
    try await self.init(configuration, sockets: sockets, closing: [], store: store, clock: clock, events: events)
  }

  private init(
    _ configuration: Configuration, sockets: [CInt], closing: [CInt], store: any LeaseStore, clock: any Clock,
    events: any EventSink
  ) async throws {
    let problems = configuration.policy.problems()
    guard problems.isEmpty else { throw StartError(description: problems.joined(separator: "; ")) }
    let report = ServerReport(clock: clock, events: events)
    let leases = try await store.all().map { Lease($0) }
    let shared = DHCPShared(configuration, report: report, leases: leases)
    let pipeline = try CommitPipeline(store, report: report, limit: configuration.maximumWaiting) { change, standing in
      shared.engine.withLock { $0.refused(change, actual: standing.map { Lease($0) }) }
    }
    let prober = try Self.makeProber(configuration, shared, pipeline)
    var threads: [ServiceThread] = []
    var endpoints: [Endpoint] = []
    do {
      if let prober { threads.append(try ServiceThread.start("dhcp-probe") { prober.run($0) }) }
      for socket in sockets {
        let endpoint = try UDPSocket.localEndpoint(socket)
        endpoints.append(endpoint)
        let loop = try DHCPLoop(
          socket: socket, isBootService: endpoint.port == 4011, shared: shared, pipeline: pipeline, prober: prober)
        threads.append(try ServiceThread.start("dhcp") { loop.run($0) })
      }
    } catch {
      for thread in threads { thread.stop() }
      throw error
    }
    self.shared = shared
    self.pipeline = pipeline
    self.threads = threads
    self.endpoints = endpoints
    ownSockets = closing
    committing = Task { await pipeline.run() }
  }

  private static func makeProber(
    _ configuration: Configuration, _ shared: DHCPShared, _ pipeline: CommitPipeline
  ) throws(SystemError) -> Prober? {
    guard configuration.policy.probesConflicts else { return nil }
    let sender = try ReplySender()
    let prober = Prober(configuration, clock: shared.report.clock) { pending, address, isTaken in
      guard isTaken else {
        sender.send(pending)
        return sender.flush()
      }
      // The client hears nothing and asks again; by then the address is in quarantine, and it gets another.
      let now = shared.report.clock.wallTime().seconds
      guard let change = shared.engine.withLock({ $0.conflict(at: address, now: now) }) else { return }
      shared.report.log(
        .warning, "an address that is free by our records is in use", [.init("address", .address(address))])
      var quarantine = pending
      (quarantine.change, quarantine.reply) = (change, nil)
      _ = pipeline.submit([quarantine])
    }
    if prober == nil { shared.report.log(.warning, "no privilege to probe addresses", []) }
    return prober
  }

  /// The leases as they stand in memory.
  public var leases: [Lease] { shared.engine.withLock { Array($0.table.all) } }

  /// Ends the threads, lets what waits reach the disk, and closes what the server opened.
  public func stop() async {
    for thread in threads { thread.stop() }
    for thread in threads { await thread.finished() }
    pipeline.finish()
    await committing.value
    for socket in ownSockets { close(socket) }
  }
}
