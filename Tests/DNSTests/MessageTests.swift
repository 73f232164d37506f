import DNSCore
import TestKit
import Testing
import WireKit

@Suite struct MessageTests {
  private func sample() throws -> Message {
    let name = try Name("www.lab.test.")
    return Message(
      header: Header(id: 7, flags: [.response, .authoritative, .recursionDesired]),
      questions: [Question(name, .mx)],
      answers: try [
        ResourceRecord(name, ttl: 60, RData("10 mail.lab.test.", type: .mx)),
        ResourceRecord(name, ttl: 60, RData("20 mail.lab.test.", type: .mx)),
      ],
      authorities: [
        ResourceRecord(try Name("lab.test."), ttl: 60, try RData("ns.lab.test. who. 1 2 3 4 5", type: .soa))
      ],
      additionals: [ResourceRecord(try Name("mail.lab.test."), ttl: 60, try RData("2001:db8::1", type: .aaaa))],
      edns: EDNS(
        wantsDNSSEC: true,
        options: [
          ExtendedError(code: ExtendedError.prohibited, text: "no").option,
          try #require(Cookie(client: [1, 2, 3, 4, 5, 6, 7, 8])).option,
        ]))
  }

  @Test func roundTrip() throws {
    let message = try sample()
    let bytes = try message.encoded()
    let again = try Message.decode(bytes.span.bytes)
    #expect(again == message)
    #expect(try again.encoded() == bytes)
    // Names are written once.
    #expect(bytes.count == 12 + 18 + 2 * 12 + 2 + 7 + 2 + 2 + 12 + 7 + 5 + 20 - 2 + 12 + 16 + 11 + 8 + 12)
    #expect(again.edns?.options.compactMap { ExtendedError($0)?.text } == ["no"])
    #expect(again.edns?.options.compactMap { Cookie($0)?.client.count } == [8])
  }

  @Test func everyCutThrows() throws {
    let bytes = try sample().encoded()
    for count in 0..<bytes.count {
      #expect(throws: WireError.self, "\(count)") { try Message.decode(bytes.span.bytes.extracting(0..<count)) }
    }
    #expect(throws: WireError.self) { try Message.decode((bytes + [0]).span.bytes) }
  }

  @Test func anyOctetMayBeAnything() throws {
    let bytes = try sample().encoded()
    for index in bytes.indices {
      for value in UInt8.min ... .max {
        var changed = bytes
        changed[index] = value
        guard let message = try? Message.decode(changed.span.bytes) else { continue }
        let again = try message.encoded()
        #expect(try Message.decode(again.span.bytes) == message)
      }
    }
  }

  @Test func noiseNeverTraps() throws {
    var random = SeededGenerator(seed: 1)
    let answering = try Answering([("lab.test.", exampleZone)])
    let valid = try sample().encoded()
    for _ in 0..<20_000 {
      var bytes = Bool.random(using: &random) ? valid : (0..<Int.random(in: 0..<80, using: &random)).map { _ in 0 }
      for _ in 0..<Int.random(in: 1..<12, using: &random) where !bytes.isEmpty {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
      }
      if bytes.count > 2 { bytes[2] &= 0x7F }
      if let message = try? Message.decode(bytes.span.bytes) { _ = try? message.encoded() }
      if let reply = answering.reply(to: bytes) { _ = try Message.decode(reply.span.bytes) }
    }
  }

  @Test func refusedForms() throws {
    let twoOPT = "00000000000000000000000200002904d000000000000000002904d00000000000 00"
    let optInAnswer = "000080000000000100000000 00002904d00000000000 00"
    let namedOPT = "0000000000000000000000 01 0161 00002904d000000000 0000"
    for hex in [twoOPT, optInAnswer, namedOPT] {
      let digits = Array(hex.filter { $0 != " " })
      let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
        UInt8(String(digits[$0...($0 + 1)]), radix: 16)
      }
      #expect(throws: WireError.self, "\(hex)") { try Message.decode(bytes.span.bytes) }
    }
    #expect(Cookie(client: [1]) == nil)
    #expect(Cookie(client: [1, 2, 3, 4, 5, 6, 7, 8], server: [1]) == nil)
  }
}
