import MailSetup
import ManageSieveCore
import SMTPCore
import TestKit

extension FuzzTarget {
  static let manageSieve = FuzzTarget(
    "managesieve", "However the stream is cut, the same answers leave; no script is longer than it may be."
  ) { bytes in
    let input = FuzzInput(bytes)
    let whole = try sieveAnswers(to: [input.payload[...]])
    let parts = try sieveAnswers(to: input.pieces)
    try require(whole == parts, "\(whole.count) octets whole, \(parts.count) in pieces")
  }

  private static func sieveAnswers(to pieces: [ArraySlice<UInt8>]) throws -> [UInt8] {
    let profile = SieveProfile(offersTLS: false, allowsPlaintext: true, extensions: ["fileinto"])
    var longest = 0
    let driver = SessionDriver(ManageSieveSession(profile: profile, isEncrypted: false)) { request in
      switch request {
      case .authenticate(.scramParameters):
        return .sasl(.scramParameters(.init(salt: [1], iterations: 4096, nonce: "n")))
      case .authenticate: return .sasl(.granted(account: "ann@lab.test", serverSignature: [1]))
      case .list: return .scripts([("one", true), ("\u{22}\n", false)])
      case .get: return .content([0x0D])
      case .put(_, _, let content), .check(let content):
        longest = max(longest, content.count)
        return .reply(.ok)
      default: return .reply(.ok)
      }
    }
    driver.open()
    for piece in pieces { driver.receive(piece) }
    try require(longest <= profile.limits.scriptSize, "a script of \(longest) bytes")
    return driver.takeOutput()
  }

  static let manageSieveClient = FuzzTarget(
    "managesieve-client", "Whatever a server says, the client tells one outcome, and never goes on after its end."
  ) { bytes in
    let input = FuzzInput(bytes)
    let plan = SievePlan(
      security: .never, credential: .password(name: "a", .init([0x61])), nonce: "abcdefgh", allowsPlaintextLogIn: true)
    let driver = SessionDriver(ManageSieveClientSession(plan: plan))
    driver.open()
    for piece in input.pieces { driver.receive(piece) }
    driver.closeInput()
    let outcomes = driver.events.count { if case .finished = $0 { true } else { false } }
    try require(outcomes == 1, "\(outcomes) outcomes")
  }

  static let mailSetup = FuzzTarget(
    "mail-setup", "A policy that was read reads the same again; an address that is taken has nothing of XML in it."
  ) { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    if let policy = MTASTSPolicy(text) { try require(MTASTSPolicy(policy.text) == policy, "\(policy)") }
    _ = MTASTSRecord([text])
    _ = TLSReportRecord([text])
    for address in [SetupAddress(text), SetupAddress(query: text), SetupAddress(autodiscover: bytes)] {
      try require(address.map { !$0.address.contains { "<>&\"'".contains($0) } } ?? true, "\(text)")
    }
  }
}
