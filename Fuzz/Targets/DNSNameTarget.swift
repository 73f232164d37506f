import DNSCore
import WireKit

extension FuzzTarget {
  static let dnsName = FuzzTarget(
    "dns-name",
    "Names, compressed or not, keep to 255 octets and survive their text; pointers never go round in circles."
  ) { bytes in
    for start in [0, Int(bytes.last ?? 0) % max(1, bytes.count)] {
      var reader = WireReader(bytes.span.bytes)
      guard (try? reader.seek(to: start, "name")) != nil, let name = try? Name(from: &reader) else { continue }
      try requireSound(name)
      let end = reader.offset
      try require(end > start && end <= bytes.count, "read to \(end)")
    }
    if let name = try? Name(wire: bytes.span.bytes) {
      try require(name.wire == bytes, "\(name)")
      try requireSound(name)
    }
    if let name = try? Name(String(decoding: bytes, as: UTF8.self)) { try requireSound(name) }
  }

  private static func requireSound(_ name: Name) throws {
    try require(name.wire.count <= Name.maximumLength, "\(name.wire.count) octets")
    try require(try Name(name.description).wire == name.wire, "text \(name)")
    try require(try Name(wire: name.wire.span.bytes).wire == name.wire, "wire \(name)")
    try require(try Name(labels: name.labels.map(Array.init)).wire == name.wire, "labels \(name)")
    try require(name.isWithin(.root) && name.isWithin(name) && name == name.lowercased, "relations of \(name)")
    if let parent = name.parent { try require(name.isWithin(parent) && parent < name, "parent of \(name)") }
  }
}
