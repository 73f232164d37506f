import DNSCore
import DNSServer
import Foundation
import Services
import Synchronization
import TFTPServer
import WireKit

/// What the services of the names worker know of each other: the leases of DHCP are names in DNS, and devices for TFTP.
final class LeaseBook: LeaseDirectory {
  private struct State {
    var dns: DNSServer?
    var names: LeaseNames?
    /// What services of ours publish, by key.
    var published: [String: [ResourceRecord]] = [:]
    /// Every lease that is held, by its address.
    var leases: [IPAddress: LeaseRecord] = [:]
    /// Names of machines with a reserved address, who are known before they have a lease.
    var reserved: [IPAddress: String] = [:]
    var files = VirtualFiles()
    var serialFile: String?
    /// The serials on disk: above all that were served.
    var ceilings: [String: UInt32] = [:]
  }

  private let clock: any Services.Clock
  private let events: any EventSink
  private let state = Mutex(State())
  /// The same names at the DNS servers of others.
  let outside: OutsideNames

  init(clock: any Services.Clock, events: any EventSink) {
    self.clock = clock
    self.events = events
    outside = OutsideNames(clock: clock, events: events)
  }

  /// The DNS server of this worker has come, or gone.
  func attach(_ dns: DNSServer?) {
    state.withLock { state in
      state.dns = dns
      raise(&state)
      if let dns, !state.published.isEmpty { remember(dns.updateDynamic(state.published, .freeTypes), &state) }
      let leases = state.leases.values
      publish(&state) { names, outcome in
        for lease in leases { names.take(lease, now: clock.wallTime(), into: &outcome) }
      }
    }
  }

  /// Which zone the names go into, what is reserved, and where serials are remembered.
  func configure(zone: Name?, reserved: [IPAddress: String], serialFile: String) {
    state.withLock { state in
      state.reserved = reserved
      load(serialsFrom: serialFile, &state)
      guard state.names?.zone != zone else { return }
      if let names = state.names {
        state.dns?.updateDynamic(names.cleared)
        outside.take(names.cleared)
      }
      state.names = zone.map { LeaseNames(zone: $0) }
      let leases = state.leases.values
      publish(&state) { names, outcome in
        for lease in leases { names.take(lease, now: clock.wallTime(), into: &outcome) }
      }
    }
  }

  /// Where serials are remembered, whether there are leases or not.
  func remember(serialsIn file: String) { state.withLock { load(serialsFrom: file, &$0) } }

  /// Has records of a service stand in our zones, by keys of its own; those of other keys that begin with `owner` go.
  func publish(_ records: [String: [ResourceRecord]], owner: String) {
    state.withLock { state in
      var changes = records
      for key in state.published.keys where key.hasPrefix("\(owner) ") && records[key] == nil { changes[key] = [] }
      changes = changes.filter { state.published[$0.key] ?? [] != $0.value }
      for (key, value) in changes { state.published[key] = value.isEmpty ? nil : value }
      guard let dns = state.dns, !changes.isEmpty else { return }
      remember(dns.updateDynamic(changes, .freeTypes), &state)
    }
  }

  private func load(serialsFrom file: String, _ state: inout State) {
    guard state.serialFile != file else { return }
    state.serialFile = file
    let content = FileManager.default.contents(atPath: file) ?? Data()
    state.ceilings = (try? JSONDecoder().decode([String: UInt32].self, from: content)) ?? [:]
    raise(&state)
  }

  func changed(_ leases: [LeaseRecord]) async {
    let now = clock.wallTime()
    state.withLock { state in
      for lease in leases {
        let isHeld = lease.state == .bound && lease.expires > now
        state.leases[lease.address] = isHeld ? lease : nil
      }
      publish(&state) { names, outcome in
        for lease in leases { names.take(lease, now: now, into: &outcome) }
      }
    }
  }

  /// Takes out the names of leases that have ended.
  func expire() {
    let now = clock.wallTime()
    state.withLock { state in
      let ended = state.leases.values.filter { $0.expires <= now }
      if ended.isEmpty { return }
      for lease in ended { state.leases[lease.address] = nil }
      publish(&state) { names, outcome in
        for lease in ended { names.remove(lease.address, into: &outcome) }
      }
    }
  }

  // MARK: For TFTP

  /// Which virtual files there are, and which clients have folders of their own.
  func serve(_ files: VirtualFiles) { state.withLock { $0.files = files } }

  func client(at address: IPAddress) -> KnownClient? {
    let (lease, name, files) = known(address)
    let root = files.root(lease, name, at: address)
    if let lease {
      let hardware = lease.hardwareAddress.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
      return KnownClient(device: name ?? hardware.joined(separator: "-"), root: root)
    }
    return name.map { KnownClient(device: $0, root: root) }
  }

  func root(at address: IPAddress) -> String? {
    let (lease, name, files) = known(address)
    return files.root(lease, name, at: address)
  }

  func render(_ fileName: String, for client: KnownClient?, at address: IPAddress) -> [UInt8]? {
    let (lease, name, files) = known(address)
    return files.content(fileName, lease, name, at: address)
  }

  private func known(_ address: IPAddress) -> (LeaseRecord?, name: String?, VirtualFiles) {
    state.withLock { state in
      let lease = state.leases[address].flatMap { $0.expires > clock.wallTime() ? $0 : nil }
      return (lease, state.reserved[address] ?? lease?.hostName, state.files)
    }
  }

  // MARK: Into DNS

  private func publish(_ state: inout State, _ change: (inout LeaseNames, inout LeaseNames.Outcome) -> Void) {
    guard var names = state.names else { return }
    var outcome = LeaseNames.Outcome()
    change(&names, &outcome)
    state.names = names
    for conflict in outcome.conflicts {
      events.emit(
        Event(
          time: clock.wallTime(), severity: .notice, message: "the name belongs to another client", service: .dhcp,
          fields: [
            .init("name", .string(conflict.name.description)), .init("address", .address(conflict.address)),
          ]))
    }
    outside.take(outcome.changes)
    guard let dns = state.dns, !outcome.changes.isEmpty else { return }
    remember(dns.updateDynamic(outcome.changes), &state)
  }

  private func raise(_ state: inout State) {
    let floors = state.ceilings.compactMap { entry in (try? Name(entry.key)).map { ($0, entry.value) } }
    state.dns?.raiseSerials(Dictionary(floors) { $1 })
  }

  /// Keeps a number on disk that no serial has reached: secondaries must never see one that is lower than before. It is
  /// written once in a thousand changes.
  private func remember(_ serials: [Name: UInt32], _ state: inout State) {
    var isNew = false
    for (apex, serial) in serials {
      let key = apex.description
      if let ceiling = state.ceilings[key], Int32(bitPattern: ceiling &- serial) > 0 { continue }
      state.ceilings[key] = serial &+ 1_000
      isNew = true
    }
    guard isNew, let file = state.serialFile, let content = try? JSONEncoder().encode(state.ceilings) else { return }
    try? content.write(to: URL(fileURLWithPath: file), options: .atomic)
  }
}
