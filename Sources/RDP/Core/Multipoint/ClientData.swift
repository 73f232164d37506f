import WireKit

/// What a client says of itself in the MCS Connect Initial (MS-RDPBCGR 2.2.1.3): the blocks of the GCC conference.
public struct ClientData: Sendable, Hashable {
  /// A static channel that the client asks for (2.2.1.3.4.1).
  public struct Channel: Sendable, Hashable {
    /// At most seven characters, ASCII.
    public var name: String
    public var options: UInt32
  }

  public var version: UInt32 = 0
  public var desktopWidth = 0
  public var desktopHeight = 0
  /// The session's colour depth that the client wants, in bits: 8, 15, 16, 24 or 32.
  public var colorDepth = 16
  public var keyboardLayout: UInt32 = 0
  public var clientBuild: UInt32 = 0
  public var clientName = ""
  public var earlyCapabilities: UInt16 = 0
  /// What the client believes was negotiated, where it says so.
  public var selectedProtocol: SecurityProtocols?
  public var channels: [Channel] = []
  public var wantsMessageChannel = false
  public var monitorCount = 0

  /// RNS_UD_CS_SUPPORT_ERRINFO_PDU: the client understands why it is disconnected.
  public var takesErrorInfo: Bool { earlyCapabilities & 0x0001 != 0 }

  init() {}

  /// From a whole TPKT that holds an MCS Connect Initial (T.125 §11.1).
  init(_ packet: RawSpan, limits: RDPLimits) throws(WireError) {
    var outer = try X224Data.open(packet)
    var reader = WireReader(try outer.readBER(0x7F65, "Connect-Initial"))
    _ = try reader.readBER(0x04, "calling domain")
    _ = try reader.readBER(0x04, "called domain")
    _ = try reader.readBER(0x01, "upward flag")
    for _ in 0..<3 { _ = try reader.readBER(0x30, "domain parameters") }
    var conference = WireReader(try reader.readBER(0x04, "user data"))
    try Self.skipConferenceHeader(&conference)
    while conference.remaining >= 4 {
      let type: UInt16 = try conference.readLittleEndian("block type")
      let length: UInt16 = try conference.readLittleEndian("block length")
      guard length >= 4 else { throw WireError(.outOfBounds, "block length", at: conference.offset - 2) }
      var block = WireReader(try conference.readSpan(Int(length) - 4, "block"))
      switch type {
      case 0xC001: try readCore(&block)
      case 0xC003: try readNetwork(&block, limits)
      case 0xC005:
        try block.skip(4, "monitor flags")
        monitorCount = Int(try block.readLittleEndian("monitor count", as: UInt32.self) & 0xFF)
      case 0xC006: wantsMessageChannel = true
      default: break
      }
    }
    guard desktopWidth > 0, desktopHeight > 0 else { throw WireError(.malformed, "core data") }
  }

  /// The ConferenceCreateRequest of T.124 §8.7 up to the user data, whose fields are constants in practice.
  private static func skipConferenceHeader(_ reader: inout WireReader) throws(WireError) {
    try reader.skip(1, "GCC choice")
    let key = try reader.readSpan(try Int(reader.readUInt8("T.124 key length")), "T.124 key")
    guard key.copied() == [0x00, 0x14, 0x7C, 0x00, 0x01] else { throw WireError(.malformed, "T.124 key") }
    _ = try reader.readPERLength("connect PDU length")
    try reader.skip(2, "conference create request")
    let digits = try reader.readPERLength("conference name")
    try reader.skip((digits + 2) / 2, "conference name")
    try reader.skip(1, "padding")
    guard try reader.readUInt8("user data sets") == 1 else { throw WireError(.malformed, "user data sets") }
    try reader.skip(1, "user data choice")
    let keyLength = try reader.readPERLength("H.221 key")
    guard keyLength == 0, try reader.readBytes(4, "H.221 key") == Array("Duca".utf8) else {
      throw WireError(.malformed, "H.221 key")
    }
    let length = try reader.readPERLength("user data")
    guard length <= reader.remaining else { throw WireError(.truncated, "user data", at: reader.offset) }
  }

  /// TS_UD_CS_CORE (2.2.1.3.2): the fields behind the IME name are optional, each only with all before it.
  private mutating func readCore(_ block: inout WireReader) throws(WireError) {
    version = try block.readLittleEndian("version")
    desktopWidth = Int(try block.readLittleEndian("desktop width", as: UInt16.self))
    desktopHeight = Int(try block.readLittleEndian("desktop height", as: UInt16.self))
    try block.skip(4, "color depth")
    keyboardLayout = try block.readLittleEndian("keyboard layout")
    clientBuild = try block.readLittleEndian("client build")
    clientName = UTF16Text.decode(try block.readSpan(32, "client name"))
    try block.skip(12 + 64, "keyboard")
    guard block.remaining >= 2 else { return }
    let oldDepth: UInt16 = try block.readLittleEndian("post-beta-2 color depth")
    colorDepth = [0xCA00: 8, 0xCA01: 8, 0xCA02: 15, 0xCA03: 16, 0xCA04: 24][oldDepth] ?? 16
    guard block.remaining >= 12 else { return }
    try block.skip(6, "product id")
    let depth: UInt16 = try block.readLittleEndian("high color depth")
    let supported: UInt16 = try block.readLittleEndian("supported color depths")
    earlyCapabilities = try block.readLittleEndian("early capabilities")
    if [4, 8, 15, 16, 24].contains(depth) { colorDepth = Int(depth) }
    // RNS_UD_CS_WANT_32BPP_SESSION and RNS_UD_32BPP_SUPPORT.
    if earlyCapabilities & 0x0002 != 0, supported & 0x0008 != 0 { colorDepth = 32 }
    guard block.remaining >= 64 + 2 + 4 else { return }
    try block.skip(64 + 2, "product id")
    selectedProtocol = SecurityProtocols(rawValue: try block.readLittleEndian("selected protocol"))
  }

  private mutating func readNetwork(_ block: inout WireReader, _ limits: RDPLimits) throws(WireError) {
    let count = try Unverified(block.readLittleEndian("channel count", as: UInt32.self))
      .verified(atMost: limits.maximumChannels, "channel count")
    channels = []
    for _ in 0..<count {
      let name = try block.readBytes(8, "channel name").prefix { $0 != 0 }
      let options: UInt32 = try block.readLittleEndian("channel options")
      channels.append(Channel(name: String(decoding: name, as: UTF8.self), options: options))
    }
  }
}

/// UTF-16LE, as all of Microsoft's texts are.
enum UTF16Text {
  /// Up to the first NUL; what is not well-formed becomes U+FFFD.
  static func decode(_ span: RawSpan) -> String {
    var units: [UInt16] = []
    var index = 0
    while index + 1 < span.byteCount {
      let unit = UInt16(span.byte(at: index) ?? 0) | UInt16(span.byte(at: index + 1) ?? 0) << 8
      if unit == 0 { break }
      units.append(unit)
      index += 2
    }
    return String(decoding: units, as: UTF16.self)
  }

  static func encode(_ text: String) -> [UInt8] {
    text.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
  }
}
