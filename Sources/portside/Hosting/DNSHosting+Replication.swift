import Configuration
import ConsoleCore
import DNSCore
import DNSReplication
import DNSServer
import Services
import WireKit

/// What some networks alone see, and how the zones of other servers stand.
extension DNSHosting {
  /// Zones for some networks alone, those for the same networks together.
  static func views(
    _ section: DNSSection, _ folder: DataFolder
  ) -> [(networks: [IPNetwork], sources: [ZoneSource])] {
    var views: [(networks: [IPNetwork], sources: [ZoneSource])] = []
    for zone in section.zones where !zone.networks.isEmpty {
      guard let apex = try? Name(zone.name.description) else { continue }
      let source = ZoneSource(apex: apex, .file(folder.zoneFile(zone)))
      if let index = views.firstIndex(where: { Set($0.networks) == Set(zone.networks) }) {
        views[index].sources.append(source)
      } else {
        views.append((zone.networks, [source]))
      }
    }
    return views
  }

  func showSecondaries(_ question: ConsoleQuestion) -> ConsoleAnswer {
    let rows = replication.secondaries.map { status in
      [
        Self.shown(status.zone), status.serial.map(String.init) ?? "-",
        status.primaries.map(\.description).joined(separator: " "),
        status.confirmed > 0 ? WallTime(seconds: status.confirmed, nanoseconds: 0).rfc3339 : "never",
        status.failure ?? "-",
      ]
    }
    return question.page(["zone", "serial", "primaries", "confirmed", "failure"], rows)
  }
}
