import WireKit

/// A client that climbs the ladder of a connection, rung by rung, up to the first picture, and tells how far it came. For
/// probes and tests: it shows nothing.
public struct ClientSession: StreamSession, ~Copyable {
  public typealias Request = Never
  public typealias Reply = Never
  public typealias Body = Never

  /// What has happened.
  public enum Event: Sendable, Equatable {
    /// A rung was reached, with what was seen there.
    case rung(Rung, String)
    /// The end: the rung that was not reached, and why; `nil` when all were.
    case failed(Rung, String)
    case finished
  }

  /// The rungs, in their order.
  public enum Rung: String, Sendable, CaseIterable {
    case negotiation = "X.224 negotiation"
    case tls = "TLS"
    case nla = "NLA challenge"
    case connection = "MCS connection"
    case channels = "MCS channels"
    case licence = "licence"
    case capabilities = "capabilities"
    case activation = "activation"
    case picture = "first picture"
  }

  private let protocols: SecurityProtocols
  private let width: UInt16
  private let height: UInt16
  private var rung = Rung.negotiation
  private var selected = SecurityProtocols.legacy
  private var user: UInt16 = 0
  private var channelsLeft: [UInt16] = []
  private var shareID: UInt32 = 0
  private var updates = 0
  private var isOver = false

  private static var timer: SessionTimer { SessionTimer(1) }

  /// - Parameter protocols: What is offered; with NLA the ladder ends at the server's challenge, as it has no log-in.
  public init(protocols: SecurityProtocols = .ssl, width: UInt16 = 800, height: UInt16 = 600) {
    self.protocols = protocols
    self.width = width
    self.height = height
  }

  public var maximumPendingInput: Int { 65_536 }

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    actions.setTimer(Self.timer, at: now + .seconds(10))
    let request = ConnectionRequest(cookie: nil, protocols: protocols)
    actions.write { request.encode(into: &$0) }
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
    do throws(WireError) {
      while !isOver, rung != .tls, let count = try takeOne(input, from: consumed, into: &actions) { consumed += count }
    } catch {
      fail(error.description, into: &actions)
    }
    return isOver ? input.byteCount : consumed
  }

  private mutating func takeOne(
    _ input: RawSpan, from offset: Int, into actions: inout Actions
  ) throws(WireError) -> Int? {
    if rung == .nla {
      let rest = input.extracting(offset..<input.byteCount)
      guard let length = try TSRequest.length(in: rest) else { return nil }
      try takeChallenge(TSRequest(rest.extracting(0..<length)), into: &actions)
      return length
    }
    switch try TPKT.find(in: input, at: offset, limits: RDPLimits()) {
    case .incomplete: return nil
    case .slowPath(let length):
      try take(input.extracting(offset..<offset + length), into: &actions)
      return length
    case .fastPath(_, let length):
      updates += 1
      if rung == .picture { finish("\(updates) updates", into: &actions) }
      return length
    }
  }

  public mutating func tlsEstablished(
    _ parameters: TLSParameters, now: MonotonicTime, into actions: inout Actions
  ) {
    reach(.tls, parameters.version, next: selected == .ssl ? .connection : .nla, into: &actions)
    if rung == .nla {
      var request = TSRequest()
      // NTLM's first message, with the flags of every client of today.
      request.token = NTLMSignature.bytes + [1, 0, 0, 0, 0xB7, 0x82, 0x08, 0xE2] + [UInt8](repeating: 0, count: 24)
      actions.write { request.encode(into: &$0) }
    } else {
      sendConnectInitial(into: &actions)
    }
  }

  public mutating func resume(
    _ reply: consuming Never, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {}

  public mutating func timerFired(_ timer: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    fail("no answer in time", into: &actions)
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    fail("the server closed the connection", into: &actions)
  }

  // MARK: The ladder

  private mutating func reach(_ reached: Rung, _ detail: String, next: Rung, into actions: inout Actions) {
    actions.event(.rung(reached, detail))
    rung = next
  }

  private mutating func finish(_ detail: String, into actions: inout Actions) {
    actions.event(.rung(rung, detail))
    actions.event(.finished)
    isOver = true
    actions.close()
  }

  private mutating func fail(_ reason: String, into actions: inout Actions) {
    guard !isOver else { return }
    isOver = true
    actions.event(.failed(rung, reason))
    actions.close(.immediately)
  }

  private mutating func takeChallenge(_ request: TSRequest, into actions: inout Actions) throws(WireError) {
    guard let token = request.token else { return fail("the server sent no token", into: &actions) }
    let span = token.span.bytes
    _ = try NTLMSignature.open(span, type: 2)
    finish("CredSSP version \(request.version), NTLM", into: &actions)
  }

  private mutating func take(_ packet: RawSpan, into actions: inout Actions) throws(WireError) {
    switch rung {
    case .negotiation:
      switch try ConnectionConfirm(packet) {
      case .failed(let failure): fail("the server refused: \(failure)", into: &actions)
      case .selected(let protocols, _):
        guard protocols != .legacy else { return fail("the server has no TLS", into: &actions) }
        selected = protocols
        reach(.negotiation, protocols.name, next: .tls, into: &actions)
        actions.startTLS()
      }
    case .connection:
      var reader = try X224Data.open(packet)
      var response = WireReader(try reader.readBER(0x7F66, "Connect-Response"))
      guard try response.readBER(0x0A, "result").copied() == [0] else {
        return fail("the server refused the MCS connection", into: &actions)
      }
      reach(.connection, "\(packet.byteCount) bytes", next: .channels, into: &actions)
      actions.write { output in
        output.appendX224Data { $0 += [0x04, 1, 0, 1, 0] }
        output.appendX224Data { $0 += [0x28] }
      }
    case .channels: try takeChannel(packet, into: &actions)
    default: try takeShared(packet, into: &actions)
    }
  }

  private mutating func takeChannel(_ packet: RawSpan, into actions: inout Actions) throws(WireError) {
    var reader = try X224Data.open(packet)
    let choice = try reader.readUInt8("MCS choice")
    guard try reader.readUInt8("result") == 0 else { return fail("the server refused a channel", into: &actions) }
    if choice >> 2 == 11 {
      user = try reader.readUInt16("user").addingReportingOverflow(DomainPDU.firstUser).partialValue
      channelsLeft = [user, ServerChannels.io]
    }
    guard let channel = channelsLeft.popLast() else {
      reach(.channels, "user \(user)", next: .licence, into: &actions)
      return sendClientInfo(into: &actions)
    }
    let number = user &- DomainPDU.firstUser
    actions.write { output in
      output.appendX224Data { output in
        output.append(0x38)
        output.appendInteger(number)
        output.appendInteger(channel)
      }
    }
  }

  private mutating func takeShared(_ packet: RawSpan, into actions: inout Actions) throws(WireError) {
    var reader = try X224Data.open(packet)
    let choice = try reader.readUInt8("MCS choice")
    guard choice >> 2 == 26 else { return fail("the server disconnected", into: &actions) }
    try reader.skip(5, "MCS header")
    var data = WireReader(try reader.readSpan(try reader.readPERLength("MCS length"), "MCS data"))
    if rung == .licence {
      try data.skip(8, "licence header")
      let code: UInt32 = try data.readLittleEndian("licence code")
      guard code == 7 else { return fail("the server wants a licence (code \(code))", into: &actions) }
      return reach(.licence, "none needed", next: .capabilities, into: &actions)
    }
    try data.skip(2, "total length")
    let type: UInt16 = try data.readLittleEndian("share type")
    try data.skip(2, "source")
    switch type & 0xF {
    case 1:
      guard rung == .capabilities else { return }
      shareID = try data.readLittleEndian("share id")
      reach(.capabilities, "\(data.remaining) bytes", next: .activation, into: &actions)
      sendActivation(into: &actions)
    case 7:
      try data.skip(8, "share data header")
      let kind = try data.readUInt8("share data type")
      if kind == ShareDataType.fontMap {
        reach(.activation, "active", next: .picture, into: &actions)
      } else if kind == ShareDataType.update, rung == .picture {
        finish("slow-path update", into: &actions)
      }
    default: break
    }
  }

  // MARK: What is sent

  private func sendConnectInitial(into actions: inout Actions) {
    var blocks: [UInt8] = []
    blocks.appendLittleEndian(UInt16(0xC001))
    blocks.appendLittleEndian(UInt16(216))
    blocks.appendLittleEndian(UInt32(0x0008_0004))
    for value in [width, height, 0xCA01, 0xAA03] as [UInt16] { blocks.appendLittleEndian(value) }
    blocks.appendLittleEndian(UInt32(0x0409))
    blocks.appendLittleEndian(UInt32(2600))
    var name = UTF16Text.encode("portside")
    name += [UInt8](repeating: 0, count: 32 - name.count)
    blocks += name + [4, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0] + [UInt8](repeating: 0, count: 64)
    for value in [0xCA03, 1, 0, 0, 24, 0x000F, 0x0003] as [UInt16] { blocks.appendLittleEndian(value) }
    blocks += [UInt8](repeating: 0, count: 66)
    blocks.appendLittleEndian(selected.rawValue)
    blocks.appendLittleEndian(UInt16(0xC002))
    blocks += [12, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    let body = blocks
    actions.write { output in
      output.appendX224Data { output in
        output.appendBER(0x7F65) { initial in
          initial += [4, 1, 1, 4, 1, 1, 1, 1, 0xFF]
          for sizes in [
            [34, 2, 0, 1, 0, 1, 65_535, 2], [1, 1, 1, 1, 0, 1, 1056, 2], [65_535, 64_535, 65_535, 1, 0, 1, 65_535, 2],
          ]
            as [[UInt32]]
          {
            initial.appendBER(0x30) { for value in sizes { $0.appendBERInteger(value) } }
          }
          initial.appendBER(0x04) { conference in
            conference += [0, 5, 0, 0x14, 0x7C, 0, 1]
            conference.appendPERLength(body.count + 14)
            conference += [0, 8, 0, 0x10, 0, 1, 0xC0, 0] + Array("Duca".utf8)
            conference.appendPERLength(body.count)
            conference += body
          }
        }
      }
    }
  }

  /// Data for the server on the I/O channel.
  private func send(_ contents: [UInt8], into actions: inout Actions) {
    let number = user &- DomainPDU.firstUser
    actions.write { output in
      output.appendX224Data { output in
        output.append(0x64)
        output.appendInteger(number)
        output.appendInteger(ServerChannels.io)
        output.append(0x70)
        output.appendPERLength(contents.count)
        output += contents
      }
    }
  }

  /// Without a user: the server shows its log-in screen.
  private func sendClientInfo(into actions: inout Actions) {
    var info: [UInt8] = [0x40, 0, 0, 0, 0, 0, 0, 0]
    info.appendLittleEndian(UInt32(0x0000_0133))
    info += [UInt8](repeating: 0, count: 10 + 10)
    send(info, into: &actions)
  }

  private func sendActivation(into actions: inout Actions) {
    var sets: [UInt8] = []
    sets += [1, 0, 24, 0, 1, 0, 3, 0, 0, 2, 0, 0, 0, 0, 0x05, 0x04, 0, 0, 0, 0, 0, 0, 0, 0]
    sets += [2, 0, 28, 0, 24, 0, 1, 0, 1, 0, 1, 0]
    sets.appendLittleEndian(width)
    sets.appendLittleEndian(height)
    sets += [0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0]
    var confirm: [UInt8] = []
    confirm.appendLittleEndian(shareID)
    confirm += [0xEA, 0x03, 4, 0]
    confirm.appendLittleEndian(UInt16(clamping: sets.count + 4))
    confirm += Array("PRT".utf8) + [0, 2, 0, 0, 0] + sets
    send(Self.control(type: 0x13, source: user, confirm), into: &actions)
    for (type, body) in [
      (ShareDataType.synchronize, [1, 0, 0xEA, 3]), (ShareDataType.control, [4, 0, 0, 0, 0, 0, 0, 0]),
      (ShareDataType.control, [1, 0, 0, 0, 0, 0, 0, 0]), (ShareDataType.fontList, [0, 0, 0, 0, 3, 0, 50, 0]),
    ] as [(UInt8, [UInt8])] {
      var data: [UInt8] = []
      data.appendLittleEndian(shareID)
      data += [0, 1]
      data.appendLittleEndian(UInt16(clamping: body.count + 4))
      data += [type, 0, 0, 0] + body
      send(Self.control(type: 0x17, source: user, data), into: &actions)
    }
  }

  private static func control(type: UInt16, source: UInt16, _ body: [UInt8]) -> [UInt8] {
    var packet: [UInt8] = []
    packet.appendLittleEndian(UInt16(clamping: body.count + 6))
    packet.appendLittleEndian(type)
    packet.appendLittleEndian(source)
    return packet + body
  }
}
