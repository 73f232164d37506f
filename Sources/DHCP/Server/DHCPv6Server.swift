import DHCPCore
import Datagrams
import Services
import Synchronization
import WireKit

/// A DHCPv6 server (RFC 8415) over sockets that it is given, with its leases in a store.
///
/// As with `DHCPServer`, a thread per socket decides, and a reply that promises something leaves when its leases are on disk.
public final class DHCPv6Server: Sendable {
  private let shared: DHCPv6Shared
  private let store: any LeaseStore
  private let observer: any LeaseObserver
  private let pipeline: CommitPipeline
  private let committing: Task<Void, Never>
  private let listenings = Mutex<[DHCPListening]>([])

  public init(
    _ policy: V6Policy, store: any LeaseStore, observer: any LeaseObserver = NoLeaseObserver(), clock: any Clock,
    events: any EventSink, meters: Meters = Meters(), minimumSeverity: Event.Severity = .debug
  ) async throws {
    try Self.check(policy)
    let report = ServerReport(clock: clock, events: events, meters: meters, minimumSeverity: minimumSeverity)
    let records = try await store.all().filter { $0.address.family == .v6 }
    let shared = DHCPv6Shared(policy, report: report, leases: records.map { Lease($0) })
    let pipeline = try CommitPipeline(store, report: report, observer: observer, limit: 4_096) { change, standing in
      shared.engine.withLock { $0.refused(change, actual: standing.map { Lease($0) }) }
    }
    self.shared = shared
    self.store = store
    self.observer = observer
    self.pipeline = pipeline
    committing = Task { await pipeline.run() }
    await observer.changed(records)
  }

  private static func check(_ policy: V6Policy) throws(DHCPServer.StartError) {
    let problems = policy.problems()
    guard problems.isEmpty else { throw DHCPServer.StartError(description: problems.joined(separator: "; ")) }
  }

  /// Serves a bound UDP socket, which stays the caller's to close once it is stopped. It joins the group of all servers and
  /// relays on its interface, or on every one.
  @discardableResult
  public func serve(_ socket: CInt) throws -> DHCPListening {
    let loop = try DHCPv6Loop(socket: socket, shared: shared, pipeline: pipeline)
    let listening = DHCPListening(try ServiceThread.start("dhcp6") { loop.run($0) })
    listenings.withLock { $0.append(listening) }
    return listening
  }

  /// Puts another policy into force. Throws what cannot work, and changes nothing then.
  public func reload(_ policy: V6Policy) throws(DHCPServer.StartError) {
    try Self.check(policy)
    shared.engine.withLock { $0.policy = policy }
  }

  /// Takes over what another process has changed in the store.
  public func refresh() async throws(StoreError) {
    let records = try await store.all().filter { $0.address.family == .v6 }
    let news = shared.engine.withLock { engine in records.filter { engine.adopt(Lease($0)) } }
    if !news.isEmpty { await observer.changed(news) }
  }

  /// Ends the threads, and lets what waits reach the disk.
  public func stop() async {
    let listenings = listenings.withLock { $0 }
    for listening in listenings { listening.requestStop() }
    for listening in listenings { await listening.stop() }
    pipeline.finish()
    await committing.value
  }
}

/// What the sockets of a server share.
final class DHCPv6Shared: Sendable {
  let report: ServerReport
  let engine: Mutex<V6Engine>

  init(_ policy: V6Policy, report: ServerReport, leases: [Lease]) {
    self.report = report
    engine = Mutex(V6Engine(policy, leases: leases))
  }
}
