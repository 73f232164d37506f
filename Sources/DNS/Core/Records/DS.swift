import WireKit

extension RecordType {
  /// The digest of a child zone's key (RFC 4034 §5).
  public static let ds = RecordType(43)
}

extension RecordSchema {
  static let ds = RecordSchema(.ds, "DS", [.uint16, .algorithm, .uint8, .hex])
}

/// The digest of a child zone's key: `60485 13 2 <hex>`.
public struct DS: RecordValue, Hashable {
  public static let type = RecordType.ds

  public var keyTag: UInt16
  public var algorithm: SecurityAlgorithm
  /// 1: SHA-1, 2: SHA-256 (RFC 4509), 4: SHA-384 (RFC 6605).
  public var digestType: UInt8
  public var digest: [UInt8]

  public init(keyTag: UInt16, algorithm: SecurityAlgorithm, digestType: UInt8, digest: [UInt8]) {
    self.keyTag = keyTag
    self.algorithm = algorithm
    self.digestType = digestType
    self.digest = digest
  }

  public init(from reader: inout WireReader) throws(WireError) {
    keyTag = try reader.readUInt16("DS key tag")
    algorithm = SecurityAlgorithm(rawValue: try reader.readUInt8("DS algorithm"))
    digestType = try reader.readUInt8("DS digest type")
    digest = try reader.readBytes(reader.remaining, "DS digest")
  }

  public func encode(into wire: inout [UInt8]) {
    wire.appendInteger(keyTag)
    wire.append(algorithm.rawValue)
    wire.append(digestType)
    wire.append(contentsOf: digest)
  }
}
