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
  private let client: ZoneTransferClient

  struct State {
    var configuration: ReplicationConfiguration
    var journals: [Name: ZoneJournal] = [:]
    var secondaries: [Name: SecondaryZone] = [:]
    var tasks: [Name: Task<Void, Never>] = [:]
    /// Whether zones are loaded: what changes from then on is told to others.
    var hasBegun = false
    var transfers = 0
  }

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

  private func startSecondaries() {
    let configuration = state.withLock(\.configuration)
    server.keepReceived(Set(configuration.incoming.map(\.zone)))
    let unwanted = state.withLock { state in
      let kept = state.secondaries.filter { configuration.incoming.contains($0.value.configuration) }
      let unwanted = state.tasks.filter { kept[$0.key] == nil }
      state.secondaries = kept
      for apex in unwanted.keys { state.tasks[apex] = nil }
      return unwanted
    }
    for task in unwanted.values { task.cancel() }
    for incoming in configuration.incoming {
      guard state.withLock({ $0.secondaries[incoming.zone] == nil }) else { continue }
      let key = incoming.key.flatMap { configuration.keys[$0] }
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
