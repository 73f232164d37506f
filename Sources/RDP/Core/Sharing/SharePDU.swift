import WireKit

/// The packets of the I/O channel (MS-RDPBCGR 2.2.8.1.1.1), as a client sends them.
enum SharePDU: ~Escapable {
  /// Confirm Active with its capability sets.
  case confirmActive(shareID: UInt32, RawSpan)
  /// A data packet: `pduType2` and what is behind the header.
  case data(type: UInt8, RawSpan)
  /// A flow or other control packet without meaning for a server.
  case other(type: UInt16)

  /// One of possibly several in the data of the I/O channel: reads it, and leaves the reader behind it. Lengths are those
  /// that MCS vouches for, as some clients send a wrong `totalLength`.
  @_lifetime(copy reader)
  init(_ reader: inout WireReader) throws(WireError) {
    let start = reader.offset
    let total: UInt16 = try reader.readLittleEndian("total length")
    // T.128's flow packets: 0x8000, eight bytes in all.
    if total == 0x8000 {
      try reader.skip(6, "flow packet")
      self = .other(type: 0x8000)
      return
    }
    let type: UInt16 = try reader.readLittleEndian("share control type")
    let available = reader.bytes.byteCount - start
    let length = (4...available).contains(Int(total)) ? Int(total) : available
    var body = WireReader(try reader.readSpan(start + length - reader.offset, "share control"))
    try body.skip(min(2, body.remaining), "share control source")
    switch type & 0xF {
    case 3:
      let shareID: UInt32 = try body.readLittleEndian("share id")
      self = .confirmActive(shareID: shareID, try body.readSpan(body.remaining, "confirm active"))
    case 7:
      try body.skip(8, "share data header")
      let kind = try body.readUInt8("share data type")
      let compression = try body.readUInt8("compressed type")
      guard compression & 0x20 == 0 else { throw WireError(.unsupported, "compressed input") }
      try body.skip(2, "compressed length")
      self = .data(type: kind, try body.readSpan(body.remaining, "share data"))
    default: self = .other(type: type)
    }
  }
}

/// The types of data packets (MS-RDPBCGR 2.2.8.1.1.1.2).
enum ShareDataType {
  static let update: UInt8 = 2
  static let control: UInt8 = 20
  static let pointer: UInt8 = 27
  static let input: UInt8 = 28
  static let synchronize: UInt8 = 31
  static let refreshRectangle: UInt8 = 33
  static let suppressOutput: UInt8 = 35
  static let shutdownRequest: UInt8 = 36
  static let shutdownDenied: UInt8 = 37
  static let saveSessionInfo: UInt8 = 38
  static let fontList: UInt8 = 39
  static let fontMap: UInt8 = 40
  static let setErrorInfo: UInt8 = 47
}

extension [UInt8] {
  /// A control packet on the I/O channel.
  mutating func appendShareControl(type: UInt16, channel: UInt16 = ServerChannels.io, _ body: (inout [UInt8]) -> Void) {
    appendSendDataIndication(channel: channel) { output in
      output.appendLittleEndian(UInt16(0))
      output.appendLittleEndian(type | 0x10)
      output.appendLittleEndian(ServerChannels.server)
      body(&output)
      output.setLittleEndian(UInt16(clamping: output.count), at: 0)
    }
  }

  /// A data packet on the I/O channel (MS-RDPBCGR 2.2.8.1.1.1.2).
  mutating func appendShareData(type: UInt8, shareID: UInt32, _ body: (inout [UInt8]) -> Void) {
    appendShareControl(type: 7) { output in
      output.appendLittleEndian(shareID)
      output.append(contentsOf: [0, 1])
      var contents: [UInt8] = []
      body(&contents)
      output.appendLittleEndian(UInt16(clamping: contents.count + 4))
      output.append(contentsOf: [type, 0, 0, 0])
      output.append(contentsOf: contents)
    }
  }

  /// The licence server's word that no licence is needed (MS-RDPBCGR 2.2.1.12): 20 bytes, STATUS_VALID_CLIENT.
  mutating func appendValidClient() {
    appendSendDataIndication(channel: ServerChannels.io) { output in
      // SEC_LICENSE_PKT; then ERROR_ALERT, version 3, 16 bytes; code 7, no transition, an empty blob. Without the
      // EXTENDED_ERROR flag, which mstsc takes amiss.
      output.append(contentsOf: [0x80, 0, 0, 0, 0xFF, 0x03, 16, 0, 7, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0])
    }
  }
}

/// Why a server ends a session (MS-RDPBCGR 2.2.5.1.1).
public enum ErrorInfo: UInt32, Sendable, Hashable {
  case administratorDisconnected = 1
  case idleTimeout = 3
  case logOnTimeout = 4
  case deniedConnection = 7
  case loggedOffByUser = 12
}
