/// A zone in the form of a zone file (RFC 1035 §5), in parts of some ten thousand octets.
///
/// unchecked: the pointers of its walk lead into the zone's memory, which is never written, and which it holds.
public struct ZoneText: @unchecked Sendable {
  private let zone: Zone
  private var walk: ZoneWalk

  public init(_ zone: Zone) {
    self.zone = zone
    walk = ZoneWalk(zone.view)
  }

  /// The next part; `nil` behind the last one.
  public mutating func next() -> [UInt8]? {
    var text: [UInt8] = []
    while text.count < 65_536, let node = walk.current()?.node {
      append(node, to: &text)
      walk.advance()
    }
    withExtendedLifetime(zone) {}
    return text.isEmpty ? nil : text
  }

  private func append(_ node: NodeView, to text: inout [UInt8]) {
    let owner = Name(
      validWire: Array(UnsafeRawBufferPointer(start: node.name, count: node.nameLength)) + zone.apex.wire)
    for index in 0..<node.rrsetCount where node.rrset(at: index).type == .soa {
      for record in ZoneReaderCursor.records(of: node.rrset(at: index), owner) { Self.append(record, to: &text) }
    }
    for index in 0..<node.rrsetCount where node.rrset(at: index).type != .soa {
      for record in ZoneReaderCursor.records(of: node.rrset(at: index), owner) { Self.append(record, to: &text) }
    }
  }

  /// One record as a line.
  static func append(_ record: ResourceRecord, to text: inout [UInt8]) {
    Name.appendPresentation(of: record.name.wire.span.bytes, to: &text)
    text.append(contentsOf: "\t\(record.ttl)\t\(record.recordClass)\t\(record.type)\t".utf8)
    record.data.appendPresentation(to: &text)
    text.append(UInt8(ascii: "\n"))
  }
}
