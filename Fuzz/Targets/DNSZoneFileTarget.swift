import DNSCore
import WireKit

extension FuzzTarget {
  static let dnsZoneFile = FuzzTarget(
    "dns-zone-file", "A file gives records or findings, bounded; the records of a zone, printed, make the same zone."
  ) { bytes in
    let apex = try Name("lab.test.")
    var limits = ZoneFile.Limits()
    limits.generatedRecords = 256
    let (zone, findings) = Zone.load(bytes.span.bytes, apex: apex, limits: limits)
    try require(zone != nil || !findings.isEmpty, "neither zone nor finding")
    guard let zone else { return }
    var records: [String] = []
    zone.forEachRecord { records.append("\($0)") }
    try require(records.count == zone.recordCount, "\(records.count) records, not \(zone.recordCount)")
    let text = Array(records.joined(separator: "\n").utf8)
    let (again, problems) = Zone.load(text.span.bytes, apex: apex, limits: limits)
    guard let again else { throw BrokenInvariant("\(problems)\n\(records)") }
    var repeated: [String] = []
    again.forEachRecord { repeated.append("\($0)") }
    try require(records.sorted() == repeated.sorted(), "\(records)\n\(repeated)")
  }
}
