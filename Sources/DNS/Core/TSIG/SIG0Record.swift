import WireKit

/// A signature by a public key over a whole request: the SIG(0) record at its end (RFC 2931 §3).
public struct SIG0Record: Hashable, Sendable {
  public var algorithm: SecurityAlgorithm
  /// Seconds since 1970, modulo 2³².
  public var expiration: UInt32
  public var inception: UInt32
  public var keyTag: UInt16
  /// The name of the KEY record.
  public var signer: Name
  public var signature: [UInt8]
  /// What the signature is made over: the record's own fields, then the request without the record (§3.1).
  public let covered: [UInt8]
  /// The request without the record.
  public let plain: [UInt8]

  /// How long a signature may live: it is good for one message (RFC 2931 §5 speaks of minutes).
  static let longestLife: UInt32 = 3_600

  /// Finds the record. Throws when the message can't be read, or has one elsewhere than at its very end.
  /// - Returns: `nil` for a message that is not signed in this way.
  public static func find(in message: [UInt8]) throws(WireError) -> SIG0Record? {
    var reader = WireReader(message.span.bytes)
    let (records, additionals) = try reader.seekToRecords()
    for index in 0..<records {
      let start = reader.offset
      let name = try Name(from: &reader)
      let type = try reader.readUInt16("TYPE")
      try reader.skip(6, "CLASS and TTL")
      let length = Int(try reader.readUInt16("RDLENGTH"))
      let dataStart = reader.offset
      // Signatures over a type are old-fashioned records like any other (RFC 2535).
      guard type == RecordType.sig.rawValue, length > 18, try reader.readUInt16("SIG type covered") == 0 else {
        try reader.seek(to: dataStart, "RDATA")
        try reader.skip(length, "RDATA")
        continue
      }
      guard index == records - 1, additionals > 0, name.isRoot else {
        throw WireError(.malformed, "place of SIG(0)", at: start)
      }
      var plain = Array(message[..<start])
      plain.setInteger(additionals - 1, at: 10)
      return try SIG0Record(message, at: dataStart, length: length, plain)
    }
    return nil
  }

  private init(_ message: [UInt8], at start: Int, length: Int, _ plain: [UInt8]) throws(WireError) {
    var reader = WireReader(message.span.bytes)
    try reader.seek(to: start + 2, "SIG")
    algorithm = SecurityAlgorithm(rawValue: try reader.readUInt8("SIG algorithm"))
    try reader.skip(5, "SIG labels and TTL")
    expiration = try reader.readUInt32("SIG expiration")
    inception = try reader.readUInt32("SIG inception")
    keyTag = try reader.readUInt16("SIG key tag")
    signer = try Name(from: &reader)
    guard start + length == message.count, reader.offset < message.count, reader.offset >= start + 18 else {
      throw WireError(.malformed, "end of SIG(0)", at: reader.offset)
    }
    signature = try reader.readBytes(reader.remaining, "SIG signature")
    // Up to the signer as it stands on the wire, whose name is written in full.
    covered = Array(message[start..<(start + 18)]) + signer.wire + plain
    self.plain = plain
  }

  /// Whether the time lies in the signature's life, which is a short one.
  public func isTimely(at now: UInt32) -> Bool {
    expiration &- inception <= Self.longestLife && Int32(bitPattern: now &- inception) >= 0
      && Int32(bitPattern: expiration &- now) >= 0
  }
}
