import Crypto
import WireKit

/// The digest of a whole zone in a ZONEMD record (RFC 8976): the scheme SIMPLE, by SHA-384 or SHA-512.
public enum ZoneDigest {
  /// What came of looking at a zone's digests.
  public enum Verdict: Hashable, Sendable {
    /// There is none.
    case absent
    case right
    /// None of those that are known is right.
    case wrong
    /// Only schemes and algorithms that are not known, or of another serial.
    case unknown
  }

  static let type = RecordType(rawValue: 63)
  private static let simple: UInt8 = 1
  private static let sha384: UInt8 = 1
  private static let sha512: UInt8 = 2

  /// Checks the zone against its own ZONEMD records (§4).
  public static func verify(_ zone: Zone) -> Verdict {
    let records = zone.records(of: zone.apex).filter { $0.type == type }
    guard !records.isEmpty else { return .absent }
    var hasKnown = false
    for record in records {
      let wire = record.data.wire
      guard wire.count > 6, wire[4] == simple, [sha384, sha512].contains(wire[5]) else { continue }
      let serial = wire[0..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      guard serial == zone.soa.serial else { continue }
      hasKnown = true
      if Array(wire[6...]) == digest(of: zone, wire[5]) { return .right }
    }
    return hasKnown ? .wrong : .unknown
  }

  /// The zone with its digest at the apex, in the place of any other; `nil` for what makes no zone.
  public static func adding(to zone: Zone) -> Zone? {
    guard let soa = zone.soaRecord else { return nil }
    var data: [UInt8] = []
    data.appendInteger(zone.soa.serial)
    data += [simple, sha384] + digest(of: zone, sha384)
    var builder = ZoneBuilder(apex: zone.apex)
    zone.forEachRecord { record in
      if record.type != type || record.name != zone.apex { builder.add(record) }
    }
    builder.add(ResourceRecord(zone.apex, ttl: soa.ttl, RData(validType: type, wire: data)))
    return builder.build().zone
  }

  /// All records but the digests and the signatures over them, in canonical order and form, each once (§3.3.1, §3.4).
  private static func digest(of zone: Zone, _ algorithm: UInt8) -> [UInt8] {
    var entries: [(key: [UInt8], record: ResourceRecord)] = []
    entries.reserveCapacity(zone.recordCount)
    zone.forEachRecord { record in
      if record.name == zone.apex, record.type == type || covers(record, type) { return }
      entries.append((key(record), record.canonical))
    }
    entries.sort { $0.key.lexicographicallyPrecedes($1.key) }
    var (short, long) = (SHA384(), SHA512())
    var last: [UInt8] = []
    for entry in entries where entry.key != last {
      var wire: [UInt8] = []
      let record = entry.record
      ResourceRecord(record.name.lowercased, record.recordClass, ttl: record.ttl, record.data)
        .appendUncompressed(to: &wire)
      if algorithm == sha384 { short.update(data: wire) } else { long.update(data: wire) }
      last = entry.key
    }
    return algorithm == sha384 ? Array(short.finalize()) : Array(long.finalize())
  }

  private static func covers(_ record: ResourceRecord, _ type: RecordType) -> Bool {
    record.type == .rrsig && record.data.wire.starts(with: [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 255)])
  }

  /// Octets that sort as names, types and data do (RFC 4034 §6.1, §6.3).
  private static func key(_ record: ResourceRecord) -> [UInt8] {
    var key: [UInt8] = []
    for label in record.name.labels.reversed() {
      for octet in label.map(\.asciiLowercased) {
        // 0 ends a label, and 1 says that an octet of 0 or 1 follows.
        if octet < 2 { key += [1, octet + 1] } else { key.append(octet) }
      }
      key.append(0)
    }
    key.append(0)
    key.appendInteger(record.type.rawValue)
    return key + record.data.canonical.wire
  }
}
