import Foundation
import Services
import Testing

@testable import Certificates

/// Each refusal, on certificates that openssl(1) made.
@Suite struct CertificateImportTests {
  let outside: OutsideAuthority
  init() throws { outside = try OutsideAuthority() }

  func check(
    _ pem: [UInt8], key name: String? = "server", names: [String] = [], days: Int = 0, roots: TrustRoots? = nil
  ) async throws -> CertificateImport.Report {
    let importer = CertificateImport(roots: try roots ?? outside.roots, now: .now + .days(days))
    let key = try name.map { try ServerKey(pem: outside.directory.read("\($0).key")) }
    return await importer.check(pem: pem, key: key, askedNames: names.compactMap { CertificateName($0) })
  }

  @Test func takesAGoodChain() async throws {
    try outside.server("server", names: "DNS:www.lab.test,DNS:*.mail.lab.test,IP:192.0.2.1")
    let report = try await check(
      outside.pem("server.pem", "inter.pem"), names: ["www.lab.test", "a.mail.lab.test", "192.0.2.1"])
    #expect(report.findings == [])
    #expect(report.names.map(\.description) == ["www.lab.test", "*.mail.lab.test", "192.0.2.1"])
    #expect(report.chain == (try PEM.blocks(in: outside.pem("server.pem", "inter.pem")).map(\.bytes)))
  }

  @Test func takesRSAAndP384() async throws {
    for (name, key) in [("r", "genrsa"), ("p", "ecparam -name secp384r1 -genkey -noout")] {
      try outside.server(name, key: key)
      #expect(try await check(outside.pem("\(name).pem", "inter.pem"), key: name).findings == [])
    }
  }

  @Test func putsTheChainInOrderAndLeavesOutTheRootAndStrangers() async throws {
    try outside.server("server")
    try outside.server("stranger", names: "DNS:other.lab.test", by: "root")
    let report = try await check(outside.pem("root.pem", "inter.pem", "stranger.pem", "server.pem", "server.pem"))
    #expect(report.findings == [.reordered, .unrelated(subjects: ["stranger"])])
    #expect(report.isAcceptable)
    #expect(report.chain == (try PEM.blocks(in: outside.pem("server.pem", "inter.pem")).map(\.bytes)))
  }

  @Test func refusesAKeyThatDoesNotMatch() async throws {
    try outside.server("server")
    try outside.server("other")
    let report = try await check(outside.pem("server.pem", "inter.pem"), key: "other")
    #expect(report.refusals == [.keyMismatch(subject: "server")])
    #expect(
      try await check(outside.pem("server.pem", "inter.pem"), key: nil).refusals == [.keyMissing(subject: "server")])
  }

  @Test func refusesAMissingIntermediate() async throws {
    try outside.server("server")
    #expect(
      try await check(outside.pem("server.pem")).refusals
        == [.missingIntermediate(subject: "server", issuer: "Outside-Intermediate")])
  }

  @Test func refusesAnUntrustedRoot() async throws {
    try outside.server("server")
    let all = try outside.pem("server.pem", "inter.pem", "root.pem")
    #expect(try await check(all, roots: TrustRoots()).refusals == [.untrustedRoot(subject: "Outside-Root")])
    let other = try OutsideAuthority()
    // A root of the same name, but another key.
    #expect(try await check(all, roots: other.roots).refusals == [.untrustedRoot(subject: "Outside-Root")])
    #expect(
      try await check(outside.pem("server.pem", "inter.pem"), roots: other.roots).refusals
        == [.brokenSignature(subject: "Outside-Intermediate", issuer: "Outside-Root")])
  }

  @Test func refusesASelfSignedCertificateUnlessItIsTrustedItself() async throws {
    try openssl(outside.directory, "ecparam -name prime256v1 -genkey -noout -out server.key")
    try openssl(
      outside.directory,
      "req -x509 -new -key server.key -subj /CN=self -days 90 -out self.pem -addext subjectAltName=DNS:www.lab.test"
        + " -addext basicConstraints=critical,CA:FALSE")
    let pem = try outside.pem("self.pem")
    #expect(try await check(pem).refusals == [.untrustedRoot(subject: "self")])
    #expect(try await check(pem, roots: TrustRoots(pem: pem)).findings == [])
  }

  @Test func refusesAnAlteredSignature() async throws {
    try outside.server("server")
    var block = try #require(try PEM.blocks(in: outside.pem("server.pem")).first)
    block.bytes[block.bytes.count - 1] ^= 1
    let report = try await check(Array(block.text.utf8) + outside.pem("inter.pem"))
    #expect(report.refusals == [.brokenSignature(subject: "server", issuer: "Outside-Intermediate")])
  }

  @Test func judgesTheTimes() async throws {
    try outside.server("server", days: 100)
    let pem = try outside.pem("server.pem", "inter.pem")
    func codes(_ days: Int) async throws -> Set<String> { Set(try await check(pem, days: days).findings.map(\.code)) }
    #expect(try await codes(-1) == ["not-yet-valid"])
    #expect(try await codes(85) == [])
    #expect(try await codes(90) == ["expires-soon"])
    #expect(try await codes(101) == ["expired"])
    #expect(try await check(pem, days: 90).isAcceptable)
    // The intermediate ends as well: each is named.
    #expect(try await check(pem, days: 101).refusals.count == 2)
  }

  @Test(arguments: [
    ("-sha1", "ecparam -name prime256v1 -genkey -noout", "SHA-1"), ("-md5", "genrsa", "MD5"),
    ("-sha1", "genrsa", "SHA-1"),
  ]) func refusesAWeakSignature(options: String, key: String, algorithm: String) async throws {
    let issuer = options == "-md5" || key == "genrsa" ? "rsa" : "inter"
    try openssl(outside.directory, "genrsa -out rsa.key")
    try outside.sign("rsa", subject: "/CN=rsa", by: "root", OutsideAuthority.authorityExtensions)
    try outside.server("server", by: issuer, key: key, options: options)
    let report = try await check(outside.pem("server.pem", "\(issuer).pem"))
    #expect(report.refusals == [.weakSignature(subject: "server", algorithm: algorithm)])
  }

  @Test func refusesWeakAndUnusableKeys() async throws {
    try openssl(outside.directory, "genrsa -out server.key 1024")
    try outside.sign("server", subject: "/CN=weak", by: "inter", OutsideAuthority.serverExtensions("DNS:a.lab.test"))
    let importer = CertificateImport(roots: try outside.roots, now: .now)
    let weak = await importer.check(pem: try outside.pem("server.pem", "inter.pem"), key: nil)
    #expect(weak.refusals == [.weakKey(subject: "weak", key: "RSA with 1024 bits")])
    try outside.server("curve", key: "ecparam -name secp256k1 -genkey -noout")
    let curve = await importer.check(pem: try outside.pem("curve.pem", "inter.pem"), key: nil)
    #expect(curve.refusals.map(\.code) == ["unsupported-key"])
    try outside.server("edwards", key: "genpkey -algorithm ed25519")
    #expect(
      try await check(outside.pem("edwards.pem", "inter.pem"), key: "edwards").refusals.map(\.code) == [
        "unsupported-key"
      ])
    try outside.server("large", key: "ecparam -name secp521r1 -genkey -noout")
    let large = try await check(outside.pem("large.pem", "inter.pem"), key: "large")
    #expect(large.findings == [.rareKey(subject: "large", key: "ECDSA P-521")])
    #expect(large.isAcceptable)
  }

  @Test func refusesAWrongHostName() async throws {
    try outside.server("server", names: "DNS:www.lab.test,DNS:*.lab.test")
    let pem = try outside.pem("server.pem", "inter.pem")
    for name in ["www.other.test", "a.b.lab.test", "lab.test", "192.0.2.1"] {
      #expect(
        try await check(pem, names: ["www.lab.test", name]).refusals
          == [.wrongHostName(asked: name, names: ["www.lab.test", "*.lab.test"])])
    }
    try outside.server("bare", extensions: "keyUsage=digitalSignature\n")
    // The common name does not count.
    #expect(
      try await check(outside.pem("bare.pem", "inter.pem"), key: "bare", names: ["bare"]).refusals == [
        .noNames(subject: "bare")
      ])
  }

  @Test func refusesWrongUses() async throws {
    let names = "subjectAltName=DNS:www.lab.test\n"
    try outside.server("server", extensions: names + "extendedKeyUsage=clientAuth,emailProtection\n")
    #expect(
      try await check(outside.pem("server.pem", "inter.pem")).refusals == [.noServerAuthentication(subject: "server")])
    try outside.server("usage", extensions: names + "keyUsage=critical,keyAgreement\n")
    #expect(
      try await check(outside.pem("usage.pem", "inter.pem"), key: "usage").refusals == [.keyUsage(subject: "usage")])
    try outside.server("any", extensions: names + "extendedKeyUsage=anyExtendedKeyUsage\n")
    #expect(try await check(outside.pem("any.pem", "inter.pem"), key: "any").findings == [])
    try outside.server("ca", extensions: names + OutsideAuthority.authorityExtensions)
    let report = try await check(outside.pem("ca.pem", "inter.pem"), key: "ca")
    #expect(report.refusals.contains(.certificateAuthorityAsLeaf(subject: "ca")))
  }

  @Test func refusesAnIssuerThatMayNotIssue() async throws {
    // A server's certificate that signs another: no authority at all.
    try outside.server("fake")
    try outside.server("server", by: "fake")
    let pem = try outside.pem("server.pem", "fake.pem", "inter.pem")
    #expect(try await check(pem).refusals == [.notAuthority(subject: "fake")])
    // An authority whose path length does not allow another below it.
    try openssl(outside.directory, "ecparam -name prime256v1 -genkey -noout -out a.key")
    try openssl(outside.directory, "ecparam -name prime256v1 -genkey -noout -out b.key")
    try outside.sign(
      "a", subject: "/CN=a", by: "root", "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=keyCertSign\n")
    try outside.sign("b", subject: "/CN=b", by: "a", OutsideAuthority.authorityExtensions)
    try outside.server("below", by: "b")
    #expect(
      try await check(outside.pem("below.pem", "b.pem", "a.pem"), key: "below").refusals == [.pathTooLong(subject: "a")]
    )
    // Name constraints that leave the name out.
    try openssl(outside.directory, "ecparam -name prime256v1 -genkey -noout -out n.key")
    try outside.sign(
      "n", subject: "/CN=n", by: "root",
      OutsideAuthority.authorityExtensions + "nameConstraints=critical,permitted;DNS:other.test\n")
    try outside.server("outsider", by: "n")
    #expect(try await check(outside.pem("outsider.pem", "n.pem"), key: "outsider").refusals.map(\.code) == ["policy"])
    // An authority without the right to sign certificates.
    try openssl(outside.directory, "ecparam -name prime256v1 -genkey -noout -out k.key")
    try outside.sign(
      "k", subject: "/CN=k", by: "root", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n")
    try outside.server("unsigned", by: "k")
    #expect(
      try await check(outside.pem("unsigned.pem", "k.pem"), key: "unsigned").refusals == [.notAuthority(subject: "k")])
    // An extension that nobody knows, marked critical.
    try outside.server(
      "critical", extensions: OutsideAuthority.serverExtensions("DNS:www.lab.test") + "1.2.3.4=critical,DER:0500\n")
    #expect(
      try await check(outside.pem("critical.pem", "inter.pem"), key: "critical").refusals.map(\.code) == ["policy"])
  }

  @Test func refusesAnIntermediateOfVersion1() async throws {
    // It can't say that it is an authority; an ordinary certificate of the nineties could sign others otherwise.
    try openssl(outside.directory, "ecparam -name prime256v1 -genkey -noout -out old.key")
    try openssl(outside.directory, "req -new -key old.key -subj /CN=old -out old.csr")
    try openssl(
      outside.directory, "x509 -req -in old.csr -CA root.pem -CAkey root.key -set_serial 9 -days 90 -out old.pem")
    try outside.server("server", by: "old", identifiers: "")
    #expect(try await check(outside.pem("server.pem", "old.pem")).refusals == [.notAuthority(subject: "old")])
  }

  @Test func sendsATrustedIntermediateToo() async throws {
    try outside.server("server")
    let pem = try outside.pem("server.pem", "inter.pem")
    let report = try await check(pem, roots: TrustRoots(pem: outside.pem("inter.pem")))
    #expect(report.findings == [])
    #expect(report.chain == (try PEM.blocks(in: pem).map(\.bytes)))
  }

  @Test func prefersIssuersThatAreValid() async throws {
    // The same names and keys twice, once too short: as when an authority renews its certificates.
    try outside.server("server", days: 300)
    let directory = outside.directory
    for (name, days) in [("root", 3), ("inter", 4)] {
      try directory.write("short-\(name).key", directory.read("\(name).key"))
      if name == "root" {
        try openssl(directory, "req -x509 -new -key root.key -subj /CN=Outside-Root -days \(days) -out short-root.pem")
      } else {
        try outside.sign(
          "short-inter", subject: "/CN=Outside-Intermediate", by: "root", OutsideAuthority.authorityExtensions,
          days: days)
      }
    }
    try outside.sign(
      "inter", subject: "/CN=Outside-Intermediate", by: "root", OutsideAuthority.authorityExtensions, days: 300)
    let roots = try TrustRoots(pem: outside.pem("short-root.pem", "root.pem"))
    let report = try await check(outside.pem("server.pem", "short-inter.pem", "inter.pem"), days: 10, roots: roots)
    #expect(report.refusals == [])
    #expect(report.chain == (try PEM.blocks(in: outside.pem("server.pem", "inter.pem")).map(\.bytes)))
  }

  @Test func saysWhatAFileHoldsInstead() async throws {
    try outside.server("server")
    func codes(_ pem: [UInt8]) async throws -> [String] { try await check(pem).refusals.map(\.code) }
    #expect(try await codes([0x30, 0x82]) == ["no-certificate"])
    #expect(try await codes(outside.pem("server.key")) == ["no-certificate"])
    #expect(try await codes(Array("-----BEGIN CERTIFICATE-----\nAAAA\n".utf8)) == ["unreadable-file"])
    #expect(
      try await codes(Array("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----".utf8)) == [
        "unreadable-certificate"
      ])
  }

  @Test func survivesEveryTruncationAndAlteredByte() async throws {
    try outside.server("server")
    let block = try #require(try PEM.blocks(in: outside.pem("server.pem")).first)
    let rest = try outside.pem("inter.pem")
    for index in block.bytes.indices {
      let cut = PEMBlock(label: block.label, bytes: Array(block.bytes.prefix(index)))
      #expect(try await !check(Array(cut.text.utf8) + rest).isAcceptable)
      var altered = block
      altered.bytes[index] ^= 0x40
      #expect(try await !check(Array(altered.text.utf8) + rest).isAcceptable)
    }
  }

  @Test func boundsTheSearchInAMaze() async throws {
    // Thirty authorities of one name and key, each signed by that very name: no way out, and no endless way.
    try openssl(outside.directory, "ecparam -name prime256v1 -genkey -noout -out m0.key")
    try openssl(outside.directory, "req -x509 -new -key m0.key -subj /CN=maze -days 90 -out m0.pem")
    var maze: [UInt8] = []
    for number in 1...30 {
      try outside.directory.write("m\(number).key", outside.directory.read("m0.key"))
      try outside.sign("m\(number)", subject: "/CN=maze", by: "m0", OutsideAuthority.authorityExtensions)
      maze += try outside.pem("m\(number).pem")
    }
    try outside.server("server", by: "m1")
    #expect(try await !check(outside.pem("server.pem") + maze).isAcceptable)
    #expect(try await check(maze + maze).refusals.map(\.code) == ["unreadable-file"])
  }

  @Test func everyFindingSaysHowToMendIt() {
    let findings: [CertificateFinding] = [
      .noCertificate(found: []), .unreadableFile(reason: "r"), .unreadableCertificate(position: 1, reason: "r"),
      .keyMismatch(subject: "s"), .keyMissing(subject: "s"), .missingIntermediate(subject: "s", issuer: "i"),
      .untrustedRoot(subject: "s"), .brokenSignature(subject: "s", issuer: "i"), .notYetValid(subject: "s", from: 0),
      .expired(subject: "s", at: 0), .expiresSoon(subject: "s", at: 0), .weakSignature(subject: "s", algorithm: "a"),
      .weakKey(subject: "s", key: "k"), .unsupportedKey(subject: "s", key: "k"), .rareKey(subject: "s", key: "k"),
      .keyUsage(subject: "s"), .noServerAuthentication(subject: "s"), .noNames(subject: "s"),
      .wrongHostName(asked: "a", names: ["b"]), .certificateAuthorityAsLeaf(subject: "s"), .notAuthority(subject: "s"),
      .pathTooLong(subject: "s"), .policy(reason: "r"),
    ]
    #expect(Set(findings.map(\.message)).count == findings.count)
    #expect(Set(findings.map(\.code)).count == findings.count)
    #expect(findings.allSatisfy { !$0.remedy.isEmpty })
  }

  @Test func showsAHostileSubjectHarmless() async throws {
    try openssl(outside.directory, "ecparam -name prime256v1 -genkey -noout -out server.key")
    let request = try run(
      outside.directory,
      [
        "openssl", "req", "-new", "-utf8", "-key", "server.key", "-subj", "/CN=\u{1B}[31mred\u{202E}", "-out",
        "server.csr",
      ])
    try #require(request.status == 0, "\(request.errors)")
    try outside.signRequest("server", by: "inter", OutsideAuthority.serverExtensions("DNS:www.lab.test"))
    let report = try await check(outside.pem("server.pem"))
    let text = report.findings.map(\.description).joined()
    #expect(text.contains("\\u{1b}[31mred\\u{202e}"))
    #expect(!text.unicodeScalars.contains("\u{1B}"))
  }
}
