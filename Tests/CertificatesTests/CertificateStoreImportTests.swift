import Foundation
import Services
import Testing

@testable import Certificates

@Suite struct CertificateStoreImportTests {
  let fixture: StoreFixture
  let outside: OutsideAuthority
  var store: CertificateStore { fixture.store }

  init() throws {
    fixture = try StoreFixture()
    outside = try OutsideAuthority()
  }

  func importRequest(_ names: String...) throws -> CertificateImportRequest {
    CertificateImportRequest(chain: try names.flatMap { try outside.pem($0) }, roots: try outside.pem("root.pem"))
  }

  @Test func importsKeyAndChain() async throws {
    try outside.server("server", names: "DNS:www.lab.test")
    var request = try importRequest("server.pem", "inter.pem")
    request.key = try outside.pem("server.key")
    request.names = ["www.lab.test"]
    request.services = [.https]
    let result = try await store.importCertificate(request)
    #expect(result.findings == [])
    #expect(result.certificate.origin == .imported)
    #expect(result.certificate.renewal == nil)
    #expect(try store.list().certificates == [result.certificate])
    let identity = try #require(try store.identities().identities.first)
    #expect(identity.names == ["www.lab.test"])
    #expect(identity.services == [.https])
    #expect(identity.chain.count == 2)
    #expect(identity.privateKey == (try ServerKey(pem: outside.pem("server.key")).pkcs8))
    // The same again takes its own place.
    #expect(try await store.importCertificate(request).certificate.id == result.certificate.id)
    #expect(try store.list().certificates.count == 1)
    #expect(throws: CertificateStoreError.notRenewable(id: result.certificate.id, origin: .imported)) {
      try store.renew(result.certificate.id)
    }
  }

  @Test func takesTheKeyFromTheSameFileAndDecryptsIt() async throws {
    try outside.server("server")
    try openssl(outside.directory, "pkey -in server.key -aes256 -passout pass:sesame -out locked.key")
    var request = try importRequest("locked.key", "server.pem", "inter.pem")
    await #expect(throws: CertificateStoreError.key(.passphraseNeeded)) { try await store.importCertificate(request) }
    request.passphrase = Secret("sesame")
    #expect(try await store.importCertificate(request).certificate.names == ["www.lab.test"])
  }

  @Test func leavesNothingBehindWhenItRefuses() async throws {
    try outside.server("server")
    try outside.server("other")
    var request = try importRequest("server.pem", "inter.pem")
    request.key = try outside.pem("other.key")
    let error = await #expect(throws: CertificateStoreError.self) { try await store.importCertificate(request) }
    #expect(error == .refused([.keyMismatch(subject: "server")]))
    #expect(error?.description.contains("does not belong") == true)
    #expect(try store.list().certificates == [])
  }

  @Test func trustsTheSystemsRootsAndTheGivenOnly() async throws {
    try outside.server("server")
    var request = try importRequest("server.pem", "inter.pem")
    request.key = try outside.pem("server.key")
    request.roots = nil
    await #expect(throws: CertificateStoreError.self) { try await store.importCertificate(request) }
    let trusting = try StoreFixture(systemRootPaths: ["/nowhere", "\(outside.directory.path)/root.pem"])
    #expect(try await trusting.store.importCertificate(request).findings == [])
    request.roots = Array("nothing".utf8)
    await #expect(throws: CertificateStoreError.self) { try await trusting.store.importCertificate(request) }
  }

  @Test func readsTheSystemsOwnStore() {
    let roots = TrustRoots.system()
    #expect(!roots.isEmpty, "this machine has no ca-certificates")
  }

  @Test func finishesARequest() async throws {
    let waiting = try store.request(
      names: ["www.lab.test", "*.lab.test", "192.0.2.7"], services: [.https], organisation: "Lab")
    try outside.directory.write("server.csr", waiting.pem)
    let shown = try openssl(outside.directory, "req -in server.csr -noout -verify -text")
    #expect(shown.text.contains("DNS:www.lab.test, DNS:*.lab.test, IP Address:192.0.2.7"))
    #expect(shown.text.contains("O = Lab, CN = www.lab.test"))
    #expect((shown.text + shown.errors).contains("verify OK"))
    try outside.directory.write("server.ext", OutsideAuthority.serverExtensions("DNS:www.lab.test,DNS:*.lab.test"))
    try openssl(
      outside.directory,
      "x509 -req -in server.csr -CA inter.pem -CAkey inter.key -set_serial 77 -days 90 -extfile server.ext -out server.pem"
    )
    #expect(try store.list().requests == [waiting])

    // Another certificate finds no key here.
    try outside.server("other")
    let stranger = try importRequest("other.pem", "inter.pem")
    await #expect(throws: CertificateStoreError.refused([.keyMissing(subject: "other")])) {
      try await store.importCertificate(stranger)
    }

    let result = try await fixture.reopened().importCertificate(importRequest("server.pem", "inter.pem"))
    #expect(result.certificate.id == waiting.id)
    #expect(result.certificate.services == [.https])
    let listing = try store.list()
    #expect(listing.requests == [])
    #expect(listing.certificates == [result.certificate])
  }

  @Test(arguments: [ServerKey.Kind.rsa(bits: 2048), .ecdsaP384]) func requestsForOtherKeys(kind: ServerKey.Kind) throws
  {
    let waiting = try store.request(names: ["www.lab.test"], key: kind)
    #expect(waiting.key == kind.description)
    try outside.directory.write("r.csr", waiting.pem)
    try openssl(outside.directory, "req -in r.csr -noout -verify")
  }

  @Test func removesARequest() throws {
    let waiting = try store.request(names: ["www.lab.test"])
    try store.remove(waiting.id)
    #expect(try store.list().requests == [])
  }

  @Test func takesThePlaceOfAnother() async throws {
    let issued = try store.issue(names: ["www.lab.test"], services: [.https])
    try outside.server("server")
    var request = try importRequest("server.pem", "inter.pem")
    request.key = try outside.pem("server.key")
    request.replacing = "www.lab.test"
    let result = try await store.importCertificate(request)
    #expect(result.certificate.id == issued.id)
    #expect(result.certificate.services == [.https])
    #expect(result.certificate.origin == .imported)
    #expect(try store.list().certificates.count == 1)
    request.replacing = "nothing.lab.test"
    await #expect(throws: CertificateStoreError.notFound("nothing.lab.test")) {
      try await store.importCertificate(request)
    }
  }

  @Test func tellsOfImportedCertificatesThatAreDue() async throws {
    try outside.server("server", days: 90)
    var request = try importRequest("server.pem", "inter.pem")
    request.key = try outside.pem("server.key")
    _ = try await store.importCertificate(request)
    fixture.clock.advance(days: 61)
    let results = try store.renewDue()
    #expect(results.count == 1)
    guard case .attentionNeeded = results.first?.outcome else {
      Issue.record("\(results)")
      return
    }
  }

  @Test func takesBackWhatTheInternalAuthorityIssued() async throws {
    let details = try store.show(store.issue(names: ["imap.lab.test"]).id)
    let key = try #require(try store.identities().identities.first).privateKey
    try store.remove(details.summary.id)
    var request = CertificateImportRequest(chain: Array(details.pem.utf8))
    request.key = Array(PEMBlock(label: "PRIVATE KEY", bytes: key.withBytes { $0 }).text.utf8)
    #expect(try await store.importCertificate(request).certificate.fingerprint == details.summary.fingerprint)
  }
}
