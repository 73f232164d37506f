import HTTPCore
import WireKit

extension FuzzTarget {
  static let hpack = FuzzTarget(
    "http-hpack", "Sections decode within their bounds or throw; what was decoded, written again, decodes to the same."
  ) { bytes in
    var decoder = HPACKDecoder()
    // Sections of a connection share a dynamic table: a zero octet ends one here as often as it means something.
    for section in bytes.split(separator: 0xFF, maxSplits: 3) {
      var fields = Fields()
      let section = Array(section)
      guard let fits = try? decoder.decode(section.span.bytes, bounds: .init(size: 4096, fields: 32), into: &fields)
      else { return }
      try require(decoder.tableSize <= 4096, "the table holds \(decoder.tableSize)")
      try require(fields.count <= 32, "\(fields.count) fields")
      guard fits else { continue }
      var again: [UInt8] = []
      for index in 0..<fields.count {
        again.append(0)
        HPACKEncoder.append(string: Array(fields.name(at: index).utf8).span.bytes, to: &again)
        HPACKEncoder.append(string: Array(fields.value(at: index).utf8).span.bytes, to: &again)
      }
      var other = HPACKDecoder()
      var repeated = Fields()
      guard (try? other.decode(again.span.bytes, bounds: .init(size: 1 << 20, fields: 32), into: &repeated)) == true
      else {
        throw BrokenInvariant("what was written again does not decode")
      }
      for index in 0..<fields.count {
        try require(fields.name(at: index) == repeated.name(at: index), "name \(index)")
        try require(fields.value(at: index) == repeated.value(at: index), "value \(index)")
      }
    }
  }
}
