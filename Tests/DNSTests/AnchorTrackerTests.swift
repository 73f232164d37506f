import DNSCore
import DNSSecurity
import Testing
import WireKit

/// RFC 5011 by its states.
@Suite struct AnchorTrackerTests {
  private static let day: UInt32 = 86_400
  private let old = Result { try SigningKey(.ecdsaP256, flags: 257) }
  private let new = Result { try SigningKey(.ecdsaP256, flags: 257) }

  /// A key set, signed by some of its keys.
  private func set(_ keys: [SigningKey], signedBy signers: [SigningKey], now: UInt32) throws -> SignedSet {
    var set = SignedSet(name: .root, type: .dnskey, ttl: 3600, data: keys.map { RData($0.record) })
    for signer in signers {
      var signature = RRSIG(
        covered: .dnskey, algorithm: .ecdsaP256, labels: 0, originalTTL: 3600, expiration: now + 100,
        inception: now - 100, keyTag: signer.tag, signer: .root)
      signature.signature = try signer.sign(try #require(signature.signedOctets(owner: .root, data: set.data)))
      set.signatures.append(signature)
    }
    return set
  }

  private func digest(_ key: SigningKey) throws -> DS { try #require(DS(of: key.record, zone: .root)) }

  @Test func aNewKeyIsTrustedAfterAMonth() throws {
    let (old, new) = (try old.get(), try new.get())
    var tracker = AnchorTracker(zone: .root, digests: [try digest(old)])
    #expect(tracker.observe(try set([old, new], signedBy: [old], now: 1000), now: 1000))
    #expect(tracker.trusted == [try digest(old)])
    let later = 1000 + 29 * Self.day
    #expect(tracker.observe(try set([old, new], signedBy: [old], now: later), now: later) == false)
    let end = 1000 + 30 * Self.day
    #expect(tracker.observe(try set([old, new], signedBy: [old], now: end), now: end))
    #expect(Set(tracker.trusted) == [try digest(old), try digest(new)])
    // What was trusted stays so while it is away.
    #expect(tracker.observe(try set([new], signedBy: [new], now: end), now: end))
    #expect(tracker.trusted.count == 2)
  }

  @Test func aKeyThatGoesAwayBeginsAnew() throws {
    let (old, new) = (try old.get(), try new.get())
    var tracker = AnchorTracker(zone: .root, digests: [try digest(old)])
    _ = tracker.observe(try set([old, new], signedBy: [old], now: 1000), now: 1000)
    _ = tracker.observe(try set([old], signedBy: [old], now: 2000), now: 2000)
    _ = tracker.observe(try set([old, new], signedBy: [old], now: 3000), now: 3000)
    let end = 1000 + 30 * Self.day
    _ = tracker.observe(try set([old, new], signedBy: [old], now: end), now: end)
    #expect(tracker.trusted == [try digest(old)])
  }

  @Test func whoIsNotTrustedAddsNothing() throws {
    let (old, new) = (try old.get(), try new.get())
    var tracker = AnchorTracker(zone: .root, digests: [try digest(old)])
    #expect(tracker.observe(try set([old, new], signedBy: [new], now: 1000), now: 1000) == false)
    #expect(tracker.entries.count == 1)
  }

  @Test func aRevokedKeyIsNotTrustedAnyMore() throws {
    let (old, new) = (try old.get(), try new.get())
    var tracker = AnchorTracker(zone: .root, digests: [try digest(old), try digest(new)])
    let revoked = try SigningKey(
      .ecdsaP256, flags: old.record.flags | DNSKEY.revokedFlag, rawRepresentation: old.rawRepresentation)
    // Its own word is needed: anybody can set a bit.
    #expect(tracker.observe(try set([revoked, new], signedBy: [new], now: 1000), now: 1000))
    #expect(tracker.trusted.count == 2)
    #expect(tracker.observe(try set([revoked, new], signedBy: [revoked, new], now: 2000), now: 2000))
    #expect(tracker.trusted == [try digest(new)])
  }
}
