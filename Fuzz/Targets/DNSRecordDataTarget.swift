import DNSCore
import WireKit

extension FuzzTarget {
  /// The first two octets are the record type, the rest its data.
  static let dnsRecordData = FuzzTarget(
    "dns-record-data", "Data of any type that decodes prints to a text that gives the same octets."
  ) { bytes in
    guard let (type, rest) = recordType(bytes), let data = try? RData(type: type, wire: rest.span.bytes) else { return }
    try requireRoundTrip(data)
  }

  /// The first two octets are the record type, the rest a text.
  static let dnsRecordText = FuzzTarget(
    "dns-record-text",
    "Data of any type that a text gives is well formed, and prints to a text that gives the same octets."
  ) { bytes in
    guard let (type, rest) = recordType(bytes),
      let data = try? RData(String(decoding: rest, as: UTF8.self), type: type)
    else { return }
    try require(try RData(type: type, wire: data.wire.span.bytes) == data, "\(type) \(data)")
    try requireRoundTrip(data)
  }

  private static func recordType(_ bytes: [UInt8]) -> (RecordType, [UInt8])? {
    guard bytes.count >= 2 else { return nil }
    return (RecordType(rawValue: UInt16(bytes[0]) << 8 | UInt16(bytes[1])), Array(bytes.dropFirst(2)))
  }

  private static func requireRoundTrip(_ data: RData) throws {
    let again: RData
    do {
      again = try RData("\(data)", type: data.type)
    } catch {
      throw BrokenInvariant("\(data.type) \(data): \(error)")
    }
    try require(again.wire == data.wire, "\(data.type) \(data)")
    try require(data.canonical.canonical == data.canonical, "canonical form of \(data.type) \(data)")
  }
}
