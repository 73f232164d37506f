import WireKit

/// Our side of one conversation with a milter, about one message.
///
/// ```
/// us: O version actions steps          milter: O …
/// us: D…C…  (macros, connection)       milter: c
/// us: H helo   M sender   R recipient  milter: c c c
/// us: L field … N   B body … E         milter: + h m b …, then c, a, r, t, d or y
/// ```
public struct MilterSession: StreamSession, ~Copyable {
  public typealias Request = MilterRequest
  public typealias Reply = MilterPiece
  public typealias Body = Never
  public typealias Event = MilterEvent

  /// Bytes of a piece of the body.
  public static let pieceSize = 65_535
  private static let timer = SessionTimer(1)
  private static let maximumChanges = 500
  private static let maximumBody = 64 << 20

  private enum Step: Equatable {
    case connect, hello, mail
    case recipient(Int)
    case data
    case field(Int)
    case endOfHeader, body, endOfBody
  }

  private enum Phase {
    case negotiating
    case asking
    case piece
    case over
  }

  private let message: MilterMessage
  private let patience: Duration
  private let reader = MilterReader()
  private var phase = Phase.negotiating
  private var options: UInt32 = 0
  private var step = Step.connect
  private var verdict = MilterVerdict(.accept)
  private var lastTicket: UInt64 = 0

  /// - Parameter patience: How long each answer may take.
  public init(message: MilterMessage, patience: Duration) {
    self.message = message
    self.patience = patience
  }

  public var maximumPendingInput: Int { Int(MilterReader.maximumSize) + 8 }

  // MARK: From the driver

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    var data: [UInt8] = []
    data.appendInteger(MilterOptions.version)
    data.appendInteger(MilterOptions.actions)
    data.appendInteger(MilterOptions.steps)
    send(MilterPacket("O", data), now, &actions)
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
    while consumed < input.byteCount {
      if case .over = phase { return input.byteCount }
      let (taken, outcome) = reader.next(in: input.extracting(consumed..<input.byteCount))
      consumed += taken
      switch outcome {
      case .incomplete: return consumed
      case .broken:
        finish(.failed("its answer is none of a milter"), &actions)
        return input.byteCount
      case .packet(let packet): take(packet, now, &actions)
      }
    }
    return consumed
  }

  public mutating func resume(
    _ reply: consuming MilterPiece, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    guard case .piece = phase else { return }
    switch reply {
    case .bytes(let bytes):
      phase = .asking
      send(MilterPacket("B", Array(bytes.prefix(Self.pieceSize))), now, &actions)
      if options & MilterOptions.unansweredBody != 0 { askForPiece(&actions) }
    case .end:
      phase = .asking
      go(to: .endOfBody, now, &actions)
    case .failed: finish(.failed("the message can't be read"), &actions)
    }
  }

  public mutating func timerFired(_: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    finish(.failed("it did not answer in time"), &actions)
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    finish(.failed("it ended the connection"), &actions)
  }

  // MARK: Answers

  private mutating func take(_ packet: MilterPacket, _ now: MonotonicTime, _ actions: inout Actions) {
    actions.setTimer(Self.timer, at: now + patience)
    if case .negotiating = phase { return negotiated(packet, now, &actions) }
    switch packet.letter {
    case UInt8(ascii: "p"): break
    case UInt8(ascii: "c"): continueBehind(&actions, now)
    case UInt8(ascii: "s"):
      if case .body = step { go(to: .endOfBody, now, &actions) } else { continueBehind(&actions, now) }
    case UInt8(ascii: "a"): finish(.accept, &actions)
    case UInt8(ascii: "r"): finish(.reject, &actions)
    case UInt8(ascii: "t"), UInt8(ascii: "4"), UInt8(ascii: "f"): finish(.temporary, &actions)
    case UInt8(ascii: "d"): finish(.discard, &actions)
    case UInt8(ascii: "y"): finish(Self.reply(packet.data), &actions)
    default:
      guard step == .endOfBody, change(packet) else {
        return finish(.failed("its answer makes no sense here"), &actions)
      }
    }
  }

  private mutating func negotiated(_ packet: MilterPacket, _ now: MonotonicTime, _ actions: inout Actions) {
    guard packet.letter == UInt8(ascii: "O"), packet.data.count >= 12 else {
      return finish(.failed("it did not agree on a version"), &actions)
    }
    var numbers: [UInt32] = []
    for start in [0, 4, 8] { numbers.append(packet.data[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }) }
    guard numbers[0] >= 2, numbers[2] & ~MilterOptions.steps == 0 else {
      return finish(.failed("it wants what is not offered here"), &actions)
    }
    options = numbers[2]
    phase = .asking
    go(to: .connect, now, &actions)
  }

  /// A change of the message; whether it was one.
  private mutating func change(_ packet: MilterPacket) -> Bool {
    guard verdict.changes.count < Self.maximumChanges else { return false }
    let data = packet.data
    switch packet.letter {
    case UInt8(ascii: "+"), UInt8(ascii: "2"):
      guard let address = Self.texts(data).first.map(Self.bare) else { return false }
      verdict.changes.append(.addRecipient(address))
    case UInt8(ascii: "-"):
      guard let address = Self.texts(data).first.map(Self.bare) else { return false }
      verdict.changes.append(.removeRecipient(address))
    case UInt8(ascii: "e"):
      guard let address = Self.texts(data).first.map(Self.bare) else { return false }
      verdict.changes.append(.sender(address))
    case UInt8(ascii: "h"):
      guard let (name, value) = Self.field(data[...]) else { return false }
      verdict.changes.append(.addField(name: name, value: value))
    case UInt8(ascii: "i"), UInt8(ascii: "m"):
      guard data.count >= 4, let (name, value) = Self.field(data[4...]) else { return false }
      let number = Int(data[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
      verdict.changes.append(
        packet.letter == UInt8(ascii: "i")
          ? .insertField(at: number, name: name, value: value)
          : .changeField(name: name, number: number, value: value.isEmpty ? nil : value))
    case UInt8(ascii: "b"):
      guard (verdict.body?.count ?? 0) + data.count <= Self.maximumBody else { return false }
      verdict.body = (verdict.body ?? []) + data
    case UInt8(ascii: "q"):
      verdict.quarantine = Self.texts(data).first.map { String(decoding: $0, as: UTF8.self) } ?? ""
    default: return false
    }
    return true
  }

  private static func texts(_ data: [UInt8]) -> [ArraySlice<UInt8>] {
    data.split(separator: 0, omittingEmptySubsequences: false)
  }

  private static func bare(_ address: ArraySlice<UInt8>) -> String {
    let text = String(decoding: address, as: UTF8.self)
    return text.hasPrefix("<") && text.hasSuffix(">") ? String(text.dropFirst().dropLast()) : text
  }

  /// A name and a value; `nil` where the name is none (RFC 5322 §2.2), or the value would begin another field.
  private static func field(_ data: ArraySlice<UInt8>) -> (String, [UInt8])? {
    let parts = data.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, parts[0].count <= 100,
      parts[0].allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x3A })
    else { return nil }
    var value: [UInt8] = []
    for byte in parts[1].prefix(while: { $0 != 0 }) where byte != 0x0D {
      // A line end within a value is a fold, whatever the milter wrote behind it.
      if byte == 0x0A {
        // An empty line would end the header.
        if value.last != 0x0A { value += [0x0D, 0x0A] }
        continue
      }
      if value.last == 0x0A, byte != 0x20, byte != 0x09 { value.append(0x09) }
      value.append(byte)
    }
    while value.last == 0x0A || value.last == 0x0D { value.removeLast() }
    return (String(decoding: parts[0], as: UTF8.self), value)
  }

  private static func reply(_ data: [UInt8]) -> MilterVerdict.Decision {
    let text = String(decoding: data.prefix { $0 != 0 }, as: UTF8.self)
    guard let code = Int(text.prefix(3)), (400..<600).contains(code) else { return .temporary }
    return .reply(code: code, text: String(text.dropFirst(4)))
  }

  // MARK: Steps

  private mutating func continueBehind(_ actions: inout Actions, _ now: MonotonicTime) {
    switch step {
    case .connect: go(to: .hello, now, &actions)
    case .hello: go(to: .mail, now, &actions)
    case .mail: go(to: message.recipients.isEmpty ? .data : .recipient(0), now, &actions)
    case .recipient(let index):
      go(to: index + 1 < message.recipients.count ? .recipient(index + 1) : .data, now, &actions)
    case .data: go(to: message.fields.isEmpty ? .endOfHeader : .field(0), now, &actions)
    case .field(let index): go(to: index + 1 < message.fields.count ? .field(index + 1) : .endOfHeader, now, &actions)
    case .endOfHeader: go(to: .body, now, &actions)
    case .body: askForPiece(&actions)
    case .endOfBody: finish(.accept, &actions)
    }
  }

  /// Sends this step; those that the milter does not want, or does not answer, are passed at once.
  private mutating func go(to first: Step, _ now: MonotonicTime, _ actions: inout Actions) {
    step = first
    while true {
      if case .body = step {
        if options & MilterOptions.noBody == 0 { return askForPiece(&actions) }
        step = .endOfBody
        continue
      }
      let (skips, isUnanswered) = flags(of: step)
      if options & skips == 0 {
        sendStep(now, &actions)
        guard options & isUnanswered != 0 else { return }
      }
      guard let next = following(step) else { return }
      step = next
    }
  }

  private func following(_ step: Step) -> Step? {
    switch step {
    case .connect: .hello
    case .hello: .mail
    case .mail: message.recipients.isEmpty ? .data : .recipient(0)
    case .recipient(let index): index + 1 < message.recipients.count ? .recipient(index + 1) : .data
    case .data: message.fields.isEmpty ? .endOfHeader : .field(0)
    case .field(let index): index + 1 < message.fields.count ? .field(index + 1) : .endOfHeader
    case .endOfHeader: .body
    case .body: .endOfBody
    case .endOfBody: nil
    }
  }

  private func flags(of step: Step) -> (skips: UInt32, isUnanswered: UInt32) {
    switch step {
    case .connect: (MilterOptions.noConnect, MilterOptions.unansweredConnect)
    case .hello: (MilterOptions.noHello, MilterOptions.unansweredHello)
    case .mail: (MilterOptions.noMail, MilterOptions.unansweredMail)
    case .recipient: (MilterOptions.noRecipient, MilterOptions.unansweredRecipient)
    case .data: (MilterOptions.noData, MilterOptions.unansweredData)
    case .field: (MilterOptions.noHeader, MilterOptions.unansweredHeader)
    case .endOfHeader: (MilterOptions.noEndOfHeader, MilterOptions.unansweredEndOfHeader)
    case .body: (MilterOptions.noBody, MilterOptions.unansweredBody)
    case .endOfBody: (0, 0)
    }
  }

  private func sendStep(_ now: MonotonicTime, _ actions: inout Actions) {
    switch step {
    case .connect:
      macros("C", [("j", message.hostname), ("{daemon_name}", message.hostname), ("v", "Portside")], now, &actions)
      var data = MilterPacket.texts([message.clientName])
      data.append(message.client.address.family == .v4 ? UInt8(ascii: "4") : UInt8(ascii: "6"))
      data.appendInteger(message.client.port)
      let address = message.client.address
      data += MilterPacket.texts([address.family == .v4 ? "\(address)" : "IPv6:\(address)"])
      send(MilterPacket("C", data), now, &actions)
    case .hello:
      if let version = message.tlsVersion { macros("H", [("{tls_version}", version)], now, &actions) }
      send(MilterPacket("H", MilterPacket.texts([message.helloName])), now, &actions)
    case .mail:
      var values = [("i", message.id), ("{mail_addr}", message.sender)]
      if let account = message.account { values += [("{auth_type}", "PLAIN"), ("{auth_authen}", account)] }
      macros("M", values, now, &actions)
      send(MilterPacket("M", MilterPacket.texts(["<\(message.sender)>"])), now, &actions)
    case .recipient(let index):
      macros("R", [("{rcpt_addr}", message.recipients[index])], now, &actions)
      send(MilterPacket("R", MilterPacket.texts(["<\(message.recipients[index])>"])), now, &actions)
    case .data:
      macros("T", [("i", message.id)], now, &actions)
      send(MilterPacket("T"), now, &actions)
    case .field(let index):
      let field = message.fields[index]
      // Folds are LF alone there.
      let value = field.value.filter { $0 != 0 && $0 != 0x0D }
      send(MilterPacket("L", MilterPacket.texts([field.name]) + value + [0]), now, &actions)
    case .endOfHeader: send(MilterPacket("N"), now, &actions)
    case .body: break
    case .endOfBody:
      macros("E", [("i", message.id)], now, &actions)
      send(MilterPacket("E"), now, &actions)
    }
  }

  private func macros(
    _ letter: Character, _ values: [(String, String)], _ now: MonotonicTime, _ actions: inout Actions
  ) {
    send(
      MilterPacket("D", [letter.asciiValue ?? 0] + MilterPacket.texts(values.flatMap { [$0.0, $0.1] })), now, &actions)
  }

  // MARK: Small things

  private mutating func askForPiece(_ actions: inout Actions) {
    step = .body
    phase = .piece
    lastTicket += 1
    actions.request(.piece, Ticket(lastTicket))
  }

  private func send(_ packet: MilterPacket, _ now: MonotonicTime, _ actions: inout Actions) {
    actions.write { packet.encode(into: &$0) }
    actions.setTimer(Self.timer, at: now + patience)
  }

  private mutating func finish(_ decision: MilterVerdict.Decision, _ actions: inout Actions) {
    if case .over = phase { return }
    phase = .over
    verdict.decision = decision
    // Changes count only with a yes behind them.
    if decision != .accept { (verdict.changes, verdict.body) = ([], nil) }
    actions.event(.finished(verdict))
    actions.write { MilterPacket("Q").encode(into: &$0) }
    actions.close()
  }
}
