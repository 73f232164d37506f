import WireKit

extension RecordType {
  /// A zone's public key (RFC 4034 §2).
  public static let dnskey = RecordType(48)
}

extension RecordSchema {
  static let dnskey = RecordSchema(.dnskey, "DNSKEY", [.uint16, .uint8, .algorithm, .base64])
}

/// A public key of a zone: `256 3 13 <base64>`.
public struct DNSKEY: RecordValue, Hashable {
  public static let type = RecordType.dnskey

  public var flags: UInt16
  /// Always 3.
  public var protocolNumber: UInt8
  public var algorithm: SecurityAlgorithm
  public var publicKey: [UInt8]

  /// The flag of every key that signs a zone (RFC 4034 §2.1.1).
  public static let zoneFlag: UInt16 = 0x0100
  /// The flag of a key that the parent's DS names: the secure entry point (RFC 4034 §2.1.1).
  public static let entryFlag: UInt16 = 0x0001
  /// The flag of a key that nobody shall trust any more (RFC 5011 §7).
  public static let revokedFlag: UInt16 = 0x0080

  public init(flags: UInt16, algorithm: SecurityAlgorithm, publicKey: [UInt8]) {
    self.flags = flags
    protocolNumber = 3
    self.algorithm = algorithm
    self.publicKey = publicKey
  }

  public init(from reader: inout WireReader) throws(WireError) {
    flags = try reader.readUInt16("DNSKEY flags")
    protocolNumber = try reader.readUInt8("DNSKEY protocol")
    algorithm = SecurityAlgorithm(rawValue: try reader.readUInt8("DNSKEY algorithm"))
    publicKey = try reader.readBytes(reader.remaining, "DNSKEY key")
  }

  public func encode(into wire: inout [UInt8]) {
    wire.appendInteger(flags)
    wire.append(protocolNumber)
    wire.append(algorithm.rawValue)
    wire.append(contentsOf: publicKey)
  }

  /// Whether it may sign the records of a zone.
  public var isZoneKey: Bool { flags & Self.zoneFlag != 0 && protocolNumber == 3 }
  public var isEntryPoint: Bool { flags & Self.entryFlag != 0 }
  public var isRevoked: Bool { flags & Self.revokedFlag != 0 }

  /// A number by which signatures find it: not unique (RFC 4034 appendix B).
  public var tag: UInt16 {
    var wire: [UInt8] = []
    encode(into: &wire)
    var sum: UInt32 = 0
    for (index, octet) in wire.enumerated() { sum &+= index & 1 == 0 ? UInt32(octet) << 8 : UInt32(octet) }
    return UInt16(truncatingIfNeeded: sum &+ (sum >> 16))
  }
}

/// A DNSSEC algorithm (IANA "DNS Security Algorithm Numbers").
public struct SecurityAlgorithm: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let rsaSHA256 = SecurityAlgorithm(rawValue: 8)
  public static let rsaSHA512 = SecurityAlgorithm(rawValue: 10)
  public static let ecdsaP256 = SecurityAlgorithm(rawValue: 13)
  public static let ecdsaP384 = SecurityAlgorithm(rawValue: 14)
  public static let ed25519 = SecurityAlgorithm(rawValue: 15)
}

extension SecurityAlgorithm: CustomStringConvertible {
  public var description: String {
    switch self {
    case .rsaSHA256: "RSASHA256"
    case .rsaSHA512: "RSASHA512"
    case .ecdsaP256: "ECDSAP256SHA256"
    case .ecdsaP384: "ECDSAP384SHA384"
    case .ed25519: "ED25519"
    default: "ALGORITHM\(rawValue)"
    }
  }
}
