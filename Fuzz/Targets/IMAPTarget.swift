import IMAPCore
import SASLCore
import TestKit
import WireKit

extension FuzzTarget {
  static let imapCommand = FuzzTarget(
    "imap-command", "A command is read or refused; what is read keeps its bounds: sets, keys, names."
  ) { bytes in
    guard let head = try? CommandParser.head(of: bytes), let verb = Verb.table[head.verb] else { return }
    guard
      let command = try? CommandParser(isUTF8: bytes.count & 1 == 1).command(verb, in: bytes, at: head.argumentsOffset)
    else { return }
    switch command {
    case .fetch(let set, _, _, _), .copy(let set, _, _), .move(let set, _, _), .store(let set, _, _):
      try check(set.numbers(largest: 1000))
    case .create(let name, _), .delete(let name), .subscribe(let name, _):
      // What was read is written so that it reads the same.
      let wire = name.wire(isUTF8: false)
      try require(MailboxName(wire: wire, isUTF8: false) == name, "\(name) comes back as something else")
    default: break
    }
  }

  private static func check(_ set: NumberSet) throws {
    var last: UInt32?
    for range in set.ranges {
      if let last { try require(range.lowerBound > last && range.lowerBound - last > 1, "ranges touch") }
      last = range.upperBound
    }
  }

  static let imapNames = FuzzTarget(
    "imap-utf7", "A name in modified UTF-7 has one form: what decodes encodes to the same octets."
  ) { bytes in
    if let text = ModifiedUTF7.decode(bytes) {
      try require(ModifiedUTF7.encode(text) == bytes, "another form of one name")
    }
    let text = String(decoding: bytes, as: UTF8.self)
    try require(ModifiedUTF7.decode(ModifiedUTF7.encode(text)) == text, "a text is not its own")
    let pattern = ListPattern(text)
    if !text.contains("*"), !text.contains("%") {
      try require(pattern.matches(MailboxName(text).description), "a name is not its own pattern")
    }
  }

  static let imapServer = FuzzTarget(
    "imap-server", "However the stream is cut, the same answers leave; bodies and requests keep their order."
  ) { bytes in
    let input = FuzzInput(bytes)
    let whole = replies(to: [input.payload[...]])
    let parts = replies(to: input.pieces)
    try require(whole == parts, "\(whole.count) octets whole, \(parts.count) in pieces")
  }

  private static func replies(to pieces: [ArraySlice<UInt8>]) -> [UInt8] {
    let session = ServerSession(
      ServerSessionConfiguration(hostName: "h", isEncrypted: true, offersStartTLS: false))
    let driver = SessionDriver(session) { request -> IMAPReply? in
      switch request {
      case .authenticate(.password(let proof)): return .authentication(.granted(account: proof.name))
      case .authenticate: return .authentication(.failed(.denied))
      case .command(.select, _, _):
        var output = CommandOutput(.ok("Selected"))
        output.effect = .selected
        return .output(output)
      case .command(.notify(let arguments), _, _):
        var output = CommandOutput(.ok("Noted"))
        output.effect = .listening(arguments != nil)
        return .output(output)
      case .watch: return nil
      default: return .output(CommandOutput(.ok("Done")))
      }
    }
    driver.open()
    for piece in pieces {
      driver.receive(piece)
      var resumed = 0
      while resumed < driver.cancelled.count {
        resumed += 1
        driver.resume(.output(CommandOutput()), for: driver.cancelled[resumed - 1])
      }
    }
    driver.closeInput()
    return driver.takeOutput()
  }

  static let imapResponses = FuzzTarget(
    "imap-responses", "However a server's stream is cut, the client sees the same responses."
  ) { bytes in
    let input = FuzzInput(bytes)
    let whole = responses([input.payload[...]])
    let parts = responses(input.pieces)
    try require(whole == parts, "\(whole.count) whole, \(parts.count) in pieces")
  }

  private static func responses(_ pieces: [ArraySlice<UInt8>]) -> [[UInt8]] {
    var framer = ResponseFramer(limit: 1 << 20)
    var result: [[UInt8]] = []
    do throws(ResponseFramer.Malformed) {
      for piece in pieces {
        try framer.append(piece)
        while let response = try framer.next() {
          // Whatever it is, reading it ends.
          _ = ServerResponse(response)
          result.append(response)
        }
      }
    } catch { result.append(Array("malformed".utf8)) }
    return result
  }
}
