import MilterCore
import TestKit
import Testing
import WireKit

struct MilterSessionTests {
  private static let message = MilterMessage(
    hostname: "srv.test", clientName: "c.test", client: Endpoint(IPAddress(192, 0, 2, 1), 25), helloName: "c.test",
    id: "id1", sender: "a@b.test", recipients: ["c@d.test"],
    fields: [("Subject", Array("one\r\n two".utf8)), ("From", Array("a@b.test".utf8))])

  private func driver() -> SessionDriver<MilterSession> {
    let driver = SessionDriver(MilterSession(message: Self.message, patience: .seconds(10)))
    driver.open()
    return driver
  }

  private func packet(_ letter: Character, _ data: [UInt8] = []) -> [UInt8] {
    var bytes: [UInt8] = []
    MilterPacket(letter, data).encode(into: &bytes)
    return bytes
  }

  private func negotiated(_ steps: UInt32) -> [UInt8] {
    var data: [UInt8] = []
    for number in [6, 0x1FF, steps] as [UInt32] { data.appendInteger(number) }
    return packet("O", data)
  }

  private func letters(_ bytes: [UInt8]) -> String {
    var (text, rest) = ("", bytes[...])
    while rest.count >= 5 {
      let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
      text.append(Character(Unicode.Scalar(rest[rest.startIndex + 4])))
      rest = rest.dropFirst(4 + length)
    }
    return text
  }

  private func verdict(_ driver: SessionDriver<MilterSession>) -> MilterVerdict? {
    driver.events.compactMap { if case .finished(let verdict) = $0 { verdict } else { nil } }.first
  }

  @Test(arguments: [1, 3, 1_000]) func aWholeConversation(_ piece: Int) throws {
    let driver = driver()
    var said = letters(driver.takeOutput())
    func answer(_ bytes: [UInt8]) {
      for start in stride(from: 0, to: bytes.count, by: piece) {
        driver.receive(Array(bytes[start..<min(start + piece, bytes.count)]))
      }
      said += letters(driver.takeOutput())
    }
    answer(negotiated(0))
    for _ in 0..<8 { answer(packet("c")) }
    driver.resume(.bytes(Array("body\r\n".utf8)), for: try #require(driver.requests.last?.ticket))
    said += letters(driver.takeOutput())
    answer(packet("c"))
    driver.resume(.end, for: try #require(driver.requests.last?.ticket))
    said += letters(driver.takeOutput())
    #expect(said == "ODCHDMDRDTLLNBDE")
    answer(packet("h", Array("X-Spam\0yes\nno\0".utf8)))
    answer(packet("m", [0, 0, 0, 1] + Array("Subject\0\0".utf8)))
    answer(packet("-", Array("<c@d.test>\0".utf8)) + packet("+", Array("<e@d.test>\0".utf8)))
    answer(packet("p") + packet("b", Array("new".utf8)) + packet("q", Array("why\0".utf8)) + packet("c"))
    let verdict = try #require(self.verdict(driver))
    #expect(
      verdict.changes == [
        .addField(name: "X-Spam", value: Array("yes\r\n\tno".utf8)),
        .changeField(name: "Subject", number: 1, value: nil), .removeRecipient("c@d.test"), .addRecipient("e@d.test"),
      ])
    #expect(verdict.decision == .accept && verdict.body == Array("new".utf8) && verdict.quarantine == "why")
    #expect(said.hasSuffix("Q"))
  }

  /// Steps that are not wanted are left out; those that go unanswered are not waited for.
  @Test func whatIsNotWantedIsLeftOut() {
    let driver = driver()
    _ = driver.takeOutput()
    driver.receive(negotiated(0x01 | 0x02 | 0x10 | 0x80 | 0x40000 | 0x4000 | 0x8000 | 0x200))
    #expect(letters(driver.takeOutput()) == "DMDRLLNDE")
  }

  @Test(
    arguments: [
      ("r", [], MilterVerdict.Decision.reject), ("t", [], .temporary), ("d", [], .discard),
      ("y", Array("554 5.7.1 no\0".utf8), .reply(code: 554, text: "5.7.1 no")),
      ("y", Array("220 x\0".utf8), .temporary),
      ("h", Array("X\0y\0".utf8), .failed("its answer makes no sense here")),
    ] as [(Character, [UInt8], MilterVerdict.Decision)])
  func decisions(_ letter: Character, _ data: [UInt8], _ decision: MilterVerdict.Decision) {
    let driver = driver()
    driver.receive(negotiated(0))
    driver.receive(packet(letter, data))
    #expect(verdict(driver)?.decision == decision && verdict(driver)?.changes.isEmpty == true)
  }

  /// No field that a milter adds is more than one, and none has a name that is none.
  @Test func hostileFieldsDontPass() throws {
    let driver = driver()
    driver.receive(negotiated(0x01 | 0x02 | 0x10 | 0x80 | 0x40000 | 0x4000 | 0x8000 | 0x200))
    driver.receive(packet("h", Array("X: y\r\nBcc\0z\0".utf8)))
    #expect(verdict(driver)?.decision == .failed("its answer makes no sense here"))
  }

  @Test func whatIsNoMilterFails() {
    for bytes in [Array("HTTP/1.1 400\r\n\r\n".utf8), [0, 0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF, 0x4F]] {
      let driver = driver()
      driver.receive(bytes)
      driver.closeInput()
      guard case .failed = verdict(driver)?.decision else {
        Issue.record("\(bytes)")
        continue
      }
    }
  }
}
