import ConsoleCore
import DNSCore
import Synchronization

/// Listings of zones, page by page: each goes on in the zone that it began in, whatever has become of the name since.
final class ZoneListings: Sendable {
  /// Most listings that wait for their next page: each may hold a zone that is served no longer.
  private static let capacity = 8
  /// Rows of a first page: a screen is full at once, and the rest comes while it is read.
  private static let firstPage = 100
  static let columns = ["name", "ttl", "type", "data"]

  private let kept = Mutex<(zones: [(number: UInt64, zone: Zone)], last: UInt64)>(([], 0))

  func page(of current: Zone, after: String?) -> ConsoleAnswer {
    var (number, zone, place) = (UInt64(0), current, Zone.RecordPlace())
    if let after {
      let parts = after.split(separator: ":").compactMap { UInt64($0) }
      guard parts.count == 3, let found = kept.withLock({ $0.zones.first { $0.number == parts[0] }?.zone }) else {
        return .failure("the listing was broken off, as too many others were begun: ask again")
      }
      (number, zone) = (parts[0], found)
      place = Zone.RecordPlace(node: Int(clamping: parts[1]), record: Int(clamping: parts[2]))
    }
    let limit = after == nil ? Self.firstPage : Int.max
    var (rows, bytes) = ([[String]](), 0)
    let next = zone.forEachRecord(from: place) { record in
      let row = [record.name.description, "\(record.ttl)", "\(record.type)", record.data.description]
      bytes += row.reduce(row.count) { $0 + $1.utf8.count }
      rows.append(row)
      return rows.count < limit && bytes < ConsoleQuestion.pageBytes
    }
    guard let next else {
      kept.withLock { $0.zones.removeAll { $0.number == number } }
      return .listing(Listing(columns: Self.columns, rows: rows))
    }
    if number == 0 { number = keep(zone) }
    return .listing(Listing(columns: Self.columns, rows: rows, next: "\(number):\(next.node):\(next.record)"))
  }

  private func keep(_ zone: Zone) -> UInt64 {
    kept.withLock { kept in
      if kept.zones.count >= Self.capacity { kept.zones.removeFirst() }
      kept.last += 1
      kept.zones.append((kept.last, zone))
      return kept.last
    }
  }
}
