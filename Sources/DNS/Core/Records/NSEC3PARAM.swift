import WireKit

extension RecordType {
  /// How a zone hashes its names (RFC 5155 §4).
  public static let nsec3param = RecordType(51)
}

extension RecordSchema {
  static let nsec3param = RecordSchema(.nsec3param, "NSEC3PARAM", [.uint8, .uint8, .uint16, .salt])
}

/// How a zone hashes its names: `1 0 0 -`.
public struct NSEC3PARAM: RecordValue, Hashable {
  public static let type = RecordType.nsec3param

  public var hashAlgorithm: UInt8 = 1
  public var flags: UInt8 = 0
  public var iterations: UInt16 = 0
  public var salt: [UInt8] = []

  /// SHA-1, no further rounds, no salt (RFC 9276 §3.1).
  public init() {}

  public init(from reader: inout WireReader) throws(WireError) {
    hashAlgorithm = try reader.readUInt8("NSEC3PARAM hash algorithm")
    flags = try reader.readUInt8("NSEC3PARAM flags")
    iterations = try reader.readUInt16("NSEC3PARAM iterations")
    salt = try reader.readBytes(Int(try reader.readUInt8("NSEC3PARAM salt length")), "NSEC3PARAM salt")
  }

  public func encode(into wire: inout [UInt8]) {
    wire.append(hashAlgorithm)
    wire.append(flags)
    wire.appendInteger(iterations)
    wire.append(UInt8(truncatingIfNeeded: salt.count))
    wire.append(contentsOf: salt)
  }
}
