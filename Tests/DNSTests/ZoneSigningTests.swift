import DNSCore
import DNSSecurity
import DNSServer
import Foundation
import Services
import Synchronization
import TestKit
import Testing
import Transport
import WireKit

/// Keeps keys in memory.
final class MemoryKeyStore: ZoneKeyStore {
  let zones = Mutex<[Name: StoredZoneKeys]>([:])

  func load(_ zone: Name) throws -> StoredZoneKeys? { zones.withLock { $0[zone] } }
  func save(_ keys: StoredZoneKeys, of zone: Name) throws { zones.withLock { $0[zone] = keys } }
}

/// Zones that we sign ourselves.
@Suite(.timeLimit(.minutes(2))) struct ZoneSigningTests {
  private static let apex = "lab.test."

  private func zone(_ text: String = exampleZone) throws -> Zone {
    let bytes = Array(text.utf8)
    let (zone, findings) = Zone.load(bytes.span.bytes, apex: try Name(Self.apex))
    return try #require(zone, "\(findings)")
  }

  private func signing(
    _ settings: ZoneSigning.Settings, clock: ManualClock = ManualClock(), store: MemoryKeyStore = MemoryKeyStore()
  ) throws -> ZoneSigning {
    let signing = ZoneSigning(clock: clock, events: RecordingEventSink(isWatching: false), store: store)
    signing.configure([try Name(Self.apex): settings])
    return signing
  }

  private static func settings(
    _ algorithm: SecurityAlgorithm = .ecdsaP256, _ denial: SigningPolicy.Denial = .nsec, isSplit: Bool = false
  ) -> ZoneSigning.Settings {
    var keys = ZoneKeyring.Policy(algorithm: algorithm)
    keys.isSplit = isSplit
    return ZoneSigning.Settings(signing: SigningPolicy(denial: denial), keys: keys)
  }

  private func tags(_ zone: Zone, _ type: RecordType) -> Set<UInt16> {
    var tags: Set<UInt16> = []
    zone.forEachRecord { record in
      if type == .dnskey, let key = try? record.data.value(as: DNSKEY.self) { tags.insert(key.tag) }
      if type == .rrsig, let signature = try? record.data.value(as: RRSIG.self) { tags.insert(signature.keyTag) }
    }
    return tags
  }

  /// Whether BIND's and ldns's verifiers find the zone complete (Debian: bind9-utils, ldnsutils).
  @Test(arguments: [
    (SecurityAlgorithm.ecdsaP256, SigningPolicy.Denial.nsec, false), (.ed25519, .nsec3, true),
    (.ecdsaP256, .nsec3, false),
  ])
  func verifiersFindItComplete(algorithm: SecurityAlgorithm, denial: SigningPolicy.Denial, isSplit: Bool) async throws {
    let signing = ZoneSigning(
      clock: SystemClock(), events: RecordingEventSink(isWatching: false), store: MemoryKeyStore())
    signing.configure([try Name(Self.apex): Self.settings(algorithm, denial, isSplit: isSplit)])
    let signed = signing.finish(try zone())
    #expect(signed.isSigned && signing.status.first?.problem == nil)
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("signed-\(UUID().uuidString).zone")
    defer { try? FileManager.default.removeItem(at: file) }
    var lines: [String] = []
    signed.forEachRecord { lines.append($0.description) }
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
    for command in [
      ["/usr/bin/dnssec-verify", "-q"] + (isSplit ? [] : ["-z"]) + ["-o", "lab.test", file.path],
      ["/usr/bin/ldns-verify-zone", file.path],
    ] {
      let (status, output) = try await Self.run(command)
      #expect(status == 0, "\(command): \(output)")
    }
  }

  /// What did not change keeps its signature; what did, and the serial, is signed anew.
  @Test func changesAreSignedIncrementally() throws {
    let clock = ManualClock()
    let signing = try signing(Self.settings(), clock: clock)
    let first = try zone()
    let signed = signing.finish(first)
    let all = try #require(signing.status.first?.signatures)
    #expect(signing.finish(first) === signed)
    let changed = signing.finish(try zone(exampleZone + "\nnew A 192.0.2.77\n"))
    // SOA, the new name's two sets, the NSEC before it.
    #expect(try #require(signing.status.first?.signatures) == all + 4)
    #expect(changed.soa.serial == signed.soa.serial &+ 1)
    // Most of the signatures' lives later they are made anew, all of them.
    clock.advance(by: .seconds(10 * 86_400))
    #expect(signing.due == [first.apex])
    _ = signing.finish(first)
    #expect(try #require(signing.status.first?.signatures) >= 2 * all)
  }

  /// After a restart serials go on above what was served, with the same keys.
  @Test func aRestartKeepsKeysAndSerials() throws {
    let store = MemoryKeyStore()
    let before = try signing(Self.settings(), store: store).finish(try zone())
    let after = try signing(Self.settings(), store: store).finish(try zone())
    #expect(tags(before, .dnskey) == tags(after, .dnskey))
    #expect(after.soa.serial > before.soa.serial)
  }

  /// Pre-publication (RFC 6781 §4.1.1.1): published, used alone, removed, each when caches have followed.
  @Test func zoneKeysAreReplacedByThemselves() throws {
    let clock = ManualClock()
    let signing = try signing(Self.settings(isSplit: true), clock: clock)
    let zone = try zone()
    var signed = signing.finish(zone)
    let old = tags(signed, .rrsig)
    #expect(old.count == 2 && tags(signed, .dnskey) == old)
    clock.advance(by: .seconds(90 * 86_400))
    signed = signing.finish(zone)
    #expect(tags(signed, .dnskey).count == 3 && tags(signed, .rrsig) == old)
    clock.advance(by: .seconds(2 * 3_600))
    signed = signing.finish(zone)
    let both = tags(signed, .dnskey)
    #expect(both.count == 3 && tags(signed, .rrsig) != old && tags(signed, .rrsig).count == 2)
    clock.advance(by: .seconds(2 * 3_600))
    signed = signing.finish(zone)
    #expect(tags(signed, .dnskey).count == 2 && tags(signed, .dnskey) == tags(signed, .rrsig))
  }

  /// A key that the parent names: both sign until the parent has the new one's DS, which CDS tells it.
  @Test func theParentsKeyIsReplacedWithTheParent() throws {
    let clock = ManualClock()
    let signing = try signing(Self.settings(), clock: clock)
    let zone = try zone()
    _ = signing.finish(zone)
    let status = try #require(signing.status.first)
    #expect(status.waitsForParent && status.parentRecords.count == 1)
    let first = status.parentRecords
    // A DS of somebody else's key changes nothing.
    var foreign = first
    foreign[0].digest[0] ^= 1
    signing.parentHas(foreign, of: zone.apex)
    #expect(signing.waitingForParent == [zone.apex])
    signing.parentHas(first, of: zone.apex)
    #expect(signing.waitingForParent.isEmpty)
    clock.advance(by: .seconds(86_401))
    _ = signing.finish(zone)
    #expect(signing.status.first?.entries.map(\.phase) == [.active])
    #expect(try signing.roll(.combined, of: zone.apex))
    #expect(try !signing.roll(.combined, of: zone.apex))
    var signed = signing.finish(zone)
    #expect(tags(signed, .rrsig).count == 2)
    #expect(signing.status.first?.parentRecords == first)
    clock.advance(by: .seconds(86_400))
    signed = signing.finish(zone)
    let second = try #require(signing.status.first?.parentRecords)
    #expect(second.count == 1 && second != first)
    // It waits for as long as the parent takes.
    clock.advance(by: .seconds(5 * 86_400))
    signed = signing.finish(zone)
    #expect(tags(signed, .dnskey).count == 2)
    signing.parentHas(first + second, of: zone.apex)
    clock.advance(by: .seconds(86_401))
    _ = signing.finish(zone)
    clock.advance(by: .seconds(2 * 86_400))
    signed = signing.finish(zone)
    #expect(tags(signed, .dnskey) == [second[0].keyTag] && tags(signed, .rrsig) == [second[0].keyTag])
  }

  @Test func aZoneThatIsSignedAlreadyIsServedAsItIs() throws {
    let signing = try signing(Self.settings())
    let bytes = Array(SignedAnswerTests.named.utf8)
    let zone = try #require(Zone.load(bytes.span.bytes, apex: try Name(Self.apex)).zone)
    #expect(signing.finish(zone) === zone)
    #expect(signing.status.first?.problem != nil)
  }

  /// Each signature is right by our own validator, and wrong after any change.
  @Test(arguments: SigningKey.algorithms) func signaturesVerify(algorithm: SecurityAlgorithm) throws {
    let key = try SigningKey(algorithm, flags: DNSKEY.zoneFlag)
    let name = try Name("x.lab.test.")
    let apex = try Name(Self.apex)
    var signature = RRSIG(
      covered: .a, algorithm: algorithm, labels: 3, originalTTL: 60, expiration: 200, inception: 100,
      keyTag: key.tag, signer: apex)
    let data = [RData(A(IPAddress(192, 0, 2, 1))), RData(A(IPAddress(192, 0, 2, 2)))]
    signature.signature = try key.sign(try #require(signature.signedOctets(owner: name, data: data)))
    let verifier = try #require(ZoneKey(key.record))
    var set = SignedSet(name: name, type: .a, ttl: 60, data: data.reversed(), signatures: [signature])
    var budget = VerificationBudget()
    #expect(try set.verified(by: [verifier], of: apex, now: 150, &budget) == signature)
    #expect(throws: SecurityFailure.self) { try set.verified(by: [verifier], of: apex, now: 201, &budget) }
    #expect(throws: SecurityFailure.self) { try set.verified(by: [verifier], of: apex, now: 99, &budget) }
    #expect(throws: SecurityFailure.self) { try set.verified(by: [], of: apex, now: 150, &budget) }
    set.data.removeLast()
    #expect(throws: SecurityFailure.self) { try set.verified(by: [verifier], of: apex, now: 150, &budget) }
  }

  static func run(_ command: [String]) async throws -> (Int32, String) {
    try await Task.detached {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: command[0])
      process.arguments = Array(command.dropFirst())
      let pipe = Pipe()
      process.standardOutput = pipe
      process.standardError = pipe
      try process.run()
      let output = pipe.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }.value
  }
}
