import Services
import WireKit

/// The account of misbehaviour, by source, after OpenSSH's `srclimit.c`: each misbehaviour moves the moment of
/// forgiveness further away; from a minimum on the source is turned away until then.
///
/// A value without a clock: it is told the time.
public struct PenaltyLedger: Sendable {
  /// One source.
  public struct Entry: Sendable, Hashable {
    public let source: IPNetwork
    /// When everything is forgiven.
    public fileprivate(set) var end: MonotonicTime
    /// Whether the source is turned away. Once it is, it stays so until the end.
    public fileprivate(set) var isEnforced: Bool
    /// The last misbehaviour.
    public fileprivate(set) var reason: Misbehaviour
    public fileprivate(set) var service: ServiceName
  }

  /// What a report changed for those who enforce.
  public enum Change: Sendable, Hashable {
    /// The source is to be turned away until then.
    case enforced(IPNetwork, until: MonotonicTime)
    /// The source is welcome.
    case lifted(IPNetwork)
  }

  public let settings: PenaltySettings
  private var entries: [IPNetwork: Entry] = [:]
  /// When expired entries are next removed. Look-ups don't need that, so once in a while is enough.
  private var nextSweep = MonotonicTime(nanoseconds: 0)

  public init(_ settings: PenaltySettings) { self.settings = settings }

  /// How many sources are remembered, expired ones that nobody asked for included.
  public var count: Int { entries.count }

  /// How long this source must still wait; `nil` when it is welcome.
  public func penalty(for address: IPAddress, now: MonotonicTime) -> Duration? {
    guard let entry = entries[settings.source(of: address)], entry.isEnforced, entry.end > now else { return nil }
    return entry.end - now
  }

  /// Enters a misbehaviour. Returns what changed for those who enforce: nothing for an exempt source, or while the sum is
  /// below the minimum.
  public mutating func report(
    _ misbehaviour: Misbehaviour, by address: IPAddress, service: ServiceName, now: MonotonicTime
  ) -> [Change] {
    let cost = settings.costs[misbehaviour] ?? .zero
    guard cost > .zero, !settings.exempt.contains(where: { $0.contains(address) }) else { return [] }
    sweep(now)
    let source = settings.source(of: address)
    var changes: [Change] = []
    var entry: Entry
    if let known = entries[source], known.end > now {
      entry = known
    } else {
      if entries[source] == nil { changes += makeRoom() }
      entry = Entry(source: source, end: now, isEnforced: false, reason: misbehaviour, service: service)
    }
    entry.end = min(entry.end + cost, now + settings.maximum)
    entry.reason = misbehaviour
    entry.service = service
    entry.isEnforced = entry.isEnforced || entry.end - now >= settings.minimum
    entries[source] = entry
    if entry.isEnforced { changes.append(.enforced(source, until: entry.end)) }
    return changes
  }

  /// Forgives every source that lies in `network` or contains it; all of them for `nil`.
  public mutating func clear(_ network: IPNetwork?) -> [Change] {
    let cleared = entries.keys.filter { source in
      network.map { $0.contains(source) || source.contains($0) } ?? true
    }
    var changes: [Change] = []
    for source in cleared.sorted(by: Self.order) {
      if entries.removeValue(forKey: source)?.isEnforced == true { changes.append(.lifted(source)) }
    }
    return changes
  }

  /// The sources with a penalty that has not ended, in the order of their addresses.
  public func list(now: MonotonicTime) -> [Entry] {
    entries.values.filter { $0.end > now }.sorted { Self.order($0.source, $1.source) }
  }

  private mutating func sweep(_ now: MonotonicTime) {
    guard now >= nextSweep else { return }
    entries = entries.filter { $0.value.end > now }
    nextSweep = now + .seconds(5)
  }

  /// Forgets the sources whose penalties end first, of two with the same end the one with the lower address: a flood of
  /// sources can't make the table forget the worst, and the same history always leaves the same table. One in 64 goes at
  /// once, so that the search is not made for every source of the flood.
  private mutating func makeRoom() -> [Change] {
    guard entries.count >= settings.maximumSources else { return [] }
    let leaving = entries.values.sorted { ($0.end, $0.source.address) < ($1.end, $1.source.address) }
      .prefix(max(1, settings.maximumSources / 64))
    for entry in leaving { entries.removeValue(forKey: entry.source) }
    return leaving.filter(\.isEnforced).map { .lifted($0.source) }
  }

  private static func order(_ left: IPNetwork, _ right: IPNetwork) -> Bool {
    (left.address, left.prefixLength) < (right.address, right.prefixLength)
  }
}
