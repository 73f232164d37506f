import DNSClient
import DNSCore
import DNSServer
import NIOCore
import NIOPosix
import Services
import Synchronization
import WireKit

/// Keeps zones the same on several servers: transfers out and in, NOTIFY both ways, updates, and the signatures over all
/// that (RFC 5936, 1995, 1996, 2136, 8945).
///
/// ```
/// let replication = ZoneReplication(configuration, server: server, resolver: resolver, context: context)
/// replication.prepare(apexes)                   // before zones are loaded and sockets are served
/// await server.reload(sources)
/// replication.begin()
/// ```
public final class ZoneReplication: DNSTransactions {
  let server: DNSServer
  let resolver: (any RecursiveResolver)?
  let context: ServerContext
  let state: Mutex<State>
  let notifier: NotifyQueue
  let client: ZoneTransferClient

  struct State {
    var configuration: ReplicationConfiguration
    var journals: [Name: ZoneJournal] = [:]
    var secondaries: [Name: SecondaryZone] = [:]
    var tasks: [Name: Task<Void, Never>] = [:]
    /// Whether zones are loaded: what changes from then on is told to others.
    var hasBegun = false
    /// Zones of ours.
    var own: Set<Name> = []
    var transfers = 0
    /// Updates on their way to primaries.
    var forwards = 0
    /// Words about refused requests in this second: whoever forges requests must not fill the log.
    var notices = (second: Int64(0), count: 0)
    /// By catalog: the zones that it lists.
    var members: [Name: [Name]] = [:]
  }

  /// One at a time decides which zones of other servers there are.
  private let starting = Mutex<Void>(())

  /// - Parameter group: For transfers and NOTIFY; not that of the server's connections.
  public init(
    _ configuration: ReplicationConfiguration, server: DNSServer, resolver: (any RecursiveResolver)? = nil,
    context: ServerContext, group: any EventLoopGroup, trustRoots: [[UInt8]] = []
  ) {
    self.server = server
    self.resolver = resolver
    self.context = context
    state = Mutex(State(configuration: configuration))
    notifier = NotifyQueue(NotifyClient(group: group), context: context)
    var client = ZoneTransferClient(group: group)
    client.trustRoots = trustRoots
    self.client = client
    server.setTransactions(self)
  }

  /// Reads what is on disk: journals and updates of these zones of ours, copies of others'.
  public func prepare(_ apexes: [Name]) {
    let configuration = state.withLock(\.configuration)
    for folder in [configuration.folder, journalFolder, updateFolder, copyFolder] {
      do throws(StorageError) { try StoredFiles.makeFolder(folder) } catch { report(error) }
    }
    var known: [Name: KnownVersion] = [:]
    for apex in apexes {
      do throws(WireError) {
        let records = try updateStore.load(apex)
        if !records.isEmpty { server.restoreUpdated(records, of: apex) }
      } catch {
        emit(.error, "the file of a zone's updates is damaged", apex, [.init("error", .string("\(error)"))])
      }
      if let last = journal(apex)?.last { known[apex] = last }
    }
    server.remember(known)
    state.withLock { $0.own = Set(apexes) }
    startSecondaries()
  }

  /// The zones are loaded: secondaries hear of what is newer than before, and zones of other servers are fetched.
  public func begin() {
    state.withLock { $0.hasBegun = true }
    for zone in server.servedZones { tellSecondaries(zone) }
  }

  /// Takes over another configuration. What is under way goes on.
  public func apply(_ configuration: ReplicationConfiguration, zones apexes: [Name]) {
    state.withLock { $0.configuration = configuration }
    prepare(apexes)
  }

  public func stop() {
    let tasks = state.withLock { state in
      defer { state.tasks = [:] }
      return state.tasks
    }
    for task in tasks.values { task.cancel() }
    notifier.stop()
  }

  // MARK: Zones of other servers

  private func startSecondaries() { starting.withLock { _ in startSecondariesAlone() } }

  /// The zones of other servers: those that are configured, then those that catalogs list.
  private func wanted(_ state: State) -> [ReplicationConfiguration.Incoming] {
    var all = state.configuration.incoming
    var taken = Set(all.map(\.zone)).union(state.own)
    for catalog in state.configuration.incoming where catalog.isCatalog {
      for member in state.members[catalog.zone] ?? [] where taken.insert(member).inserted {
        all.append(
          catalog.member(member))
      }
    }
    return all
  }

  /// A catalog has come, or a newer version of it.
  private func takeCatalog(_ zone: Zone) {
    do throws(CatalogZone.Problem) {
      let members = try CatalogZone.members(of: zone)
      state.withLock { $0.members[zone.apex] = members }
      emit(.info, "catalog of zones taken", zone.apex, [.init("zones", .integer(Int64(members.count)))])
    } catch {
      // What was known stays (RFC 9432 §5.1).
      emit(.error, "the catalog of zones is broken", zone.apex, [.init("error", .string(error.description))])
    }
    // Not here: the server is about to serve the catalog itself.
    Task { startSecondaries() }
  }

  private func startSecondariesAlone() {
    let (configuration, incoming) = state.withLock { ($0.configuration, wanted($0)) }
    for (_, zone) in state.withLock(\.secondaries) where !incoming.contains(zone.configuration) { zone.retire() }
    server.keepReceived(Set(incoming.map(\.zone)))
    let (unwanted, forgotten) = state.withLock { state in
      let kept = state.secondaries.filter { incoming.contains($0.value.configuration) }
      let forgotten = state.secondaries.filter { entry in !incoming.contains { $0.zone == entry.key } }
      let unwanted = state.tasks.filter { kept[$0.key] == nil }
      state.secondaries = kept
      for apex in unwanted.keys { state.tasks[apex] = nil }
      return (unwanted, forgotten)
    }
    for task in unwanted.values { task.cancel() }
    for zone in forgotten.values { zone.forget() }
    for incoming in incoming {
      guard state.withLock({ $0.secondaries[incoming.zone] == nil }) else { continue }
      let key = incoming.key.flatMap { configuration.keys[$0] }
      var client = client
      if !incoming.trustRoots.isEmpty { client.trustRoots = incoming.trustRoots }
      let zone = SecondaryZone(
        incoming, key: key, folder: copyFolder, server: server, context: context, client: client)
      zone.load()
      let task = Task { await zone.run() }
      state.withLock { state in
        state.secondaries[incoming.zone] = zone
        state.tasks[incoming.zone] = task
      }
    }
  }

  func secondary(_ apex: Name) -> SecondaryZone? { state.withLock { $0.secondaries[apex] } }

  /// How the zones of other servers stand.
  public var secondaries: [SecondaryStatus] {
    state.withLock(\.secondaries).values.map { zone in
      let status = zone.status
      return SecondaryStatus(
        zone: zone.configuration.zone, primaries: zone.configuration.primaries, serial: status.zone?.soa.serial,
        confirmed: status.confirmed, next: status.next, failure: status.failure)
    }.sorted { $0.zone < $1.zone }
  }

  // MARK: Versions

  public func willServe(_ zone: Zone, insteadOf old: Zone?) {
    if hasSecondaries(zone.apex), let journal = journal(zone.apex) { record(zone, old, in: journal) }
    if state.withLock({ $0.configuration.incoming.contains { $0.isCatalog && $0.zone == zone.apex } }) {
      takeCatalog(zone)
    }
    guard state.withLock(\.hasBegun) || state.withLock({ $0.secondaries[zone.apex] != nil }) else { return }
    guard old == nil || old?.soa.serial != zone.soa.serial else { return }
    tellSecondaries(zone)
  }

  private func record(_ zone: Zone, _ old: Zone?, in journal: ZoneJournal) {
    guard let old else {
      // The first version since the start: the journal leads to it, or to nowhere.
      if let last = journal.last, last.serial != zone.soa.serial || last.digest != zone.contentDigest {
        journal.clear()
      }
      return
    }
    guard TransferReader.isNewer(zone.soa.serial, than: old.soa.serial) else {
      guard old.soa.serial != zone.soa.serial || old.contentDigest != zone.contentDigest else { return }
      journal.clear()
      emit(.warning, "the zone has changed without a higher serial: secondaries won't fetch it", zone.apex, [])
      return
    }
    guard let difference = ZoneDifference.between(old, zone) else { return journal.clear() }
    do throws(StorageError) {
      try journal.append(difference, digest: zone.contentDigest, limit: max(1 << 20, zone.memory))
    } catch {
      journal.clear()
      report(error)
    }
  }

  private func hasSecondaries(_ apex: Name) -> Bool {
    state.withLock { $0.configuration.outgoing.contains { $0.zone == nil || $0.zone == apex } }
  }

  private func tellSecondaries(_ zone: Zone) {
    guard let soa = zone.soaRecord else { return }
    let (outgoing, keys) = state.withLock { ($0.configuration.outgoing, $0.configuration.keys) }
    for rule in outgoing where rule.zone == nil || rule.zone == zone.apex {
      guard let secondary = rule.notify else { continue }
      notifier.tell(secondary, of: soa, key: rule.key.flatMap { keys[$0] })
    }
  }

  /// The journal of a zone that others may transfer.
  func journal(_ apex: Name) -> ZoneJournal? {
    guard hasSecondaries(apex) else { return nil }
    return state.withLock { state in
      if let journal = state.journals[apex] { return journal }
      let path = "\(state.configuration.folder)/journals/\(StoredFiles.name(apex.lowercased.description)).journal"
      let journal = try? ZoneJournal(path: path)
      state.journals[apex] = journal
      return journal
    }
  }

  // MARK: Places and words

  private var journalFolder: String { state.withLock { $0.configuration.folder + "/journals" } }
  private var updateFolder: String { state.withLock { $0.configuration.folder + "/updates" } }
  private var copyFolder: String { state.withLock { $0.configuration.folder + "/copies" } }
  var updateStore: UpdateStore { UpdateStore(folder: updateFolder) }

  func report(_ error: StorageError) {
    emit(.error, "what DNS keeps on disk can't be written", nil, [.init("error", .string("\(error)"))])
  }

  /// Tells of a request that was refused; at most ten a second.
  func emitRefusal(_ message: StaticString, _ zone: Name?, _ fields: [Event.Field], peer: Endpoint) {
    let second = context.clock.wallTime().seconds
    let isOneTooMany = state.withLock { state in
      if state.notices.second != second { state.notices = (second, 0) }
      state.notices.count += 1
      return state.notices.count > 10
    }
    if !isOneTooMany { emit(.notice, message, zone, fields, peer: peer) }
  }

  func emit(
    _ severity: Event.Severity, _ message: StaticString, _ zone: Name?, _ fields: [Event.Field], peer: Endpoint? = nil
  ) {
    let first = zone.map { [Event.Field("zone", .string($0.description))] } ?? []
    context.events.emit(
      Event(
        time: context.clock.wallTime(), severity: severity, message: message, service: .dns, peer: peer,
        fields: first + fields))
  }
}

/// How a zone of another server stands.
public struct SecondaryStatus: Sendable {
  public var zone: Name
  public var primaries: [Endpoint]
  /// `nil` while there is none.
  public var serial: UInt32?
  /// Seconds since 1970 when a primary last confirmed it, and when it is asked next.
  public var confirmed: Int64
  public var next: Int64
  /// Why the last attempt failed; `nil` when it did not.
  public var failure: String?
}
