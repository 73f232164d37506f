import Foundation
import Services
import TestKit
import Testing

@testable import Certificates

@Suite struct CertificateServiceTests {
  let fixture: StoreFixture
  let events = RecordingEventSink()
  let service: CertificateService

  init() throws {
    fixture = try StoreFixture()
    _ = try fixture.store.issue(names: ["a.lab.test"])
    service = try CertificateService(store: fixture.store, events: events, clock: fixture.clock)
  }

  @Test func publishesAtFirstAndAfterEachChange() async throws {
    var first = service.identities().makeAsyncIterator()
    var second = service.identities().makeAsyncIterator()
    #expect(await first.next()?.map(\.names) == [["a.lab.test"]])
    #expect(await second.next()?.count == 1)
    fixture.clock.advance(days: 1)
    _ = try await service.change { store throws(CertificateStoreError) in try store.issue(names: ["b.lab.test"]) }
    // The newest comes first.
    #expect(await first.next()?.map(\.names) == [["b.lab.test"], ["a.lab.test"]])
    #expect(await second.next()?.count == 2)
  }

  @Test func givesTheLatestToWhoIsSlow() async throws {
    var slow = service.identities().makeAsyncIterator()
    for name in ["b.lab.test", "c.lab.test", "d.lab.test"] {
      _ = try await service.change { store throws(CertificateStoreError) in try store.issue(names: [name]) }
    }
    #expect(await slow.next()?.count == 4)
  }

  @Test func seesWhatAnotherProcessDid() async throws {
    var stream = service.identities().makeAsyncIterator()
    _ = await stream.next()
    _ = try fixture.reopened().issue(names: ["b.lab.test"])
    #expect(service.current.count == 1)
    try service.reload()
    #expect(await stream.next()?.count == 2)
  }

  @Test func staysSilentWhenNothingChanged() async throws {
    var stream = service.identities().makeAsyncIterator()
    _ = await stream.next()
    try service.reload()
    try service.reload()
    _ = try await service.change { store throws(CertificateStoreError) in try store.issue(names: ["b.lab.test"]) }
    // Had a reload published the same again, that would come first.
    #expect(await stream.next()?.count == 2)
  }

  @Test func renewsByTheClockAndTellsTheAuditTrail() async throws {
    var stream = service.identities().makeAsyncIterator()
    let before = await stream.next()
    #expect(try service.renewDue() == [])
    #expect(events.events.isEmpty)
    fixture.clock.advance(days: 61)
    #expect(try service.renewDue().count == 1)
    let after = await stream.next()
    #expect(after?.count == 1)
    #expect(after != before)
    #expect(events.events.map(\.message) == ["certificate renewed"])
  }

  @Test func complainsOnceOfWhatLasts() throws {
    try fixture.store.remove("a.lab.test")
    fixture.clock.advance(days: 3400)
    for _ in 0..<3 { #expect(try service.renewDue().map(\.id) == ["authority"]) }
    #expect(events.events.map(\.message) == ["certificate must be renewed by hand"])
  }

  @Test func reportsABrokenFileOnce() throws {
    try fixture.directory.write("store/certificates/bad.json", "{")
    try service.reload()
    try service.reload()
    #expect(events.events.map(\.message) == ["certificate file can't be used"])
    #expect(service.broken.map(\.file) == ["certificates/bad.json"])
    #expect(service.current.count == 1)
  }

  @Test func presentsValidCertificatesBeforeExpiredOnes() throws {
    let long = try fixture.store.issue(names: ["b.lab.test"], days: 300)
    fixture.clock.advance(days: 1)
    let short = try fixture.store.issue(names: ["b.lab.test"], days: 10)
    #expect(try presented() == short.fingerprint)
    fixture.clock.advance(days: 20)
    #expect(try presented() == long.fingerprint)
  }

  private func presented() throws -> String {
    let index = IdentityIndex(try fixture.store.identities().identities)
    let chain = try #require(index.identity(for: "b.lab.test", service: .https)).identity.chain
    return try #require(RecordCodec.certificates(RecordCodec.pem(chain)).first).fingerprint
  }

  @Test func endsItsStreams() async throws {
    var service: CertificateService? = try CertificateService(
      store: fixture.store, events: events, clock: fixture.clock)
    let stream = try #require(service).identities()
    service = nil
    var count = 0
    for await _ in stream { count += 1 }
    #expect(count == 1)
  }
}
