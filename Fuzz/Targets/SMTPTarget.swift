import SASLCore
import SMTPCore
import SieveCore
import TestKit
import WireKit

extension FuzzTarget {
  static let smtpServer = FuzzTarget(
    "smtp-server",
    "However the stream is cut, the same replies leave and the same message comes; no message has a bare CR or LF."
  ) { bytes in
    let input = FuzzInput(bytes)
    let whole = try smtpReplies(to: [input.payload[...]])
    let parts = try smtpReplies(to: input.pieces)
    try require(whole == parts, "\(whole.count) octets whole, \(parts.count) in pieces")
  }

  private static func smtpReplies(to pieces: [ArraySlice<UInt8>]) throws -> [UInt8] {
    let profile = ServerProfile(role: .submission, hostname: "s.test", offersTLS: false, allowsPlaintext: true)
    let driver = SessionDriver(ServerSession(profile: profile, isEncrypted: false)) { request in
      switch request {
      case .authenticate(.password): .sasl(.granted(account: "ann@lab.test"))
      case .authenticate(.scramParameters): .sasl(.scramParameters(.init(salt: [1], iterations: 4096, nonce: "n")))
      case .authenticate: .sasl(.granted(account: "ann@lab.test", serverSignature: [1]))
      case .sender, .recipient: .reply(SMTPReply(250, "2.1.0", "OK"))
      case .postmaster: .reply(SMTPReply(550, "5.1.1", "no"))
      case .message: nil
      }
    }
    driver.open()
    for piece in pieces {
      driver.receive(piece)
      // An answer may let the next message in, which waited behind it.
      while let ticket = driver.requests.first(where: { driver.completedBodies.contains($0.ticket) })?.ticket {
        let body = driver.bodies[ticket] ?? []
        for (index, byte) in body.enumerated() {
          let isEnd = byte == 0x0A ? index > 0 && body[index - 1] == 0x0D : true
          let isStart = byte == 0x0D ? index + 1 < body.count && body[index + 1] == 0x0A : true
          try require(isEnd && isStart, "a bare line end at \(index)")
        }
        driver.resume(.reply(SMTPReply(250, "2.0.0", "kept")), for: ticket)
      }
    }
    return driver.takeOutput()
  }

  static let smtpClient = FuzzTarget(
    "smtp-client", "Whatever a server says, the client tells one outcome at most, and never goes on after its end."
  ) { bytes in
    let input = FuzzInput(bytes)
    guard let sender = MailAddress("a@b.test"), let recipient = MailAddress("c@d.test") else { return }
    let envelope = Envelope(sender: .address(sender), recipients: [.init(recipient)])
    let plan = ClientPlan(
      helloName: "c.test", security: .never, credential: .password(name: "a", SASLSecret([0x61])), nonce: "abcdefgh",
      allowsPlaintextLogIn: true, envelope: envelope, size: 1)
    let driver = SessionDriver(ClientSession(plan: plan)) { _ in .end }
    driver.open()
    for piece in input.pieces { driver.receive(piece) }
    driver.closeInput()
    let outcomes = driver.events.count { if case .finished = $0 { true } else { false } }
    try require(outcomes == 1, "\(outcomes) outcomes")
  }

  static let smtpAddress = FuzzTarget("smtp-address", "An address that was read reads the same again.") { bytes in
    guard let address = MailAddress(String(decoding: bytes, as: UTF8.self)) else { return }
    try require(MailAddress(address.description) == address, "\(address)")
  }

  static let saslServer = FuzzTarget(
    "sasl-server", "Whatever a client says, an exchange ends, and grants only what was judged."
  ) {
    bytes in
    for mechanism in SASLMechanism.allCases {
      var exchange = SASLServerExchange(mechanism, binding: ChannelBinding(name: "tls-exporter", data: [1]))
      var step = exchange.begin(bytes)
      for _ in 0..<8 {
        switch step {
        case .challenge: step = exchange.receive(bytes)
        case .question: step = exchange.resume(.failed(.denied))
        case .granted: try require(false, "granted without a judgement")
        case .failed: break
        }
      }
    }
  }

  static let sieveScript = FuzzTarget("sieve-script", "A script that is understood runs, to an end.") { bytes in
    guard let script = try? SieveScript(String(decoding: bytes, as: UTF8.self)) else { return }
    let outcome = SieveInterpreter.run(script, on: SampleMessage())
    try require(outcome.actions.count <= 40, "\(outcome.actions.count) actions")
  }

  private struct SampleMessage: SieveMessage {
    var size: Int64 { 100 }
    var envelopeFrom: String { "a@b.test" }
    var envelopeTo: String { "c+d@e.test" }
    var now: Int64 { 1_800_000_000 }
    func header(_ name: String) -> [String] { ["Tue, 1 Apr 1997 09:06:31 -0800", "one * two ${1}"] }
    func addresses(_ name: String) -> [String] { ["a@b.test", "c"] }
    func text() -> String { "text" }
    func raw() -> String { "raw" }
    func hasMailbox(_ name: String) -> Bool { name.count > 3 }
  }
}
