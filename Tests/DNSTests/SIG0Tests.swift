import DNSCore
import DNSSecurity
import Testing
import WireKit

/// Updates signed by a public key (RFC 2931).
@Suite struct SIG0Tests {
  private static let now: UInt32 = 1_700_000_000

  /// An update, signed as RFC 2931 §3.1 says.
  private func signed(
    _ key: SigningKey, inception: UInt32 = now - 300, expiration: UInt32 = now + 300
  ) throws -> (whole: [UInt8], plain: [UInt8]) {
    let record = ResourceRecord(try Name("a.lab.test."), ttl: 60, try RData("192.0.2.1", type: .a))
    let plain = try Message(
      header: Header(id: 7, opcode: .update), questions: [Question(try Name("lab.test."), .soa)], authorities: [record]
    ).encoded()
    var fields: [UInt8] = [0, 0, key.algorithm.rawValue, 0, 0, 0, 0, 0]
    fields.appendInteger(expiration)
    fields.appendInteger(inception)
    fields.appendInteger(key.tag)
    fields += try Name("Host.lab.test.").wire
    let signature = try key.sign(fields + plain)
    var whole = plain
    whole += [0, 0, 24, 0, 255, 0, 0, 0, 0]
    whole.appendInteger(UInt16(fields.count + signature.count))
    whole += fields + signature
    whole.setInteger(UInt16(1), at: 10)
    return (whole, plain)
  }

  private func keyRecord(_ key: SigningKey) throws -> RData {
    var wire: [UInt8] = []
    key.record.encode(into: &wire)
    return try RData(type: .key, wire: wire.span.bytes)
  }

  @Test(arguments: [SecurityAlgorithm.ecdsaP256, .ed25519])
  func whatTheKeySignedIsBelieved(algorithm: SecurityAlgorithm) throws {
    let (key, other) = (try SigningKey(algorithm, flags: 0x200), try SigningKey(algorithm, flags: 0x200))
    let (whole, plain) = try signed(key)
    let found = try #require(try SIG0Record.find(in: whole))
    let host = try Name("host.lab.test.")
    #expect(found.plain == plain && found.signer == host)
    let keys = [try keyRecord(other), try keyRecord(key)]
    #expect(found.isSigned(by: keys, now: Self.now))
    #expect(!found.isSigned(by: [keys[0]], now: Self.now) && !found.isSigned(by: [], now: Self.now))
    #expect(!found.isSigned(by: keys, now: Self.now + 301) && !found.isSigned(by: keys, now: Self.now - 301))
    // Each changed octet is noticed; none can trap.
    for place in whole.indices {
      var changed = whole
      changed[place] ^= 0x20
      guard let found = try? SIG0Record.find(in: changed) else { continue }
      // The record's class and TTL are not signed.
      guard !(plain.count + 3..<plain.count + 9).contains(place) else { continue }
      #expect(!found.isSigned(by: keys, now: Self.now), "octet \(place)")
    }
    for length in whole.indices {
      let found = try? SIG0Record.find(in: Array(whole[..<length]))
      #expect((found ?? nil) == nil)
    }
  }

  /// A signature that lives long could be sent again by whoever heard it; a key that is not for this is none.
  @Test func longLivesAndKeysForOtherThingsAreRefused() throws {
    let key = try SigningKey(.ed25519, flags: 0x200)
    let long = try #require(try SIG0Record.find(in: try signed(key, expiration: Self.now + 86_400).whole))
    #expect(!long.isSigned(by: [try keyRecord(key)], now: Self.now))
    let silent = try SigningKey(.ed25519, flags: 0x8200)
    let found = try #require(try SIG0Record.find(in: try signed(silent).whole))
    #expect(!found.isSigned(by: [try keyRecord(silent)], now: Self.now))
  }

  /// Only at the very end, of the root, in the additional section.
  @Test func elsewhereItIsMalformed() throws {
    let key = try SigningKey(.ed25519, flags: 0x200)
    let (whole, _) = try signed(key)
    #expect(throws: WireError.self) { try SIG0Record.find(in: whole + [0]) }
    var moved = whole
    moved.setInteger(UInt16(0), at: 10)
    moved.setInteger(UInt16(2), at: 8)
    #expect(throws: WireError.self) { try SIG0Record.find(in: moved) }
    let unsigned = try SIG0Record.find(in: try signed(key).plain)
    #expect(unsigned == nil)
  }
}
