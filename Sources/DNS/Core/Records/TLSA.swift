import WireKit

extension RecordType {
  /// What a TLS server's certificate must be (RFC 6698).
  public static let tlsa = RecordType(52)
}

extension RecordSchema {
  static let tlsa = RecordSchema(.tlsa, "TLSA", [.uint8, .uint8, .uint8, .hex])
}

/// What a TLS server's certificate must be: `3 1 1 <hex>`.
public struct TLSA: RecordValue, Hashable {
  public static let type = RecordType.tlsa

  /// 0 to 3: PKIX-TA, PKIX-EE, DANE-TA, DANE-EE (RFC 7218).
  public var usage: UInt8
  /// 0: the whole certificate, 1: its public key.
  public var selector: UInt8
  /// 0: the octets themselves, 1: SHA-256, 2: SHA-512.
  public var matching: UInt8
  public var data: [UInt8]

  public init(usage: UInt8, selector: UInt8, matching: UInt8, data: [UInt8]) {
    self.usage = usage
    self.selector = selector
    self.matching = matching
    self.data = data
  }

  public init(from reader: inout WireReader) throws(WireError) {
    usage = try reader.readUInt8("TLSA usage")
    selector = try reader.readUInt8("TLSA selector")
    matching = try reader.readUInt8("TLSA matching type")
    data = try reader.readBytes(reader.remaining, "TLSA data")
  }

  public func encode(into wire: inout [UInt8]) {
    wire.append(usage)
    wire.append(selector)
    wire.append(matching)
    wire.append(contentsOf: data)
  }
}
