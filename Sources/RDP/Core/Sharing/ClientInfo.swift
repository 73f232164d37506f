import WireKit

/// The Client Info PDU (MS-RDPBCGR 2.2.1.11): who wants to log in, and how the connection performs.
struct ClientInfo {
  var domain = ""
  var userName = ""
  var password = HiddenText("")
  /// INFO_AUTOLOGON: log in by what is here, without asking.
  var wantsLogIn = false
  var performanceFlags: UInt32 = 0

  /// From the data of the I/O channel.
  init(_ data: RawSpan) throws(WireError) {
    var reader = WireReader(data)
    let security: UInt16 = try reader.readLittleEndian("security flags")
    // SEC_INFO_PKT, and never SEC_ENCRYPT: there is no encryption here but TLS.
    guard security & 0x0040 != 0, security & 0x0008 == 0 else { throw WireError(.malformed, "security flags") }
    try reader.skip(2 + 4, "code page")
    let flags: UInt32 = try reader.readLittleEndian("info flags")
    wantsLogIn = flags & 0x8 != 0
    let isUnicode = flags & 0x10 != 0
    var lengths: [Int] = []
    for _ in 0..<5 { lengths.append(Int(try reader.readLittleEndian("info length", as: UInt16.self))) }
    let terminator = isUnicode ? 2 : 1
    domain = try Self.text(&reader, lengths[0], isUnicode, "domain")
    try reader.skip(terminator, "domain")
    userName = try Self.text(&reader, lengths[1], isUnicode, "user name")
    try reader.skip(terminator, "user name")
    password = HiddenText(try Self.text(&reader, lengths[2], isUnicode, "password"))
    try reader.skip(terminator, "password")
    try reader.skip(lengths[3] + terminator, "alternate shell")
    try reader.skip(lengths[4] + terminator, "working directory")
    readExtended(&reader)
  }

  private static func text(
    _ reader: inout WireReader, _ length: Int, _ isUnicode: Bool, _ subject: StaticString
  ) throws(WireError) -> String {
    // MS-RDPBCGR 2.2.1.11.1.1 allows 512 bytes for each.
    guard length <= 512 else { throw WireError(.tooLong, subject, at: reader.offset) }
    let span = try reader.readSpan(length, subject)
    return isUnicode ? UTF16Text.decode(span) : String(decoding: span.copied().prefix { $0 != 0 }, as: UTF8.self)
  }

  /// TS_EXTENDED_INFO_PACKET: optional from end to end, and nothing in it is needed, so what is cut short is left out.
  private mutating func readExtended(_ reader: inout WireReader) {
    do {
      try reader.skip(2, "address family")
      try reader.skip(Int(try reader.readLittleEndian("address length", as: UInt16.self)), "address")
      try reader.skip(Int(try reader.readLittleEndian("folder length", as: UInt16.self)), "folder")
      try reader.skip(172 + 4, "time zone")
      performanceFlags = try reader.readLittleEndian("performance flags")
    } catch {}
  }
}
