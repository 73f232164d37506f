import WireKit

/// A TSIG record as it stands at the end of a message (RFC 8945 §4.2).
public struct TSIGRecord: Hashable, Sendable {
  public var key: Name
  public var algorithm: Name
  /// Seconds since 1970; 48 bits on the wire.
  public var time: UInt64
  /// Seconds that the clocks may differ by.
  public var fudge: UInt16
  public var mac: [UInt8]
  /// The message's id when it was signed.
  public var originalID: UInt16
  public var error: TSIGError
  public var other: [UInt8]

  /// Seconds that clocks may differ by, as RFC 8945 §10 recommends.
  public static let usualFudge: UInt16 = 300

  /// Finds the TSIG record of a message. Throws when the message can't be read, or has one elsewhere than at its very end.
  /// - Returns: The record and where it begins; `nil` for an unsigned message.
  public static func find(in message: [UInt8]) throws(WireError) -> (record: TSIGRecord, offset: Int)? {
    var reader = WireReader(message.span.bytes)
    let (records, additionals) = try reader.seekToRecords()
    for index in 0..<records {
      let start = reader.offset
      let name = try Name(from: &reader)
      let type = try reader.readUInt16("TYPE")
      let recordClass = try reader.readUInt16("CLASS")
      let ttl = try reader.readUInt32("TTL")
      let length = Int(try reader.readUInt16("RDLENGTH"))
      guard type == RecordType.tsig.rawValue else {
        try reader.skip(length, "RDATA")
        continue
      }
      // The last of the additional section, and only there (RFC 8945 §5.1).
      guard index == records - 1, additionals > 0, recordClass == RecordClass.any.rawValue, ttl == 0 else {
        throw WireError(.malformed, "place of TSIG", at: start)
      }
      let end = reader.offset + length
      let record = try TSIGRecord(key: name, from: &reader)
      guard reader.offset == end, reader.isAtEnd else { throw WireError(.malformed, "end of TSIG", at: start) }
      return (record, start)
    }
    return nil
  }

  private init(key: Name, from reader: inout WireReader) throws(WireError) {
    self.key = key
    algorithm = try Name(from: &reader)
    time = UInt64(try reader.readUInt16("Time Signed")) << 32
    time |= UInt64(try reader.readUInt32("Time Signed"))
    fudge = try reader.readUInt16("Fudge")
    mac = try reader.readBytes(Int(try reader.readUInt16("MAC Size")), "MAC")
    originalID = try reader.readUInt16("Original ID")
    error = TSIGError(rawValue: try reader.readUInt16("Error"))
    other = try reader.readBytes(Int(try reader.readUInt16("Other Len")), "Other Data")
  }

  init(_ key: TSIGKey, time: UInt64, originalID: UInt16, error: TSIGError = .none, other: [UInt8] = []) {
    self.init(key.name, key.algorithm.name, time: time, originalID: originalID, error: error, other: other)
  }

  init(
    _ key: Name, _ algorithm: Name, time: UInt64, originalID: UInt16, error: TSIGError = .none, other: [UInt8] = []
  ) {
    self.key = key
    self.algorithm = algorithm
    self.time = time & 0xFFFF_FFFF_FFFF
    fudge = Self.usualFudge
    mac = []
    self.originalID = originalID
    self.error = error
    self.other = other
  }

  /// Appends the record to a message and counts it.
  func append(to message: inout [UInt8]) {
    message.append(contentsOf: key.wire)
    message.appendInteger(RecordType.tsig.rawValue)
    message.appendInteger(RecordClass.any.rawValue)
    message.appendInteger(UInt32(0))
    let place = message.count
    message.appendInteger(UInt16(0))
    message.append(contentsOf: algorithm.wire)
    appendTimers(to: &message)
    message.appendInteger(UInt16(truncatingIfNeeded: mac.count))
    message.append(contentsOf: mac)
    message.appendInteger(originalID)
    message.appendInteger(error.rawValue)
    message.appendInteger(UInt16(truncatingIfNeeded: other.count))
    message.append(contentsOf: other)
    message.setInteger(UInt16(truncatingIfNeeded: message.count - place - 2), at: place)
    message.setInteger((UInt16(message[10]) << 8 | UInt16(message[11])) &+ 1, at: 10)
  }

  /// What of the record is signed: everything (RFC 8945 §4.3.3), or the times alone behind the first message of an answer
  /// (§5.3.1).
  func appendVariables(timersOnly: Bool, to bytes: inout [UInt8]) {
    guard !timersOnly else { return appendTimers(to: &bytes) }
    bytes.append(contentsOf: key.lowercased.wire)
    bytes.appendInteger(RecordClass.any.rawValue)
    bytes.appendInteger(UInt32(0))
    bytes.append(contentsOf: algorithm.lowercased.wire)
    appendTimers(to: &bytes)
    bytes.appendInteger(error.rawValue)
    bytes.appendInteger(UInt16(truncatingIfNeeded: other.count))
    bytes.append(contentsOf: other)
  }

  private func appendTimers(to bytes: inout [UInt8]) {
    bytes.appendInteger(UInt16(truncatingIfNeeded: time >> 32))
    bytes.appendInteger(UInt32(truncatingIfNeeded: time))
    bytes.appendInteger(fudge)
  }

  /// The octets of the record once its signature is in it.
  static func length(_ key: TSIGKey) -> Int {
    key.name.wire.count + 10 + key.algorithm.name.wire.count + 16 + key.algorithm.length
  }
}

/// What is wrong with a signature (RFC 8945 §3).
public struct TSIGError: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  public static let none = TSIGError(rawValue: 0)
  public static let badSignature = TSIGError(rawValue: 16)
  public static let badKey = TSIGError(rawValue: 17)
  public static let badTime = TSIGError(rawValue: 18)
  public static let badTruncation = TSIGError(rawValue: 22)
}

extension TSIGError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .none: "NOERROR"
    case .badSignature: "BADSIG"
    case .badKey: "BADKEY"
    case .badTime: "BADTIME"
    case .badTruncation: "BADTRUNC"
    default: "TSIG error \(rawValue)"
    }
  }
}
