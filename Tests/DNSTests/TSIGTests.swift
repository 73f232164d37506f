import DNSCore
import Testing
import WireKit

@Suite struct TSIGTests {
  private static let now: UInt64 = 1_700_000_000

  private static func key(_ algorithm: TSIGAlgorithm = .hmacSHA256, name: String = "ns2.") throws -> TSIGKey {
    TSIGKey(name: try Name(name), algorithm: algorithm, secret: Array(0..<32))
  }

  private static func query(_ id: UInt16 = 7) throws -> [UInt8] {
    try Message(header: Header(id: id), questions: [Question(try Name("lab.test."), .soa)], edns: EDNS()).encoded()
  }

  @Test(arguments: TSIGAlgorithm.allCases)
  func requestAndAnswerOfManyMessages(algorithm: TSIGAlgorithm) throws {
    let key = try Self.key(algorithm)
    var verifier = TSIGVerifier(key)
    let plain = try Self.query()
    var request = plain
    verifier.sign(&request, now: Self.now)
    guard case .valid(let stripped, var transaction) = TSIGCheck.check(request, TSIGKeyring([key]), now: Self.now + 200)
    else { throw Unexpected() }
    #expect(stripped == plain)
    for index in 0..<5 {
      var message = try Message(header: Header(id: 7, flags: .response), questions: []).encoded()
      message += []
      let before = message
      transaction.sign(&message)
      #expect(message.count == before.count + transaction.length)
      // Every second message travels without its signature being looked at first: the chain holds all the same.
      #expect(try verifier.verify(message, now: Self.now) == before, "message \(index)")
    }
    #expect(verifier.isComplete)
  }

  @Test func unsignedMessagesBetweenSignedOnes() throws {
    let key = try Self.key()
    var verifier = TSIGVerifier(key)
    var request = try Self.query()
    verifier.sign(&request, now: Self.now)
    guard case .valid(_, var transaction) = TSIGCheck.check(request, TSIGKeyring([key]), now: Self.now) else {
      throw Unexpected()
    }
    var first = try Message(header: Header(id: 7, flags: .response)).encoded()
    transaction.sign(&first)
    _ = try verifier.verify(first, now: Self.now)
    let unsigned = try Message(header: Header(id: 7, flags: .response)).encoded()
    for _ in 0..<99 { _ = try verifier.verify(unsigned, now: Self.now) }
    #expect(!verifier.isComplete)
    #expect(throws: TSIGVerifier.Failure.unsigned) { try verifier.verify(unsigned, now: Self.now) }
    // The first one must be signed.
    var other = TSIGVerifier(key)
    other.sign(&request, now: Self.now)
    #expect(throws: TSIGVerifier.Failure.unsigned) { try other.verify(unsigned, now: Self.now) }
  }

  @Test func whatIsWrongIsSaid() throws {
    let key = try Self.key()
    let plain = try Self.query()
    let signed = { (key: TSIGKey, now: UInt64) in
      var request = plain
      var verifier = TSIGVerifier(key)
      verifier.sign(&request, now: now)
      return request
    }
    let check = { (request: [UInt8], now: UInt64) in TSIGCheck.check(request, TSIGKeyring([key]), now: now) }
    guard case .unsigned = check(plain, Self.now) else { throw Unexpected() }
    guard case .failed(.badKey, let reply) = check(signed(try Self.key(name: "other."), Self.now), Self.now) else {
      throw Unexpected()
    }
    let badKey = try #require(try TSIGRecord.find(in: reply))
    #expect(badKey.record.error == .badKey && badKey.record.mac.isEmpty && reply[3] == 9)
    guard case .failed(.badKey, _) = check(signed(try Self.key(.hmacSHA512), Self.now), Self.now) else {
      throw Unexpected()
    }
    let forger = TSIGKey(name: key.name, algorithm: .hmacSHA256, secret: Array(1...32))
    guard case .failed(.badSignature, _) = check(signed(forger, Self.now), Self.now) else { throw Unexpected() }
    // Every octet of the message counts, its id apart, which resolvers in between may change.
    let request = signed(key, Self.now)
    for place in 2..<(request.count - 40) where place != 11 {
      var changed = request
      changed[place] ^= 1
      if case .valid = check(changed, Self.now) { Issue.record("octet \(place) is not covered") }
    }
    var renumbered = request
    renumbered[0] ^= 255
    guard case .valid(plain, _) = check(renumbered, Self.now) else { throw Unexpected() }
    // Late: signed all the same, with the server's time.
    guard case .failed(.badTime, let late) = check(request, Self.now + 301) else { throw Unexpected() }
    let record = try #require(try TSIGRecord.find(in: late)).record
    #expect(record.error == .badTime && record.other.count == 6 && record.time == Self.now)
    var client = TSIGVerifier(key)
    var again = plain
    client.sign(&again, now: Self.now)
    #expect(throws: TSIGVerifier.Failure.refused(.badTime)) { try client.verify(late, now: Self.now) }
  }

  @Test func truncatedSignatures() throws {
    let key = try Self.key()
    var request = try Self.query()
    var verifier = TSIGVerifier(key)
    verifier.sign(&request, now: Self.now)
    // The MAC stands 16+6 octets before the end; cut to `length` octets.
    let cut = { (length: Int) in
      var bytes = Array(request.dropLast(6 + 32)) + request.dropLast(6).suffix(32).prefix(length) + request.suffix(6)
      let sizePlace = request.count - 6 - 32 - 2
      bytes[sizePlace + 1] = UInt8(length)
      // RDLENGTH: name, 8 octets, then the length.
      let place = sizePlace - 8 - 13 - 2
      let old = Int(bytes[place]) << 8 | Int(bytes[place + 1])
      bytes[place] = UInt8((old - 32 + length) >> 8)
      bytes[place + 1] = UInt8((old - 32 + length) & 255)
      return bytes
    }
    guard case .valid = TSIGCheck.check(cut(16), TSIGKeyring([key]), now: Self.now) else { throw Unexpected() }
    guard case .malformed = TSIGCheck.check(cut(15), TSIGKeyring([key]), now: Self.now) else { throw Unexpected() }
    guard case .malformed = TSIGCheck.check(cut(0), TSIGKeyring([key]), now: Self.now) else { throw Unexpected() }
  }

  @Test func onlyTheLastRecordSigns() throws {
    let key = try Self.key()
    var request = try Self.query()
    var verifier = TSIGVerifier(key)
    verifier.sign(&request, now: Self.now)
    guard case .malformed = TSIGCheck.check(request + [0], TSIGKeyring([key]), now: Self.now) else {
      throw Unexpected()
    }
    for end in 12..<request.count {
      guard case .malformed = TSIGCheck.check(Array(request[..<end]), TSIGKeyring([key]), now: Self.now) else {
        throw Unexpected()
      }
    }
  }

  @Test func secretsAreNotPrinted() throws {
    #expect("\(try Self.key())" == "ns2. (hmac-sha256)")
    #expect(!String(reflecting: try Self.key()).contains("31"))
  }
}

private struct Unexpected: Error {}
