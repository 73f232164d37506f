import DNSCore
import DNSSecurity
import Services
import Synchronization
import WireKit

/// Where the keys of signed zones are kept. What it writes must be sealed: the private halves are in it.
public protocol ZoneKeyStore: Sendable {
  /// What is stored of a zone; `nil` when there is nothing yet.
  func load(_ zone: Name) throws -> StoredZoneKeys?
  func save(_ keys: StoredZoneKeys, of zone: Name) throws
}

/// A zone's keys, and the serial that its signed form stays below.
public struct StoredZoneKeys: Sendable {
  public var keyring: ZoneKeyring
  public var serialCeiling: UInt32

  public init(keyring: ZoneKeyring, serialCeiling: UInt32) {
    self.keyring = keyring
    self.serialCeiling = serialCeiling
  }
}

/// What stands between a zone's content and its being served.
public protocol ZoneFinishing: Sendable {
  /// The zone as it is served. Called off the answering threads, for one zone at a time.
  func finish(_ zone: Zone) -> Zone
}

/// Signs the zones that are to be signed, keeps and rolls their keys, and signs anew before signatures end.
public final class ZoneSigning: ZoneFinishing {
  /// How one zone is signed.
  public struct Settings: Hashable, Sendable {
    public var signing: SigningPolicy
    public var keys: ZoneKeyring.Policy

    public init(signing: SigningPolicy = SigningPolicy(), keys: ZoneKeyring.Policy = ZoneKeyring.Policy()) {
      self.signing = signing
      self.keys = keys
    }
  }

  /// What is known of a signed zone.
  public struct Status: Sendable {
    public var zone: Name
    public var settings: Settings
    public var entries: [ZoneKeyring.Entry]
    /// The records that the parent shall have.
    public var parentRecords: [DS]
    public var waitsForParent: Bool
    /// Signatures made since the start.
    public var signatures: Int
    /// When something is to be done next, in seconds since 1970.
    public var next: UInt32?
    /// Why it is not signed; `nil` when it is.
    public var problem: String?
  }

  private struct Entry {
    var settings: Settings
    var keyring = ZoneKeyring()
    var signer = ZoneSigner()
    var serial: UInt32?
    var ceiling: UInt32 = 0
    var isLoaded = false
    var problem: String?
    /// What was signed last, and what came of it: the same zone is not signed twice.
    var source: Zone?
    var result: Zone?
  }

  private let clock: any Clock
  private let events: any EventSink
  private let store: any ZoneKeyStore
  private let entries = Mutex<[Name: Entry]>([:])

  public init(clock: any Clock, events: any EventSink, store: any ZoneKeyStore) {
    self.clock = clock
    self.events = events
    self.store = store
  }

  private var now: UInt32 { UInt32(truncatingIfNeeded: clock.wallTime().seconds) }

  /// Which zones are signed, and how.
  public func configure(_ zones: [Name: Settings]) {
    entries.withLock { entries in
      for apex in entries.keys where zones[apex] == nil { entries[apex] = nil }
      for (apex, settings) in zones {
        if entries[apex] == nil { entries[apex] = Entry(settings: settings) }
        if entries[apex]?.settings != settings {
          entries[apex]?.settings = settings
          entries[apex]?.source = nil
        }
      }
    }
  }

  // MARK: Signing

  public func finish(_ zone: Zone) -> Zone {
    entries.withLock { entries in
      guard var entry = entries[zone.apex] else { return zone }
      defer { entries[zone.apex] = entry }
      guard !zone.isSigned else {
        note("is signed already, and is served as it is", zone.apex, &entry)
        return zone
      }
      do {
        try load(zone.apex, &entry)
        let changes = try advance(zone, &entry)
        let isDue = entry.signer.nextRefresh.map { Int32(bitPattern: now &- $0) >= 0 } ?? true
        if let result = entry.result, entry.source === zone, changes.isEmpty, !isDue { return result }
        let serial = nextSerial(after: zone.soa.serial, entry)
        let signed = try entry.signer.sign(
          zone, keys: entry.keyring.keys, policy: entry.settings.signing, serial: serial, now: now)
        if Int32(bitPattern: entry.ceiling &- serial) <= 0 || !changes.isEmpty {
          entry.ceiling = serial &+ 1_000
          try store.save(StoredZoneKeys(keyring: entry.keyring, serialCeiling: entry.ceiling), of: zone.apex)
        }
        entry.serial = serial
        (entry.source, entry.result, entry.problem) = (zone, signed, nil)
        report(changes, zone.apex)
        return signed
      } catch {
        note("can't be signed: \(error)", zone.apex, &entry)
        // Better old signatures than none: a zone that was signed and is not any more is bogus for everybody.
        return entry.result ?? zone
      }
    }
  }

  private func load(_ apex: Name, _ entry: inout Entry) throws {
    guard !entry.isLoaded else { return }
    if let stored = try store.load(apex) {
      entry.keyring = stored.keyring
      // The last serial is not known exactly: nobody has seen one from here on.
      entry.serial = stored.serialCeiling
      entry.ceiling = stored.serialCeiling
    }
    entry.isLoaded = true
  }

  /// Takes the keys as far as it is time.
  private func advance(_ zone: Zone, _ entry: inout Entry) throws -> [ZoneKeyring.Change] {
    var policy = entry.settings.keys
    policy.keyTTL = entry.settings.signing.keyTTL
    if entry.source !== zone {
      var longest: UInt32 = 0
      zone.forEachRecord { longest = max(longest, $0.ttl) }
      policy.longestTTL = longest
      entry.settings.keys.longestTTL = longest
    }
    return try entry.keyring.advance(policy, now: now)
  }

  /// Above the zone's own, and above every one that was served.
  private func nextSerial(after own: UInt32, _ entry: Entry) -> UInt32 {
    guard let last = entry.serial else { return own }
    let next = last &+ 1
    return Int32(bitPattern: own &- next) > 0 ? own : next
  }

  // MARK: Operation

  /// The zones for which it is time to sign anew, or to take the next step with a key.
  public var due: [Name] {
    let now = now
    return entries.withLock { entries in
      entries.filter { _, entry in
        guard entry.isLoaded else { return false }
        let times = [entry.signer.nextRefresh, entry.keyring.nextStep(entry.settings.keys)]
        return times.contains { time in time.map { Int32(bitPattern: now &- $0) >= 0 } ?? false }
      }.map(\.key)
    }
  }

  /// The zones that wait for a DS record at their parent.
  public var waitingForParent: [Name] {
    entries.withLock { entries in
      entries.filter { !$0.value.keyring.waitingForParent.isEmpty }.map(\.key)
    }
  }

  /// Takes note of the DS records that the parent has.
  public func parentHas(_ records: [DS], of zone: Name) {
    let now = now
    entries.withLock { entries in
      guard var entry = entries[zone] else { return }
      let before = entry.keyring.waitingForParent.count
      entry.keyring.parentHas(records, zone: zone, now: now)
      guard entry.keyring.waitingForParent.count != before else { return }
      save(&entry, zone)
      entries[zone] = entry
      emit(.notice, "the parent has the zone's DS", [.init("zone", .string(zone.description))])
    }
  }

  /// Begins to replace a zone's keys of one role. The zone must be finished again afterwards.
  /// - Returns: Whether there was something to begin.
  public func roll(_ role: ZoneKeyring.Role, of zone: Name) throws -> Bool {
    let now = now
    return try entries.withLock { entries in
      guard var entry = entries[zone], entry.isLoaded else { return false }
      let changes = try entry.keyring.roll(role, entry.settings.keys, now: now)
      guard !changes.isEmpty else { return false }
      entry.source = nil
      save(&entry, zone)
      entries[zone] = entry
      report(changes, zone)
      return true
    }
  }

  public var status: [Status] {
    entries.withLock { entries in
      entries.map { apex, entry in
        let keys = entry.keyring.keys
        let times = [entry.signer.nextRefresh, entry.keyring.nextStep(entry.settings.keys)].compactMap { $0 }
        return Status(
          zone: apex, settings: entry.settings, entries: entry.keyring.entries,
          parentRecords: keys.announced.compactMap { DS(of: $0, zone: apex) },
          waitsForParent: !entry.keyring.waitingForParent.isEmpty, signatures: entry.signer.count, next: times.min(),
          problem: entry.problem)
      }.sorted { $0.zone < $1.zone }
    }
  }

  // MARK: Events

  private func save(_ entry: inout Entry, _ apex: Name) {
    do {
      try store.save(StoredZoneKeys(keyring: entry.keyring, serialCeiling: entry.ceiling), of: apex)
    } catch {
      note("the keys can't be stored: \(error)", apex, &entry)
    }
  }

  private func note(_ problem: String, _ apex: Name, _ entry: inout Entry) {
    guard entry.problem != problem else { return }
    entry.problem = problem
    emit(.error, "zone is not signed", [.init("zone", .string(apex.description)), .init("reason", .string(problem))])
  }

  private func report(_ changes: [ZoneKeyring.Change], _ apex: Name) {
    for change in changes {
      emit(
        .notice, "key of a zone",
        [
          .init("zone", .string(apex.description)), .init("key", .integer(Int64(change.tag))),
          .init("role", .string(change.role.rawValue)), .init("change", .string(change.kind.rawValue)),
        ])
    }
  }

  private func emit(_ severity: Event.Severity, _ message: StaticString, _ fields: [Event.Field]) {
    events.emit(
      Event(time: clock.wallTime(), severity: severity, message: message, service: .dns, fields: fields))
  }
}
