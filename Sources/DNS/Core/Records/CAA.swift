import WireKit

extension RecordType {
  /// Who may issue certificates (RFC 8659): `@ CAA 0 issue "ca.example"`.
  public static let caa = RecordType(257)
}

extension RecordSchema {
  static let caa = RecordSchema(.caa, "CAA", [.uint8, .tag, .text])
}

/// A certification authority's permission.
public struct CAA: RecordValue, Hashable {
  public static let type = RecordType.caa
  /// Bit 0x80: who does not understand the tag must not issue.
  public var flags: UInt8
  /// `issue`, `issuewild`, `iodef`.
  public var tag: [UInt8]
  public var value: [UInt8]

  /// `nil` when the tag is empty or longer than 255 octets.
  public init?(flags: UInt8, tag: String, value: String) {
    guard (1...255).contains(tag.utf8.count) else { return nil }
    self.flags = flags
    self.tag = Array(tag.utf8)
    self.value = Array(value.utf8)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    flags = try reader.readUInt8("CAA flags")
    let length = try reader.readUInt8("CAA tag")
    tag = try reader.readBytes(Int(length), "CAA tag")
    value = try reader.readBytes(reader.remaining, "CAA value")
  }

  public func encode(into wire: inout [UInt8]) {
    wire.append(flags)
    wire.append(UInt8(truncatingIfNeeded: tag.count))
    wire.append(contentsOf: tag)
    wire.append(contentsOf: value)
  }
}
