import Certificates
import Configuration
import Foundation
import Gate
import HTTPServer
import NIOPosix
import Operation
import Services
import Stores
import Supervision
import Synchronization
import Transport

/// The worker `gate`: accounts, log-ins, penalties, sessions, audit, certificates, events, metrics.
final class GateWorker: Worker {
  private let log: LogWriter
  private let hub: GateEvents
  /// For workers, and for the command line; on sockets of their own, since workers have nothing to administer.
  private let workers: GateServer
  private let administrators: GateServer
  private let pages: HTTPServer
  private let admin: HTTPServer?
  /// What the web worker passes on.
  private let inner: HTTPServer
  private let parts: GateParts
  private let events: any EventSink
  /// Has certificates issued by others; begun anew when the configuration changes.
  private let orders = Mutex<Task<Void, Never>?>(nil)
  private let store: SQLiteStore
  private let certificates: CertificateService
  private let listeners = ListenerSet()
  private let chores: [Task<Void, Never>]
  private let trail: AuditTrail

  /// What everything else in the gate stands on.
  private struct Ground {
    let clock = SystemClock()
    let metrics = ProcessMetrics(worker: WorkerName.gate.rawValue)
    let recent = RecentEvents()
    let log: LogWriter
    let store: SQLiteStore
    let trail: AuditTrail
    let hub: GateEvents
    let events: any EventSink
    let certificates: CertificateService

    init(_ settings: WorkerSettings) throws {
      log = LogWriter(settings, clock: clock)
      guard let masterKey = settings.masterKey else { throw CommandFailure("the gate was given no key") }
      store = try SQLiteStore(
        path: DataFolder(settings.configuration).database, meter: metrics.meters.store("accounts"))
      trail = AuditTrail(store: SQLiteAuditStore(store))
      // Workers log and count for themselves; what they send here is for the audit trail and those who watch.
      hub = GateEvents(next: EventFan([recent]), trail: trail, watch: WatchBoard(), clock: clock)
      events = EventFan([log, EventMetrics(metrics.registry), hub])
      certificates = try CertificateService(
        store: try GateDirectory.certificateStore(settings.configuration, masterKey: masterKey, clock: clock),
        events: events, clock: clock)
    }
  }

  /// Without a suspension: the optimiser of Swift 6.3 crashes on an asynchronous initialiser of this length (CoroSplit).
  private init(
    _ settings: WorkerSettings, _ ground: Ground, _ parts: GateParts, _ supervisor: SupervisorLink
  ) throws {
    log = ground.log
    store = ground.store
    trail = ground.trail
    hub = ground.hub
    events = ground.events
    certificates = ground.certificates
    self.parts = parts
    let user = settings.configuration.server.user.flatMap { UserAndGroup($0.description) }?.user
    workers = GateServer(parts, configuration: .init(serviceUserID: user, allowsAdministration: false))
    administrators = GateServer(parts, configuration: .init(allowsAdministration: true))
    pages = try Self.makePages(settings, ground.metrics, workers, parts, events, supervisor)
    let contexts = TLSContextStore()
    admin = try Self.makeAdmin(settings, ground.metrics, parts, events, contexts)
    inner = try Self.makeInner(settings, parts, events, certificates)
    chores = Self.makeChores(settings, certificates, contexts)
    try beginOrders(settings)
  }

  /// What is done all the time beside the requests.
  private static func makeChores(
    _ settings: WorkerSettings, _ certificates: CertificateService, _ contexts: TLSContextStore
  ) -> [Task<Void, Never>] {
    let folder = DataFolder(settings.configuration).certificates
    let identities = certificates.identities()
    return [
      Task.detached { await Self.renew(certificates) },
      Task.detached { await Self.follow(certificates, in: folder) },
      Task.detached { for await present in identities { contexts.update(present) } },
    ]
  }

  /// What the web worker passes on.
  private static func makeInner(
    _ settings: WorkerSettings, _ parts: GateParts, _ events: any EventSink, _ certificates: CertificateService
  ) throws -> HTTPServer {
    let numbers = SessionNumbers()
    return try HTTPServer(
      context: ServerContext(
        clock: parts.clock, events: events, accounts: parts.accounts, penalties: parts.penalties,
        sessions: parts.sessions, certificates: parts.certificates), contexts: TLSContextStore(),
      counter: ConnectionCounter(SourceLimits(maximumConnectionsPerSource: 10_000)), numbers: numbers,
      configuration: try innerSites(settings, parts, events, certificates, numbers))
  }

  private func beginOrders(_ settings: WorkerSettings) throws {
    let next = try CertificateOrders(settings, certificates, workers, events: events, clock: parts.clock)
    orders.withLock { task in
      task?.cancel()
      task = next.map { orders in Task.detached { await orders.run() } }
    }
  }

  static func start(
    _ settings: WorkerSettings, _ sockets: [InheritedSocket], _ supervisor: SupervisorLink
  ) async throws -> GateWorker {
    let ground = try Ground(settings)
    try await ensureCertificates(settings, ground.certificates)
    let parts = try await makeParts(
      settings, store: ground.store, trail: ground.trail, hub: ground.hub, events: ground.events,
      certificates: ground.certificates, clock: ground.clock, metrics: ground.metrics, recent: ground.recent,
      supervisor: supervisor)
    let worker = try GateWorker(settings, ground, parts, supervisor)
    try await worker.listen(settings, sockets)
    await worker.audit(settings.versions)
    return worker
  }

  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    try await Self.ensureCertificates(settings, certificates)
    try inner.reload(Self.innerSites(settings, parts, events, certificates, SessionNumbers()))
    try beginOrders(settings)
    try await listen(settings, sockets)
    await audit(settings.versions)
    log.setThreshold(settings.configuration.log.level.severity)
  }

  func drain(within limit: Duration) async {
    chores.forEach { $0.cancel() }
    orders.withLock { $0?.cancel() }
    await listeners.drain(within: limit)
    await hub.flush()
    try? store.close()
    log.flush()
  }

  /// Enters versions of what the console has set into the audit trail, those that are not there yet: also what went back by itself
  /// while no gate was there.
  private func audit(_ versions: [ConfigurationVersion]) async {
    for version in versions {
      let subject = "configuration \(version.number)"
      let known = try? await trail.page(AuditFilter(account: subject), from: .before(nil), limit: 1)
      guard let known, known.isEmpty else { continue }
      try? await trail.append([
        AuditEntry(
          time: version.time, actor: version.actor.account, action: "configuration changed", subject: subject,
          before: version.difference.filter { $0.hasPrefix("-") }.joined(separator: "; "),
          after: (["(\(version.reason))"] + version.difference.filter { $0.hasPrefix("+") }).joined(separator: "; "),
          session: version.actor.session, service: version.actor.service, peer: version.actor.peer)
      ])
    }
  }

  private func listen(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    try await listeners.update(sockets) { [self] socket in
      guard let descriptor = socket.descriptors.first else { return nil }
      switch socket.name {
      case SocketNames.gate, SocketNames.admin:
        let server = socket.name == SocketNames.gate ? workers : administrators
        try await server.start(descriptor: descriptor)
        return RunningListener { _ in await server.stop() }
      case SocketNames.web:
        let listening = try await inner.listen(
          .init(isSecure: false, service: .admin), descriptor: descriptor, on: MultiThreadedEventLoopGroup.singleton)
        return RunningListener { await listening.drain(within: $0) }
      default:
        let declaration = settings.listeners[socket.name]
        let isAdmin = declaration?.section == "admin"
        guard let server = isAdmin ? admin : pages else { return nil }
        let listening = try await server.listen(
          .init(
            isSecure: declaration?.tls == .implicit, service: .admin,
            proxies: settings.configuration.proxyProtocol.from),
          descriptor: descriptor, on: MultiThreadedEventLoopGroup.singleton)
        return RunningListener { await listening.drain(within: $0) }
      }
    }
  }

  /// The pages of `[metrics]`.
  private static func makePages(
    _ settings: WorkerSettings, _ metrics: ProcessMetrics, _ gate: GateServer, _ parts: GateParts,
    _ events: any EventSink, _ supervisor: SupervisorLink
  ) throws -> HTTPServer {
    let page = MetricsPage(
      own: metrics, gate: gate, supervisor: supervisor, allowed: settings.configuration.metrics.from)
    let context = ServerContext(
      clock: parts.clock, events: events, accounts: parts.accounts, penalties: parts.penalties,
      sessions: parts.sessions, certificates: parts.certificates, meters: metrics.meters)
    return try HTTPServer(
      context: context, contexts: TLSContextStore(),
      counter: ConnectionCounter(SourceLimits(settings.configuration.limits)), numbers: SessionNumbers(),
      configuration: HTTPServerConfiguration(mounts: [Mount("/metrics", page), Mount("/healthz", page)]))
  }

  /// The pages of `[admin]`.
  private static func makeAdmin(
    _ settings: WorkerSettings, _ metrics: ProcessMetrics, _ parts: GateParts, _ events: any EventSink,
    _ contexts: TLSContextStore
  ) throws -> HTTPServer? {
    let numbers = SessionNumbers()
    guard let site = AdminSite(settings, parts, numbers: numbers) else { return nil }
    let context = ServerContext(
      clock: parts.clock, events: events, accounts: parts.accounts, penalties: parts.penalties,
      sessions: parts.sessions, certificates: parts.certificates, meters: metrics.meters)
    return try HTTPServer(
      context: context, contexts: contexts, counter: ConnectionCounter(SourceLimits(settings.configuration.limits)),
      numbers: numbers, configuration: HTTPServerConfiguration(mounts: [Mount("", site)]))
  }

  /// What sites of the web worker show of the gate: `@admin`, `@acme`.
  private static func innerSites(
    _ settings: WorkerSettings, _ parts: GateParts, _ events: any EventSink, _ certificates: CertificateService,
    _ numbers: SessionNumbers
  ) throws -> HTTPServerConfiguration {
    var sites: [SiteConfiguration] = []
    if let site = AdminSite(settings, parts, numbers: numbers) {
      sites.append(SiteConfiguration(names: ["admin"], content: .handler(site)))
    }
    if let site = try AuthoritySite.make(settings, certificates, clock: parts.clock, events: events) {
      sites.append(SiteConfiguration(names: ["acme"], content: .handler(site)))
    }
    return HTTPServerConfiguration(sites: sites, isBehindOwnProxy: true)
  }

  // MARK: Chores

  private static func renew(_ certificates: CertificateService) async {
    while !Task.isCancelled {
      _ = try? certificates.renewDue()
      try? await Task.sleep(for: .seconds(3600))
    }
  }

  /// Takes over what `portside cert` changes in the store, within about a second.
  private static func follow(_ certificates: CertificateService, in folder: String) async {
    var seen = changeTime(folder)
    while !Task.isCancelled {
      try? await Task.sleep(for: .seconds(1))
      let latest = changeTime(folder)
      guard latest != seen else { continue }
      seen = latest
      try? certificates.reload()
    }
  }

  /// When an entry was last put into the folder or taken out.
  private static func changeTime(_ folder: String) -> [Int] {
    var status = stat()
    guard stat("\(folder)/certificates", &status) == 0 else { return [] }
    return [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
  }
}
