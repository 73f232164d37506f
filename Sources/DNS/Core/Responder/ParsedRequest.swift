import WireKit

/// What a request says besides its name: read once, in place.
struct ParsedRequest: BitwiseCopyable {
  var id: UInt16 = 0
  var bits: UInt16 = 0
  var type = RecordType(rawValue: 0)
  var recordClass: UInt16 = 0
  /// Behind the question.
  var questionEnd = Header.wireLength
  /// The OPT record's UDP size; −1 without OPT.
  var udpSize = -1
  var version: UInt8 = 0
  var wantsDNSSEC = false
  var wantsIdentifier = false
  /// Where the COOKIE option's data stands, and its length; 0 without one.
  var cookie = 0
  var cookieLength = 0
  /// What the reply's cookie is made of, if it has one.
  var answersCookie = false
  var clientCookie: UInt64 = 0
  var cookieTime: UInt32 = 0
  var cookieHash: UInt64 = 0
  /// Whether the cookie's second part is one that we made for this client.
  var hasServerCookie = false
  /// Whether the last record signs the message (RFC 8945).
  var isSigned = false

  /// Whether the opcode is NOTIFY or UPDATE.
  var hasOtherPurpose = false

  var hasEDNS: Bool { udpSize >= 0 }

  /// Whether it takes more than a look into the zones.
  var isTransaction: Bool { isSigned || hasOtherPurpose || type == .axfr || type == .ixfr }

  /// Finds OPT among the records behind the question. `false` for a message that can't be right.
  mutating func readRecords(_ bytes: RawSpan) -> Bool {
    var reader = WireReader(bytes)
    do throws(WireError) {
      try reader.seek(to: 6, "counts")
      let answers = Int(try reader.readUInt16("ANCOUNT"))
      let authorities = Int(try reader.readUInt16("NSCOUNT"))
      let additionals = Int(try reader.readUInt16("ARCOUNT"))
      let count = answers + authorities + additionals
      if count == 0 { return true }
      try reader.seek(to: questionEnd, "question")
      for index in 0..<count {
        let start = reader.offset
        try Self.skipName(&reader)
        let type = try reader.readUInt16("TYPE")
        let size = try reader.readUInt16("CLASS")
        let ttl = try reader.readUInt32("TTL")
        let length = Int(try reader.readUInt16("RDLENGTH"))
        let dataStart = reader.offset
        let data = try reader.readSpan(length, "RDATA")
        guard type == RecordType.opt.rawValue else {
          if type == RecordType.tsig.rawValue { isSigned = true }
          continue
        }
        // One OPT, of the root, in the additional section (RFC 6891 §6.1.1).
        guard !hasEDNS, index >= answers + authorities, bytes.byte(at: start) == 0 else { return false }
        udpSize = Int(size)
        version = UInt8(truncatingIfNeeded: ttl >> 16)
        wantsDNSSEC = ttl & 0x8000 != 0
        guard readOptions(data, at: dataStart) else { return false }
      }
      return true
    } catch {
      return false
    }
  }

  private mutating func readOptions(_ data: RawSpan, at start: Int) -> Bool {
    var reader = WireReader(data)
    while !reader.isAtEnd {
      guard let code = try? reader.readUInt16("OPTION-CODE"), let length = try? reader.readUInt16("OPTION-LENGTH"),
        (try? reader.skip(Int(length), "OPTION-DATA")) != nil
      else { return false }
      if code == EDNSOption.nsid { wantsIdentifier = true }
      // A client cookie has 8 octets, with a server's 16 to 40 (RFC 7873 §5.2.2).
      if code == EDNSOption.cookie {
        guard length == 8 || (16...40).contains(length) else { return false }
        // Of several, the first one counts (RFC 7873 §5.2).
        if cookieLength == 0 {
          cookie = start + reader.offset - Int(length)
          cookieLength = Int(length)
        }
      }
    }
    return true
  }

  static func skipName(_ reader: inout WireReader) throws(WireError) {
    while true {
      let length = try reader.readUInt8("name")
      if length == 0 { return }
      if length >= 0xC0 {
        try reader.skip(1, "pointer")
        return
      }
      guard length <= 63 else { throw WireError(.malformed, "label length", at: reader.offset) }
      try reader.skip(Int(length), "label")
    }
  }
}
