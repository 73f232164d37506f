import WireKit

extension RecordType {
  /// A signature over a set of records (RFC 4034 §3).
  public static let rrsig = RecordType(46)
}

extension RecordSchema {
  static let rrsig = RecordSchema(
    .rrsig, "RRSIG", [.recordType, .algorithm, .uint8, .period, .time, .time, .uint16, .name(.legacy), .base64])
}

/// A signature over the records of one name and type: `A 13 3 300 20261210000000 20261126000000 4711 lab.test. <base64>`.
public struct RRSIG: RecordValue, Hashable {
  public static let type = RecordType.rrsig

  public var covered: RecordType
  public var algorithm: SecurityAlgorithm
  /// Labels of the owner, without the root and without a wildcard's `*`.
  public var labels: UInt8
  public var originalTTL: UInt32
  /// Seconds since 1970, modulo 2³²: compared by the arithmetic of RFC 1982.
  public var expiration: UInt32
  public var inception: UInt32
  public var keyTag: UInt16
  /// The zone whose key signed.
  public var signer: Name
  public var signature: [UInt8]

  public init(
    covered: RecordType, algorithm: SecurityAlgorithm, labels: UInt8, originalTTL: UInt32, expiration: UInt32,
    inception: UInt32, keyTag: UInt16, signer: Name, signature: [UInt8] = []
  ) {
    self.covered = covered
    self.algorithm = algorithm
    self.labels = labels
    self.originalTTL = originalTTL
    self.expiration = expiration
    self.inception = inception
    self.keyTag = keyTag
    self.signer = signer
    self.signature = signature
  }

  public init(from reader: inout WireReader) throws(WireError) {
    covered = RecordType(rawValue: try reader.readUInt16("RRSIG type covered"))
    algorithm = SecurityAlgorithm(rawValue: try reader.readUInt8("RRSIG algorithm"))
    labels = try reader.readUInt8("RRSIG labels")
    originalTTL = try reader.readUInt32("RRSIG original TTL")
    expiration = try reader.readUInt32("RRSIG expiration")
    inception = try reader.readUInt32("RRSIG inception")
    keyTag = try reader.readUInt16("RRSIG key tag")
    signer = try Name(from: &reader)
    signature = try reader.readBytes(reader.remaining, "RRSIG signature")
  }

  public func encode(into wire: inout [UInt8]) {
    encodeHead(signer, into: &wire)
    wire.append(contentsOf: signature)
  }

  private func encodeHead(_ signer: Name, into wire: inout [UInt8]) {
    wire.appendInteger(covered.rawValue)
    wire.append(algorithm.rawValue)
    wire.append(labels)
    wire.appendInteger(originalTTL)
    wire.appendInteger(expiration)
    wire.appendInteger(inception)
    wire.appendInteger(keyTag)
    wire.append(contentsOf: signer.wire)
  }

  /// Whether `time` (seconds since 1970) lies in the signature's life (RFC 4034 §3.1.5).
  public func isValid(at time: UInt32) -> Bool {
    Int32(bitPattern: time &- inception) >= 0 && Int32(bitPattern: expiration &- time) >= 0
  }

  /// What the signature is made over: the head of this record and the records in canonical form and order (RFC 4034 §3.1.8.1,
  /// §6). `nil` when the owner has fewer labels than the signature says.
  ///
  /// - Parameters:
  ///   - owner: Of the records, as they came; what a wildcard stood for is signed with the wildcard's name.
  ///   - data: The records' data, in any order; duplicates count once.
  public func signedOctets(owner: Name, data: [RData]) -> [UInt8]? {
    let count = owner.labelCount - (owner.isWildcard ? 1 : 0)
    guard Int(labels) <= count else { return nil }
    var name = owner.lowercased.wire
    if Int(labels) < count {
      var suffix = owner.lowercased
      while suffix.labelCount > Int(labels), let parent = suffix.parent { suffix = parent }
      name = [1, UInt8(ascii: "*")] + suffix.wire
    }
    var octets: [UInt8] = []
    encodeHead(signer.lowercased, into: &octets)
    var sorted = data.map(\.canonical.wire)
    sorted.sort { $0.lexicographicallyPrecedes($1) }
    var previous: [UInt8]?
    for wire in sorted where wire != previous {
      previous = wire
      octets.append(contentsOf: name)
      octets.appendInteger(covered.rawValue)
      octets.appendInteger(RecordClass.in.rawValue)
      octets.appendInteger(originalTTL)
      octets.appendInteger(UInt16(truncatingIfNeeded: wire.count))
      octets.append(contentsOf: wire)
    }
    return octets
  }
}
