import WireKit

/// The MCS packets after the connection (T.125 §7; MS-RDPBCGR 2.2.1.5 to 2.2.1.9 and 2.2.2).
enum DomainPDU: ~Escapable {
  case erectDomain
  case attachUser
  case channelJoin(user: UInt16, channel: UInt16)
  /// Data on a channel, from a client.
  case data(channel: UInt16, RawSpan)
  case disconnect(reason: UInt8)

  /// The user channels begin here; PER sends the distance.
  static let firstUser: UInt16 = 1001

  /// From a whole TPKT, behind the header of `X224Data`.
  @_lifetime(copy packet)
  init(_ packet: RawSpan) throws(WireError) {
    var reader = try X224Data.open(packet)
    let choice = try reader.readUInt8("MCS choice")
    switch choice >> 2 {
    // The heights and intervals of the domain mean nothing to a server: some clients send nonsense there.
    case 1: self = .erectDomain
    case 10: self = .attachUser
    case 14:
      let user = try reader.readUInt16("initiator")
      self = .channelJoin(
        user: user.addingReportingOverflow(Self.firstUser).partialValue, channel: try reader.readUInt16("channel"))
    case 25:
      try reader.skip(2, "initiator")
      let channel = try reader.readUInt16("channel")
      try reader.skip(1, "priority")
      let length = try reader.readPERLength("MCS length")
      self = .data(channel: channel, try reader.readSpan(length, "MCS data"))
    case 8: self = .disconnect(reason: try reader.readUInt8("reason"))
    default: throw WireError(.unsupported, "MCS choice", at: 7)
    }
  }
}

/// The X.224 data header (RFC 905 §13.7).
enum X224Data {
  /// A reader behind the header of a whole TPKT.
  @_lifetime(copy packet)
  static func open(_ packet: RawSpan) throws(WireError) -> WireReader {
    var reader = WireReader(packet)
    try reader.skip(TPKT.headerSize, "TPKT")
    guard try reader.readUInt8("X.224 length") == 2, try reader.readUInt8("X.224 code") == 0xF0,
      try reader.readUInt8("X.224 end") == 0x80
    else { throw WireError(.malformed, "X.224 data", at: 4) }
    return reader
  }
}

extension [UInt8] {
  mutating func appendAttachUserConfirm(user: UInt16) {
    appendX224Data { output in
      output.append(contentsOf: [0x2E, 0])
      output.appendInteger(user &- DomainPDU.firstUser)
    }
  }

  mutating func appendChannelJoinConfirm(user: UInt16, channel: UInt16) {
    appendX224Data { output in
      output.append(contentsOf: [0x3E, 0])
      output.appendInteger(user &- DomainPDU.firstUser)
      output.appendInteger(channel)
      output.appendInteger(channel)
    }
  }

  /// A refusal: result 4, no such channel (T.125 §7, `rt-no-such-channel`), and no channel.
  mutating func appendChannelJoinRefusal(user: UInt16, channel: UInt16) {
    appendX224Data { output in
      output.append(contentsOf: [0x3C, 0x30])
      output.appendInteger(user &- DomainPDU.firstUser)
      output.appendInteger(channel)
    }
  }

  /// Data for the client on a channel; `body` appends at most 16,383 bytes.
  mutating func appendSendDataIndication(channel: UInt16, _ body: (inout [UInt8]) -> Void) {
    appendX224Data { output in
      output.append(0x68)
      output.appendInteger(ServerChannels.server &- DomainPDU.firstUser)
      output.appendInteger(channel)
      output.append(0x70)
      var contents: [UInt8] = []
      body(&contents)
      // Always the long form: clients take it, and the length of the packet stays easy to foresee.
      output.appendInteger(UInt16(clamping: contents.count) & 0x3FFF | 0x8000)
      output.append(contentsOf: contents)
    }
  }

  mutating func appendDisconnectProviderUltimatum() {
    appendX224Data { $0.append(contentsOf: [0x21, 0x80]) }
  }
}

/// The channel numbers that this server gives out.
enum ServerChannels {
  /// The server's own user number, as every server has it.
  static let server: UInt16 = 1002
  /// The channel of graphics and input.
  static let io: UInt16 = 1003
  /// Static channels follow; then the message channel and the client's user.
  static let firstStatic: UInt16 = 1004
}
