import DNSCore
import Testing
import WireKit

@Suite struct ProtectionTests {
  private static let secret: [UInt8] = [
    0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f, 0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf,
  ]

  private func ask(
    _ cookie: [UInt8], _ address: IPAddress, time: UInt32, secret: [UInt8] = secret
  ) throws -> (message: Message, result: ResponderResult) {
    var answering = try Answering([("lab.test.", exampleZone)])
    answering.settings.cookies = try #require(ServerCookies(secret: secret))
    let request = try Message(
      header: Header(id: 1), questions: [Question(try Name("lab.test."), .soa)],
      edns: EDNS(options: [EDNSOption(code: EDNSOption.cookie, data: cookie)])
    ).encoded()
    let responder = Responder(zones: answering.zones, settings: answering.settings)
    var bytes = [UInt8](repeating: 0, count: 2_048)
    var result: ResponderResult?
    var count = 0
    bytes.withUnsafeMutableBytes { bytes in
      var writer = FixedWriter(bytes.mutableBytes)
      result = responder.respond(
        to: request.span.bytes, over: .udp, from: RequestOrigin(address, time: time), into: &writer)
      count = writer.count
    }
    return (try Message.decode(Array(bytes[..<count])), try #require(result))
  }

  private func hex(_ text: String) -> [UInt8] {
    let digits = Array(text.utf8).compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  private func cookie(_ message: Message) -> [UInt8]? {
    message.edns?.options.first { $0.code == EDNSOption.cookie }?.data
  }

  /// RFC 9018 §A.1 to §A.4.
  @Test func vectorsOfTheStandard() throws {
    let client = hex("2464c4abcf10c957")
    let first = try ask(client, IPAddress(198, 51, 100, 100), time: 1_559_731_985)
    #expect(cookie(first.message) == hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480"))
    #expect(!first.result.hasServerCookie)
    let again = try ask(
      hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480"), IPAddress(198, 51, 100, 100), time: 1_559_734_385)
    #expect(again.result.hasServerCookie)
    #expect(cookie(again.message) == hex("2464c4abcf10c957010000005cf7a871d4a564a1442aca77"))
    // Reserved octets of another server's making are covered as they come.
    let other = try ask(
      hex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5"), IPAddress(203, 0, 113, 203), time: 1_559_727_985)
    #expect(other.result.hasServerCookie)
    let six = try ask(
      hex("22681ab97d52c298010000005cf7c57926556bd0934c72f8"),
      try #require(IPAddress("2001:db8:220:1:59de:d0f4:8769:82b8")), time: 1_559_741_961,
      secret: hex("dd3bdf9344b678b185a6f5cb60fca715"))
    #expect(six.result.hasServerCookie)
  }

  @Test func cookiesOfOthersAndOldOnes() throws {
    let good = hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480")
    let here = IPAddress(198, 51, 100, 100)
    #expect(try ask(good, here, time: 1_559_731_985 + 3_600).result.hasServerCookie)
    #expect(try !ask(good, here, time: 1_559_731_985 + 3_601).result.hasServerCookie)
    #expect(try ask(good, here, time: 1_559_731_985 - 300).result.hasServerCookie)
    #expect(try !ask(good, here, time: 1_559_731_985 - 301).result.hasServerCookie)
    #expect(try !ask(good, IPAddress(198, 51, 100, 101), time: 1_559_731_985).result.hasServerCookie)
    for place in good.indices {
      var forged = good
      forged[place] ^= 1
      #expect(try !ask(forged, here, time: 1_559_731_985).result.hasServerCookie, "octet \(place)")
    }
    #expect(try ask(Array(good.dropLast()), here, time: 1).message.responseCode == .noError)
    #expect(try ask(Array(good.prefix(9)), here, time: 1).message.responseCode == .formErr)
  }

  @Test func likeAnswersAreFew() {
    let limiter = RateLimiter(rate: 10, exempt: [IPNetwork("10.0.0.0/8")].compactMap { $0 }, size: 1_024)
    let origin = { (last: UInt8, time: UInt32) in RequestOrigin(IPAddress(192, 0, 2, last), time: time) }
    var verdicts: [RateLimiter.Verdict] = []
    for last in 0..<30 { verdicts.append(limiter.judge(origin(UInt8(last), 100), likeness: 7)) }
    #expect(verdicts.prefix(10).allSatisfy { $0 == .send })
    #expect(verdicts.dropFirst(10).count { $0 == .slip } == 10)
    #expect(verdicts.dropFirst(10).count { $0 == .drop } == 10)
    // Another network, other answers, exempt ones.
    #expect(limiter.judge(RequestOrigin(IPAddress(192, 0, 3, 1), time: 100), likeness: 7) == .send)
    #expect(limiter.judge(origin(1, 100), likeness: 8) == .send)
    for _ in 0..<100 {
      #expect(limiter.judge(RequestOrigin(IPAddress(10, 1, 1, 1), time: 100), likeness: 7) == .send)
      #expect(limiter.judge(RequestOrigin(IPAddress(127, 0, 0, 1), time: 100), likeness: 7) == .send)
    }
    // What is above the rate is paid back, a second's worth a second.
    #expect(limiter.judge(origin(1, 101), likeness: 7) != .send)
    #expect(limiter.judge(origin(1, 104), likeness: 7) == .send)
  }

  @Test func shortenedReplies() throws {
    let answering = try Answering([("lab.test.", exampleZone)])
    let request = try Message(
      header: Header(id: 9), questions: [Question(try Name("web.lab.test."), .a)], edns: EDNS()
    ).encoded()
    var bytes = try #require(answering.reply(to: request))
    let count = bytes.withUnsafeMutableBytes { memory in
      var writer = FixedWriter(memory.mutableBytes)
      try? writer.writeBytes(memory.bytes)
      Responder.shorten(&writer)
      return writer.count
    }
    let message = try Message.decode(Array(bytes[..<count]))
    #expect(message.header.flags.contains(.truncated) && message.answers.isEmpty && message.edns == nil)
    #expect(message.questions == [Question(try Name("web.lab.test."), .a)])
  }

  @Test func reasonsOfRefusals() throws {
    let answering = try Answering([("lab.test.", exampleZone)])
    let refused = try answering.ask("www.other.example.", .a)
    #expect(refused.edns?.options.compactMap { ExtendedError($0)?.code } == [ExtendedError.notAuthoritative])
    #expect(try answering.ask("www.lab.test.", .a).edns?.options == [])
  }
}
