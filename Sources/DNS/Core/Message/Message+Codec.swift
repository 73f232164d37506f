import WireKit

extension Message {
  /// Decodes a whole message. Throws for anything that RFC 1035 §4 and RFC 6891 don't allow, octets behind the end
  /// included.
  public static func decode(_ bytes: RawSpan) throws(WireError) -> Message {
    var reader = WireReader(bytes)
    let id = try reader.readUInt16("ID")
    let bits = try reader.readUInt16("flags")
    let counts = (
      try reader.readUInt16("QDCOUNT"), try reader.readUInt16("ANCOUNT"), try reader.readUInt16("NSCOUNT"),
      try reader.readUInt16("ARCOUNT")
    )
    var message = Message(header: Header(id: id, bits: bits))
    for _ in 0..<counts.0 {
      let name = try Name(from: &reader)
      let type = RecordType(rawValue: try reader.readUInt16("QTYPE"))
      message.questions.append(
        Question(name, type, RecordClass(rawValue: try reader.readUInt16("QCLASS"))))
    }
    message.answers = try decodeRecords(counts.1, &reader)
    message.authorities = try decodeRecords(counts.2, &reader)
    for _ in 0..<counts.3 {
      let record = try RawRecord(from: &reader)
      guard record.type == .opt else {
        message.additionals.append(try record.decoded(&reader))
        continue
      }
      guard message.edns == nil else { throw WireError(.malformed, "second OPT", at: reader.offset) }
      guard record.name.isRoot else { throw WireError(.malformed, "name of OPT", at: reader.offset) }
      message.edns = try EDNS(
        size: record.recordClass, ttl: record.ttl, options: try reader.readSpan(record.length, "OPT"))
    }
    guard reader.isAtEnd else { throw WireError(.malformed, "end of message", at: reader.offset) }
    return message
  }

  /// Decodes a whole message from an array.
  public static func decode(_ bytes: [UInt8]) throws(WireError) -> Message { try decode(bytes.span.bytes) }

  private static func decodeRecords(
    _ count: UInt16, _ reader: inout WireReader
  ) throws(WireError) -> [ResourceRecord] {
    var records: [ResourceRecord] = []
    for _ in 0..<count {
      let record = try RawRecord(from: &reader)
      guard record.type != .opt else { throw WireError(.malformed, "place of OPT", at: reader.offset) }
      records.append(try record.decoded(&reader))
    }
    return records
  }

  /// What stands before a record's data.
  private struct RawRecord {
    let name: Name
    let type: RecordType
    let recordClass: UInt16
    let ttl: UInt32
    let length: Int

    init(from reader: inout WireReader) throws(WireError) {
      name = try Name(from: &reader)
      type = RecordType(rawValue: try reader.readUInt16("TYPE"))
      recordClass = try reader.readUInt16("CLASS")
      ttl = try reader.readUInt32("TTL")
      let claimed = Unverified(try reader.readUInt16("RDLENGTH"))
      length = try claimed.verified(atMost: reader.remaining, "RDLENGTH", at: reader.offset)
    }

    /// Reads the data. In updates (RFC 2136) and questions a record of class ANY or NONE may have none.
    func decoded(_ reader: inout WireReader) throws(WireError) -> ResourceRecord {
      let recordClass = RecordClass(rawValue: recordClass)
      if length == 0, recordClass == .any || recordClass == .none {
        return ResourceRecord(name, recordClass, ttl: ttl, RData(validType: type, wire: []))
      }
      let wire = try RDataWire.decode(type, from: &reader, length: length)
      return ResourceRecord(name, recordClass, ttl: ttl, RData(validType: type, wire: wire))
    }
  }

  /// The wire form, names compressed. Sections of more than 65,535 records or a longer message throw.
  public func encoded() throws(WireError) -> [UInt8] {
    var bytes: [UInt8] = []
    var compressor = NameCompressor()
    bytes.appendInteger(header.id)
    var header = header
    header.responseCode = ResponseCode(rawValue: responseCode.rawValue & 15)
    bytes.appendInteger(header.bits)
    let counts = [questions.count, answers.count, authorities.count, additionals.count + (edns == nil ? 0 : 1)]
    for count in counts {
      guard let count = UInt16(exactly: count) else { throw WireError(.tooLong, "section") }
      bytes.appendInteger(count)
    }
    for question in questions {
      compressor.append(question.name, to: &bytes)
      bytes.appendInteger(question.type.rawValue)
      bytes.appendInteger(question.recordClass.rawValue)
    }
    for record in answers + authorities + additionals {
      compressor.append(record.name, to: &bytes)
      bytes.appendInteger(record.type.rawValue)
      bytes.appendInteger(record.recordClass.rawValue)
      bytes.appendInteger(record.ttl)
      let place = bytes.count
      bytes.appendInteger(UInt16(0))
      RDataWire.encode(record.data, into: &bytes, &compressor)
      guard let length = UInt16(exactly: bytes.count - place - 2) else { throw WireError(.tooLong, "RDATA", at: place) }
      bytes.setInteger(length, at: place)
    }
    edns?.encode(into: &bytes)
    guard bytes.count <= 65535 else { throw WireError(.tooLong, "message", at: bytes.count) }
    return bytes
  }
}
