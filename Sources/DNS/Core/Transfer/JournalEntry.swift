import WireKit

/// One step as it stands in a journal: its length, a checksum, and the records without compression.
public enum JournalEntry {
  /// Octets before a step's records: length and checksum.
  public static let headLength = 8
  /// Most octets of a step.
  public static let maximumLength = 256 << 20

  /// The octets of a step.
  /// - Parameter digest: The digest of the zone's content behind the step (`Zone.contentDigest`).
  public static func encode(_ difference: ZoneDifference, digest: UInt64) -> [UInt8] {
    var body: [UInt8] = []
    body.appendInteger(digest)
    body.appendInteger(UInt32(truncatingIfNeeded: difference.removed.count))
    body.appendInteger(UInt32(truncatingIfNeeded: difference.added.count))
    difference.from.appendUncompressed(to: &body)
    difference.to.appendUncompressed(to: &body)
    for record in difference.removed { record.appendUncompressed(to: &body) }
    for record in difference.added { record.appendUncompressed(to: &body) }
    var bytes: [UInt8] = []
    bytes.appendInteger(UInt32(truncatingIfNeeded: body.count))
    bytes.appendInteger(checksum(body))
    return bytes + body
  }

  /// The length of what follows the head, and its checksum; `nil` where it is none.
  public static func head(_ bytes: [UInt8]) -> (length: Int, checksum: UInt32)? {
    var reader = WireReader(bytes.span.bytes)
    guard let length = try? reader.readUInt32("length"), let checksum = try? reader.readUInt32("checksum"),
      length >= 16, length <= maximumLength
    else { return nil }
    return (Int(length), checksum)
  }

  /// The step that stands behind a head. Throws when it is damaged.
  public static func decode(
    _ body: [UInt8], checksum expected: UInt32
  ) throws(WireError) -> (difference: ZoneDifference, digest: UInt64) {
    guard checksum(body) == expected else { throw WireError(.malformed, "checksum") }
    var reader = WireReader(body.span.bytes)
    let digest = try reader.readUInt64("digest")
    let removed = Int(try reader.readUInt32("count"))
    let added = Int(try reader.readUInt32("count"))
    // A record has eleven octets at least.
    guard removed + added <= body.count / 11 else { throw WireError(.outOfBounds, "count") }
    var difference = ZoneDifference(from: try record(&reader), to: try record(&reader))
    for _ in 0..<removed { difference.removed.append(try record(&reader)) }
    for _ in 0..<added { difference.added.append(try record(&reader)) }
    guard reader.isAtEnd else { throw WireError(.malformed, "end of step", at: reader.offset) }
    return (difference, digest)
  }

  private static func record(_ reader: inout WireReader) throws(WireError) -> ResourceRecord {
    let name = try Name(from: &reader)
    let type = RecordType(rawValue: try reader.readUInt16("TYPE"))
    let recordClass = RecordClass(rawValue: try reader.readUInt16("CLASS"))
    let ttl = try reader.readUInt32("TTL")
    let length = Int(try reader.readUInt16("RDLENGTH"))
    return ResourceRecord(
      name, recordClass, ttl: ttl,
      RData(validType: type, wire: try RDataWire.decode(type, from: &reader, length: length)))
  }

  /// CRC-32C.
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var crc = UInt32.max
    for byte in bytes { crc = crc >> 8 ^ table[Int((crc ^ UInt32(byte)) & 255)] }
    return ~crc
  }

  private static let table: [UInt32] = (0..<256).map { index in
    var crc = UInt32(index)
    for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
    return crc
  }
}
