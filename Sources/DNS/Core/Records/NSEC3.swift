import WireKit

extension RecordType {
  /// The next hashed name of the zone (RFC 5155 §3).
  public static let nsec3 = RecordType(50)
}

extension RecordSchema {
  static let nsec3 = RecordSchema(.nsec3, "NSEC3", [.uint8, .uint8, .uint16, .salt, .hash, .typeBitmap])
}

/// The next hashed name of the zone, and the types at the name whose hash owns this: `1 0 0 - <base32> A RRSIG`.
public struct NSEC3: RecordValue, Hashable {
  public static let type = RecordType.nsec3

  /// 1: SHA-1; there is no other.
  public var hashAlgorithm: UInt8
  public var flags: UInt8
  public var iterations: UInt16
  public var salt: [UInt8]
  /// The next hash in order, not the name.
  public var next: [UInt8]
  public var types: Set<RecordType>

  /// Delegations without DS between this and the next may have no records of their own (RFC 5155 §6).
  public static let optOutFlag: UInt8 = 1

  public init(
    hashAlgorithm: UInt8 = 1, flags: UInt8 = 0, iterations: UInt16 = 0, salt: [UInt8] = [], next: [UInt8],
    types: Set<RecordType>
  ) {
    self.hashAlgorithm = hashAlgorithm
    self.flags = flags
    self.iterations = iterations
    self.salt = salt
    self.next = next
    self.types = types
  }

  public init(from reader: inout WireReader) throws(WireError) {
    hashAlgorithm = try reader.readUInt8("NSEC3 hash algorithm")
    flags = try reader.readUInt8("NSEC3 flags")
    iterations = try reader.readUInt16("NSEC3 iterations")
    salt = try reader.readBytes(Int(try reader.readUInt8("NSEC3 salt length")), "NSEC3 salt")
    next = try reader.readBytes(Int(try reader.readUInt8("NSEC3 hash length")), "NSEC3 hash")
    types = Set(TypeBitmap.types(try reader.readSpan(reader.remaining, "NSEC3 types")))
  }

  public func encode(into wire: inout [UInt8]) {
    wire.append(hashAlgorithm)
    wire.append(flags)
    wire.appendInteger(iterations)
    wire.append(UInt8(truncatingIfNeeded: salt.count))
    wire.append(contentsOf: salt)
    wire.append(UInt8(truncatingIfNeeded: next.count))
    wire.append(contentsOf: next)
    TypeBitmap.append(Array(types), to: &wire)
  }

  public var isOptOut: Bool { flags & Self.optOutFlag != 0 }

  /// The hash of a name (RFC 5155 §5).
  public static func hash(_ name: Name, iterations: UInt16, salt: [UInt8]) -> [UInt8] {
    var digest = SHA1()
    for octet in name.wire { digest.update(octet.asciiLowercased) }
    for octet in salt { digest.update(octet) }
    var result = digest.finish()
    for _ in 0..<iterations {
      for place in 0..<20 { digest.update(result[place]) }
      for octet in salt { digest.update(octet) }
      result = digest.finish()
    }
    return (0..<20).map { result[$0] }
  }

  /// The hash that a name's first label is; `nil` when it is none.
  public static func hash(of owner: Name) -> [UInt8]? {
    guard let label = owner.labels.first, label.count == 32 else { return nil }
    var hash: [UInt8] = []
    var (bits, count) = (UInt32(0), 0)
    for octet in label {
      guard let value = BinaryText.base32HexValue(octet) else { return nil }
      bits = bits << 5 | UInt32(value)
      count += 5
      if count >= 8 {
        count -= 8
        hash.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return hash
  }

  /// The name that a hash owns its record by, in a zone.
  public static func owner(_ hash: [UInt8], in zone: Name) -> Name? {
    var label: [UInt8] = []
    BinaryText.appendBase32Hex(hash.span.bytes, to: &label)
    label = label.map(\.asciiLowercased)
    guard let first = try? Name(labels: [label]) else { return nil }
    return try? first.appending(zone)
  }
}
