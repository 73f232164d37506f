import DNSCore
import Services
import Synchronization
import Transport
import WireKit

/// An authoritative DNS server: zones, receive threads for UDP, sessions for TCP and TLS.
///
/// ```
/// let server = DNSServer(context: context, configuration: configuration)
/// let reports = await server.reload(configuration.zones)
/// let listener = StreamListener(configuration: …, context: context, contexts: …, numbers: …,
///   handler: server.streamHandler, makeSession: { server.makeStreamSession($0) })
/// try await server.run(datagrams: sockets)         // until stop(), or until its task is cancelled
/// ```
public final class DNSServer: Sendable {
  private let context: ServerContext
  private let configuration: DNSServerConfiguration
  let zones: ZoneSet
  let views = DNSViews()
  private let resolver: (any RecursiveResolver)?
  private let streamCounters = DNSCounters()
  let state = Mutex(State())

  struct State {
    var loops: [DatagramLoop] = []
    var counters: [DNSCounters] = []
    var isStopped = false
    /// Counts the calls of `reload`, so that a slow one does not overwrite what a later one loaded.
    var reloads = 0
    /// The zones as their files have them, and what programs put beside that.
    var written: [Zone] = []
    var dynamic = DynamicRecords()
    /// Both put together, before they are signed.
    var composed: [Name: Zone] = [:]
    /// Zones that are served with a digest of themselves, and what came of that last.
    var withDigest: Set<Name> = []
    var digests: [Name: (source: Zone, result: Zone)] = [:]
    /// Zones of other servers, whole as they came.
    var received: [Name: Zone] = [:]
    /// Zones of ours that can't be answered from.
    var unavailable: Set<Name> = []
    var transactions: (any DNSTransactions)?
    /// Signs what is to be signed, as the last step before a zone is served.
    var finisher: (any ZoneFinishing)?

    func finish(_ zone: Zone) -> Zone { finisher?.finish(zone) ?? zone }
  }

  /// - Parameters:
  ///   - zones: Where the zones stand; the resolver's too, where there is one.
  ///   - resolver: For names outside of the zones; `nil` refuses them.
  public init(
    context: ServerContext, configuration: DNSServerConfiguration = DNSServerConfiguration(),
    zones: ZoneSet = ZoneSet(), resolver: (any RecursiveResolver)? = nil
  ) {
    self.context = context
    self.zones = zones
    self.resolver = resolver
    self.configuration = configuration
  }

  /// Serves these UDP sockets, one thread each, until `stop` is called or the task is cancelled. Sockets on one port need
  /// SO_REUSEPORT. They are not closed.
  public func run(datagrams sockets: [CInt]) async throws(SystemCallError) {
    let group = try serve(datagrams: sockets)
    let result: Result<Void, SystemCallError> = await withTaskCancellationHandler {
      do throws(SystemCallError) {
        return .success(try await group.finished())
      } catch {
        return .failure(error)
      }
    } onCancel: {
      group.stop()
    }
    try result.get()
  }

  /// Serves these UDP sockets, one thread each, until the group or the server is stopped. Sockets on one port need
  /// SO_REUSEPORT. They are not closed.
  public func serve(datagrams sockets: [CInt]) throws(SystemCallError) -> DNSDatagramGroup {
    var loops: [DatagramLoop] = []
    do throws(SystemCallError) {
      for (index, socket) in sockets.enumerated() { loops.append(try startLoop(socket, index)) }
    } catch {
      for loop in loops { loop.stop() }
      throw error
    }
    return DNSDatagramGroup(loops)
  }

  private func startLoop(_ socket: CInt, _ index: Int) throws(SystemCallError) -> DatagramLoop {
    let counters = DNSCounters()
    let conversation = DNSConversation(context: context, service: .dns)
    let meter = context.meters.meter(.dns, DNSStreamHandler.operations).shard(index)
    let recursion = resolver.flatMap { resolver in
      LateReplies(socket).map { DatagramRecursion(resolver, $0, conversation, meter) }
    }
    let transactions = state.withLock(\.transactions).flatMap { transactions in
      LateReplies(socket).map { DatagramTransactions(transactions, $0, conversation) }
    }
    let responder = DNSDatagramResponder(
      responder: Responder(zones: zones, settings: configuration.responder), counters: counters,
      conversation: conversation, recursion: recursion, transactions: transactions, limiter: configuration.limiter,
      views: views)
    let loop = try DatagramLoop.start(
      socket, limits: configuration.datagrams, name: "dns-udp-\(index)", meter: meter, responder: responder)
    let isStopped = state.withLock { state in
      state.loops.append(loop)
      state.counters.append(counters)
      return state.isStopped
    }
    if isStopped { loop.stop() }
    return loop
  }

  /// Ends `run`. Replies at hand still leave. Stream listeners are their owner's to stop.
  public func stop() {
    let loops = state.withLock { state in
      state.isStopped = true
      return state.loops
    }
    for loop in loops { loop.stop() }
  }

  /// A session for one TCP or TLS connection.
  /// - Parameter isTrusted: Whether the other end has seen to it itself who may ask for recursion.
  public func makeStreamSession(_ connection: Connection, isTrusted: Bool = false) -> DNSStreamSession {
    DNSStreamSession(
      responder: Responder(
        zones: views.zones(for: connection.peer.address) ?? zones, settings: configuration.responder),
      limits: configuration.streams,
      isWatched: context.events.isWatched(connection.service),
      mayRecurse: isTrusted ? resolver != nil : resolver?.serves(connection.peer.address) ?? false,
      takesTransactions: state.withLock { $0.transactions != nil }, replies: resolver?.replies)
  }

  /// Has transfers, NOTIFY, updates and signed requests answered. Before sockets are served.
  public func setTransactions(_ transactions: any DNSTransactions) {
    state.withLock { $0.transactions = transactions }
  }

  /// What a stream listener reports to.
  public var streamHandler: DNSStreamHandler {
    DNSStreamHandler(
      counters: streamCounters, context: context, resolver: resolver, meters: DNSMeters(context.meters),
      transactions: state.withLock(\.transactions))
  }

  /// Loads these zones and serves them in the place of all others. A zone whose source is broken goes on as it was.
  @discardableResult
  public func reload(_ sources: [ZoneSource]) async -> [ZoneLoadReport] {
    let number = state.withLock { state in
      state.reloads += 1
      return state.reloads
    }
    let old = ZoneCatalog(state.withLock { $0.written })
    var served: [Zone] = []
    var reports: [ZoneLoadReport] = []
    for source in sources {
      // One zone after the other: a large one takes seconds and much memory, and queries are answered meanwhile.
      let (zone, findings) = await Task.detached(priority: .utility) { ZoneLoader.load(source) }.value
      var report = ZoneLoadReport(apex: source.apex, outcome: .failed, findings: findings)
      if let zone {
        // Signing takes its time, too; later on it is a matter of what changed.
        if let finisher = state.withLock(\.finisher), old.zone(source.apex) == nil {
          await Task.detached(priority: .utility) { finisher.prepare(zone) }.value
        }
        served.append(zone)
        report.outcome = .loaded(records: zone.recordCount, serial: zone.soa.serial)
      } else if let previous = old.zone(source.apex) {
        served.append(previous)
        report.outcome = .kept
      }
      self.report(report)
      reports.append(report)
    }
    state.withLock { state in
      guard state.reloads == number else { return }
      state.written = served
      publish(&state)
    }
    return reports
  }

  /// Has every zone pass through this before it is served. Before zones are loaded.
  public func setFinisher(_ finisher: any ZoneFinishing) { state.withLock { $0.finisher = finisher } }

  /// Finishes these zones anew: keys or signatures are due.
  public func finishAgain(_ apexes: [Name]) {
    let (zones, finisher) = state.withLock { state in (apexes.compactMap { state.composed[$0] }, state.finisher) }
    for zone in zones { finisher?.prepare(zone) }
    state.withLock { publish(&$0, only: Set(apexes)) }
  }

  func report(_ report: ZoneLoadReport) {
    var fields = [Event.Field("zone", .string(report.apex.description))]
    switch report.outcome {
    case .loaded(let records, let serial):
      fields.append(.init("records", .integer(Int64(records))))
      fields.append(.init("serial", .integer(Int64(serial))))
      emit(.info, "zone loaded", fields)
    case .kept: emit(.error, "zone file has errors, the zone goes on as it was", fields)
    case .failed: emit(.error, "zone file has errors, the zone is not served", fields)
    }
    for finding in report.findings {
      emit(
        finding.severity == .error ? .error : .warning, "zone file",
        [.init("zone", .string(report.apex.description)), .init("finding", .string(finding.description))])
    }
  }

  private func emit(_ severity: Event.Severity, _ message: StaticString, _ fields: [Event.Field]) {
    context.events.emit(
      Event(time: context.clock.wallTime(), severity: severity, message: message, service: .dns, fields: fields))
  }

  /// The zones served at this moment.
  public var servedZones: [Zone] { zones.current.zones.filter { !$0.isPlaceholder } }

  /// The zone of this name, as it is served at this moment.
  public func servedZone(_ apex: Name) -> Zone? {
    zones.current.zone(apex).flatMap { $0.isPlaceholder ? nil : $0 }
  }

  var responderSettings: ResponderSettings { configuration.responder }

  /// What has been answered since the start.
  public var metrics: DNSMetrics {
    var datagrams = ResponderTally()
    for counters in state.withLock({ $0.counters }) { datagrams += counters.tally }
    return DNSMetrics(datagrams: datagrams, streams: streamCounters.tally)
  }
}
