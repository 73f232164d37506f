import DNSCore
import WireKit

/// What is served: zones of files, with what programs and updates put beside them, and zones of other servers.
extension DNSServer {
  /// Puts records beside those of the zones' files, in the place of what stood under the same keys; an empty list takes them
  /// out. What a file says goes first (`DynamicPlacement`). The serials of the zones rise. Served when this returns.
  ///
  /// It packs every zone that is touched anew: for zones of some ten thousand records, not of millions.
  /// - Parameter changes: Records by key. A key begins with its owner's word (`dhcp`, `certificates`, `mail`): none of them
  ///   ever touches what stands under the keys of another.
  /// - Returns: The new serials.
  @discardableResult
  public func updateDynamic(
    _ changes: [String: [ResourceRecord]], _ placement: DynamicPlacement = .freeNames
  ) -> [Name: UInt32] {
    state.withLock { state in
      let touched = state.dynamic.update(changes, placement)
      let apexes = state.written.map(\.apex)
      let homes = Set(touched.compactMap { DynamicRecords.home(of: $0, among: apexes) })
      guard !homes.isEmpty else { return [:] }
      publish(&state, only: homes, names: touched)
      let served = zones.current
      return Dictionary(homes.compactMap { apex in served.zone(apex).map { (apex, $0.soa.serial) } }) { $1 }
    }
  }

  /// Has the serials of zones with dynamic records begin above these: what secondaries saw before a restart.
  public func raiseSerials(_ floors: [Name: UInt32]) {
    state.withLock { state in for (apex, floor) in floors { state.dynamic.raiseSerial(of: apex, to: floor) } }
  }

  /// Tells what was served before a restart. Before the zones are loaded.
  public func remember(_ versions: [Name: KnownVersion]) {
    state.withLock { state in for (apex, version) in versions { state.dynamic.known[apex] = version } }
  }

  /// Sets the records of a zone that came by updates, without looking at them: those of before a restart.
  public func restoreUpdated(_ records: [ResourceRecord], of apex: Name) {
    state.withLock { $0.dynamic.updated[apex] = records.isEmpty ? nil : records }
  }

  /// Changes the records of a zone that came by updates. `body` gets the zone without what signs it, and those records, and returns
  /// them as they are to be; it sees to it that they last. Served when this returns.
  /// - Returns: The zone as it is served then; `nil` where there is no such zone with a file.
  public func changeUpdated<Failure: Error>(
    _ apex: Name, _ body: (Zone, [ResourceRecord]) throws(Failure) -> [ResourceRecord]
  ) throws(Failure) -> Zone? {
    let result: Result<Zone?, Failure> = state.withLock { state in
      guard let content = state.composed[apex] else { return .success(nil) }
      do throws(Failure) {
        let before = state.dynamic.updated[apex] ?? []
        let after = try body(content, before)
        guard after != before else { return .success(servedZone(apex)) }
        state.dynamic.updated[apex] = after.isEmpty ? nil : after
        let touched = Set(before).symmetricDifference(after).map(\.name)
        publish(&state, only: [apex], names: Set(touched))
        return .success(servedZone(apex))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// The records that the file of the closest zone of ours has at a name: what a person wrote, and nothing else.
  public func writtenRecords(of name: Name) -> [ResourceRecord] {
    let zones = state.withLock(\.written)
    guard let apex = DynamicRecords.home(of: name, among: zones.map(\.apex)) else { return [] }
    return zones.first { $0.apex == apex }?.records(of: name) ?? []
  }

  /// Serves a zone of another server; `nil` where there is none that may be served: its names get SERVFAIL.
  public func setReceived(_ zone: Zone?, of apex: Name) {
    state.withLock { state in
      state.received[apex] = zone
      if zone == nil { state.unavailable.insert(apex) } else { state.unavailable.remove(apex) }
      publish(&state, only: [apex])
    }
  }

  /// Serves no zone of another server but these.
  public func keepReceived(_ apexes: Set<Name>) {
    state.withLock { state in
      let gone = Set(state.received.keys).union(state.unavailable).subtracting(apexes)
      guard !gone.isEmpty else { return }
      for apex in gone { state.received[apex] = nil }
      state.unavailable.subtract(gone)
      publish(&state, only: gone)
    }
  }

  /// Loads zones that some networks alone see. A view with a zone whose source is broken keeps the zone that it had.
  public func reloadViews(_ views: [(networks: [IPNetwork], sources: [ZoneSource])]) async {
    let before = self.views.current
    var loaded: [DNSView] = []
    for view in views {
      var zones: [Zone] = []
      for source in view.sources {
        let (zone, findings) = await Task.detached(priority: .utility) { source.load() }.value
        let old = before.first { $0.networks == view.networks }?.own.first { $0.apex == source.apex }
        if let zone = zone ?? old { zones.append(zone) }
        var report = ZoneLoadReport(apex: source.apex, outcome: old == nil ? .failed : .kept, findings: findings)
        if let zone { report.outcome = .loaded(records: zone.recordCount, serial: zone.soa.serial) }
        self.report(report)
      }
      loaded.append(DNSView(networks: view.networks, zones: zones))
    }
    let made = loaded
    state.withLock { _ in self.views.replace(made, beside: zones.current.zones) }
  }

  /// Which zones are served with a digest of themselves (RFC 8976). Before zones are loaded.
  public func setDigested(_ apexes: Set<Name>) { state.withLock { $0.withDigest = apexes } }

  /// Puts zones together, and serves them.
  /// - Parameters:
  ///   - only: The zones that may have changed; `nil` for all.
  ///   - names: The names that may have changed in these; `nil` for all.
  func publish(_ state: inout State, only: Set<Name>? = nil, names: Set<Name>? = nil) {
    let current = zones.current
    let apexes = state.written.map(\.apex)
    var next: [Zone] = []
    var composed: [Name: Zone] = [:]
    for zone in state.written {
      let before = state.composed[zone.apex]
      if let only, !only.contains(zone.apex), let before, let served = current.zone(zone.apex) {
        composed[zone.apex] = before
        next.append(served)
      } else {
        let content = state.compose(zone, among: apexes, served: before, names)
        composed[zone.apex] = content
        next.append(state.digested(state.finish(content)))
      }
    }
    state.composed = composed
    next += state.received.values
    next += state.unavailable.map { Zone.placeholder($0) }
    if let transactions = state.transactions {
      for zone in next where !zone.isPlaceholder {
        let old = current.zone(zone.apex).flatMap { $0.isPlaceholder ? nil : $0 }
        if old !== zone { transactions.willServe(zone, insteadOf: old) }
      }
    }
    zones.replace(with: ZoneCatalog(next))
    views.update(next)
  }
}

extension DNSServer.State {
  /// The content of a zone: a patch of what is served where that is enough.
  mutating func compose(_ zone: Zone, among apexes: [Name], served: Zone?, _ names: Set<Name>?) -> Zone {
    if let names, let served, composedFrom[zone.apex] === zone,
      let content = dynamic.patch(served, of: zone, at: names, among: apexes)
    {
      return content
    }
    composedFrom[zone.apex] = zone
    return dynamic.compose(zone, among: apexes, served: served)
  }

  /// The zone with its digest, where one is wanted; the same one for the same zone.
  mutating func digested(_ zone: Zone) -> Zone {
    guard withDigest.contains(zone.apex), !zone.isSigned else {
      digests[zone.apex] = nil
      return zone
    }
    if let known = digests[zone.apex], known.source === zone { return known.result }
    let result = ZoneDigest.adding(to: zone) ?? zone
    digests[zone.apex] = (zone, result)
    return result
  }
}
