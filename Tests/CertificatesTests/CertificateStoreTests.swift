import Foundation
import Services
import Testing

@testable import Certificates

@Suite struct CertificateStoreTests {
  let fixture: StoreFixture
  var store: CertificateStore { fixture.store }
  init() throws { fixture = try StoreFixture() }

  @Test func issuesListsShowsAndRemoves() throws {
    let made = try store.issue(names: ["IMAP.lab.test", "192.0.2.1"], services: [.imaps, .imap])
    #expect(made.names == ["imap.lab.test", "192.0.2.1"])
    #expect(made.services == [.imap, .imaps])
    #expect(made.state == .valid)
    #expect(made.key == "ECDSA P-256")
    let listing = try fixture.reopened().list()
    #expect(listing.certificates == [made])
    #expect(listing.broken == [])
    #expect(listing.authority?.file == "\(fixture.directory.path)/ca.pem")
    for reference in [made.id, "imap.lab.test", "192.0.2.1"] {
      #expect(try store.show(reference).summary == made)
    }
    #expect(throws: CertificateStoreError.notFound("pop3.lab.test")) { try store.show("pop3.lab.test") }
    try store.remove("imap.lab.test")
    #expect(try store.list().certificates == [])
    #expect(throws: CertificateStoreError.notFound(made.id)) { try store.remove(made.id) }
  }

  @Test func showsWhatOpenSSLShows() throws {
    let details = try store.show(store.issue(names: ["imap.lab.test"]).id)
    let directory = fixture.directory
    try directory.write("chain.pem", details.pem)
    let shown = try openssl(
      directory, "x509 -in chain.pem -noout -fingerprint -sha256 -serial -enddate -dateopt iso_8601"
    )
    .text
    #expect(shown.contains(details.summary.fingerprint))
    #expect(shown.lowercased().contains("serial=\(details.serialNumber)"))
    #expect(shown.contains(details.summary.notAfter.replacingOccurrences(of: "T", with: " ")))
    try openssl(directory, "x509 -in chain.pem -noout -pubkey -out public.pem")
    try openssl(directory, "pkey -pubin -in public.pem -outform DER -out public.der")
    #expect(try openssl(directory, "dgst -sha256 public.der").text.contains(details.publicKeyDigest))
    try directory.write("inter.pem", RecordCodec.pem([PEM.blocks(in: Array(details.pem.utf8))[1].bytes]))
    try openssl(directory, "verify -x509_strict -CAfile ca.pem -untrusted inter.pem chain.pem")
  }

  @Test func printsAsJSON() throws {
    _ = try store.issue(names: ["imap.lab.test"], services: [.imap])
    let listing = try store.list()
    let data = try JSONEncoder().encode(listing)
    #expect(try JSONDecoder().decode(CertificateListing.self, from: data) == listing)
  }

  @Test(arguments: ["", "a b", "*.test", "-x", "../etc"]) func refusesBadNames(name: String) {
    #expect(throws: CertificateStoreError.badName(name)) { try store.issue(names: [name]) }
  }

  @Test func wantsANameAndASaneLifetime() throws {
    #expect(throws: CertificateStoreError.authority(.noNames)) { try store.issue(names: []) }
    #expect(throws: CertificateStoreError.authority(.wrongLifetime(1000))) {
      try store.issue(names: ["a.lab.test"], days: 1000)
    }
  }

  @Test func asksForTheIdWhenANameIsAmbiguous() throws {
    let ids = try [store.issue(names: ["a.lab.test"]).id, store.issue(names: ["a.lab.test"]).id]
    #expect(throws: CertificateStoreError.ambiguous("a.lab.test", ids: ids.sorted())) { try store.show("a.lab.test") }
    #expect(try store.show(ids[0]).summary.id == ids[0])
  }

  @Test func ensuresOnce() throws {
    let first = try store.ensure(names: ["a.lab.test"], services: [.imap])
    #expect(try store.ensure(names: ["a.lab.test"], services: [.imap]) == first)
    #expect(try store.ensure(names: ["a.lab.test"], services: [.smtp]).id != first.id)
    #expect(try store.ensure(names: ["a.lab.test", "b.lab.test"], services: [.imap]).id != first.id)
    fixture.clock.advance(days: 70)
    #expect(try store.ensure(names: ["a.lab.test"], services: [.imap]).id != first.id)
  }

  @Test func rejectsAPathAsReference() throws {
    _ = try store.issue(names: ["a.lab.test"])
    for reference in ["../authority", "..", ".lock", "certificates/x", "", "a\0"] {
      #expect(throws: CertificateStoreError.self) { try store.remove(reference) }
    }
    #expect(try store.list().authority != nil)
  }

  // MARK: Renewal

  @Test func renewsWithAThirdOfTheLifeLeft() throws {
    let made = try store.issue(names: ["imap.lab.test"], services: [.imap])
    fixture.clock.advance(days: 59)
    #expect(try store.renewDue() == [])
    fixture.clock.advance(days: 2)
    #expect(try store.list().certificates[0].state == .renewalDue)
    let results = try store.renewDue()
    let renewed = try #require(try store.list().certificates.first)
    #expect(results == [RenewalResult(id: made.id, names: made.names, outcome: .renewed(notAfter: renewed.notAfter))])
    #expect(renewed.id == made.id)
    #expect(renewed.services == made.services)
    #expect(renewed.fingerprint != made.fingerprint)
    #expect(renewed.state == .valid)
    #expect(try store.renewDue() == [])
    // By hand, at any time.
    #expect(try store.renew("imap.lab.test").fingerprint != renewed.fingerprint)
  }

  @Test func lastsForTenYearsOfRenewals() throws {
    let root = try store.authority().rootFingerprint
    _ = try store.issue(names: ["imap.lab.test"])
    var intermediates: Set<String> = []
    for _ in 0..<(3600 / 20) {
      fixture.clock.advance(days: 20)
      _ = try store.renewDue()
      let listing = try store.list()
      #expect(listing.certificates[0].state == .valid)
      intermediates.insert(try #require(listing.authority).intermediate)
      #expect(listing.authority?.rootFingerprint == root)
    }
    #expect(intermediates.count > 3)
    #expect(try store.renewDue().contains { $0.id == "authority" })
    #expect(try store.list().authority?.endsSoon == true)
  }

  @Test func replacesTheAuthorityOnRequest() throws {
    let made = try store.issue(names: ["imap.lab.test"])
    let former = try fixture.directory.read("ca.pem")
    let authority = try store.replaceAuthority()
    // Clients that take the file anew trust both.
    let roots = try PEM.blocks(in: fixture.directory.read("ca.pem"))
    #expect(roots.count == 2)
    #expect(try PEM.blocks(in: former) == [roots[1]])
    #expect(try store.renewDue().map(\.id) == [made.id])
    #expect(try store.renewDue() == [])
    fixture.clock.advance(days: 1)
    #expect(try store.replaceAuthority().rootFingerprint != authority.rootFingerprint)
    #expect(try PEM.blocks(in: fixture.directory.read("ca.pem")).count == 3)
  }

  @Test func writesTheRootAgainWhenItIsGone() throws {
    _ = try store.authority()
    #expect(try fixture.directory.mode("ca.pem") == 0o644)
    try FileManager.default.removeItem(atPath: "\(fixture.directory.path)/ca.pem")
    _ = try store.authority()
    #expect(try fixture.directory.read("ca.pem").count > 100)
  }

  // MARK: At rest

  @Test func keepsNoKeyInTheClear() throws {
    _ = try store.issue(names: ["imap.lab.test"])
    _ = try store.request(names: ["www.lab.test"])
    var secrets = try store.identities().identities.map { $0.privateKey.withBytes { $0 } }
    secrets += try store.loadRequests().0.map { $0.key.pkcs8.withBytes { $0 } }
    let authority = try #require(try store.loadAuthority()).authority
    secrets += [authority.root, authority.intermediate].map { $0.key.pkcs8.withBytes { $0 } }
    #expect(secrets.count == 4)
    for (name, bytes) in try fixture.directory.allFiles() {
      let file = Data(bytes)
      for secret in secrets {
        // The private number stands at a fixed place of PKCS#8 for P-256; base64 has three phases.
        let scalar = Data(secret[36..<68])
        #expect(file.range(of: scalar) == nil, "\(name)")
        #expect(file.range(of: Data(hexadecimal(scalar).utf8)) == nil, "\(name)")
        for phase in 0..<3 {
          let aligned = scalar.dropFirst(phase).prefix(24)
          #expect(file.range(of: Data(aligned.base64EncodedString().utf8)) == nil, "\(name)")
        }
      }
    }
  }

  @Test func guardsFilesAndDirectories() throws {
    _ = try store.issue(names: ["imap.lab.test"])
    for name in try fixture.directory.allFiles().keys where name != "ca.pem" {
      #expect(try fixture.directory.mode(name) == 0o600, "\(name)")
    }
    for name in ["store", "store/certificates", "store/requests"] {
      #expect(try fixture.directory.mode(name) == 0o700)
    }
  }

  @Test(.enabled(if: geteuid() == 0, "only root can give files away"))
  func whatRootMakesBelongsToTheDirectorysOwner() throws {
    let directory = try TemporaryDirectory()
    mkdir("\(directory.path)/data", 0o755)
    chown("\(directory.path)/data", 4711, 4712)
    let store = try CertificateStore(
      .init(
        directory: "\(directory.path)/data/certs", authorityName: "x", authorityFile: "\(directory.path)/data/ca.pem"),
      encryption: fixture.encryption, clock: fixture.clock)
    _ = try store.issue(names: ["imap.lab.test"])
    for name in try FileManager.default.subpathsOfDirectory(atPath: "\(directory.path)/data") {
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(directory.path)/data/\(name)")
      #expect(attributes[.ownerAccountID] as? NSNumber == 4711, "\(name)")
      #expect(attributes[.groupOwnerAccountID] as? NSNumber == 4712, "\(name)")
    }
  }

  @Test func refusesATamperedFileAndLoadsTheOthers() throws {
    let good = try store.issue(names: ["good.lab.test"])
    let bad = try store.issue(names: ["bad.lab.test"])
    let path = "store/certificates/\(bad.id).json"
    let original = try fixture.directory.read(path)
    var record = try RecordCodec.decode(CertificateRecord.self, original)
    record.key[record.key.count - 1] ^= 1
    let goodRecord = try RecordCodec.decode(
      CertificateRecord.self, fixture.directory.read("store/certificates/\(good.id).json"))
    var moved = record
    moved.key = goodRecord.key
    var swapped = goodRecord
    swapped.id = bad.id
    let variants: [[UInt8]] = [
      try RecordCodec.encode(record), try RecordCodec.encode(moved), try RecordCodec.encode(swapped),
      try RecordCodec.encode(goodRecord), Array(original.prefix(original.count / 2)), [], Array("{}".utf8), [0, 1, 2],
    ]
    for variant in variants {
      try fixture.directory.write(path, variant)
      let listing = try store.list()
      #expect(listing.certificates.map(\.id) == [good.id])
      #expect(listing.broken.map(\.file) == ["certificates/\(bad.id).json"])
      #expect(try store.identities().identities.count == 1)
      #expect(throws: CertificateStoreError.self) { try store.show(bad.id) }
    }
    try fixture.directory.write(path, original)
    #expect(try store.list().certificates.count == 2)
  }

  @Test func opensNothingWithAnotherKey() throws {
    _ = try store.issue(names: ["imap.lab.test"])
    let other = try CertificateStore(
      store.configuration, encryption: KeyEncryption(key: Secret([UInt8](repeating: 3, count: 32))),
      clock: fixture.clock)
    let listing = try other.list()
    #expect(listing.certificates == [])
    #expect(listing.broken.count == 2)
    #expect(listing.broken.allSatisfy { $0.reason.contains("another key") })
    // It must not make a second authority over one that it can't open.
    #expect(throws: CertificateStoreError.encryption(.otherKey)) { try other.issue(names: ["a.lab.test"]) }
    #expect(try store.list().broken == [])
  }

  @Test func ignoresAndRemovesWhatACrashLeft() throws {
    let made = try store.issue(names: ["imap.lab.test"])
    for folder in ["store", "store/certificates", "store/requests"] {
      try fixture.directory.write("\(folder)/.tmp-abc", "{ half")
    }
    #expect(try store.list().certificates == [made])
    #expect(try store.list().broken == [])
    _ = try store.issue(names: ["b.lab.test"])
    #expect(try !fixture.directory.allFiles().keys.contains { $0.contains(".tmp-") })
  }

  @Test func survivesManyWritersAtOnce() async throws {
    let stores = try (0..<4).map { _ in try fixture.reopened() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (number, store) in stores.enumerated() {
        group.addTask {
          for step in 0..<5 { _ = try store.issue(names: ["n\(number)-\(step).lab.test"]) }
        }
      }
      try await group.waitForAll()
    }
    let listing = try store.list()
    #expect(listing.certificates.count == 20)
    #expect(listing.broken == [])
    // One authority issued them all.
    #expect(Set(listing.certificates.map(\.issuer)).count == 1)
  }
}
