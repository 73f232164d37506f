import DNSCore
import Synchronization
import WireKit

/// Zones that some networks alone see, in the place of those that everybody sees or beside them.
public struct DNSView: Sendable {
  public var networks: [IPNetwork]
  public var zones: [Zone]

  public init(networks: [IPNetwork], zones: [Zone]) {
    self.networks = networks
    self.zones = zones
  }
}

/// The views of a server, each with all zones that it sees.
final class DNSViews: Sendable {
  struct Entry: Sendable {
    var networks: [IPNetwork]
    var own: [Zone]
    let zones: ZoneSet
  }

  private let entries = Mutex<[Entry]>([])
  /// Rises when views come or go; not when their zones change.
  private let generation = Atomic<UInt64>(1)

  /// Replaces the views. The first one that an address lies in counts.
  func replace(_ views: [DNSView], beside common: [Zone]) {
    entries.withLock { entries in
      entries = views.map { view in
        Entry(
          networks: view.networks, own: view.zones,
          zones: ZoneSet(ZoneCatalog(common + view.zones)))
      }
    }
    generation.add(1, ordering: .releasing)
  }

  /// The zones that everybody sees have changed.
  func update(_ common: [Zone]) {
    // Of zones with one name the last one counts.
    entries.withLock { entries in
      for entry in entries { entry.zones.replace(with: ZoneCatalog(common + entry.own)) }
    }
  }

  var current: [Entry] { entries.withLock { $0 } }

  /// The zones that an address sees; `nil`: those of everybody.
  func zones(for address: IPAddress) -> ZoneSet? {
    entries.withLock { entries in
      entries.first { entry in entry.networks.contains { $0.contains(address) } }?.zones
    }
  }

  /// Brings a thread's own responders up to date; costs one load when nothing changed.
  func refresh(_ held: inout [ViewResponder], _ seen: inout UInt64, _ settings: ResponderSettings) {
    let latest = generation.load(ordering: .acquiring)
    if latest != seen {
      held = current.map {
        ViewResponder(networks: $0.networks, responder: Responder(zones: $0.zones, settings: settings))
      }
      seen = latest
    }
    for index in held.indices { held[index].responder.refresh() }
  }
}

/// What answers the clients of one view, on one thread.
struct ViewResponder: Sendable {
  let networks: [IPNetwork]
  var responder: Responder
}
