import DNSCore
import DNSSecurity
import DNSServer
import Foundation
import Services
import TestKit
import Testing
import Transport
import WireKit

/// What delv, drill and Unbound make of the answers of zones that we sign (Debian: bind9-dnsutils, ldnsutils, unbound-host).
@Suite(.timeLimit(.minutes(3))) struct ValidatorTests {
  private struct World {
    var running: RunningServer
    var folder: URL
    var key: DNSKEY

    var port: String { "\(running.endpoint.port)" }

    func write(_ name: String, _ text: String) throws -> String {
      let file = folder.appendingPathComponent(name)
      try Data(text.utf8).write(to: file)
      return file.path
    }
  }

  private static func with(
    _ denial: SigningPolicy.Denial, _ algorithm: SecurityAlgorithm, _ body: (World) async throws -> Void
  ) async throws {
    let apex = try Name("lab.test.")
    let signing = ZoneSigning(
      clock: SystemClock(), events: RecordingEventSink(isWatching: false), store: MemoryKeyStore())
    signing.configure([
      apex: ZoneSigning.Settings(
        signing: SigningPolicy(denial: denial), keys: ZoneKeyring.Policy(algorithm: algorithm))
    ])
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("validators-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let running = try await RunningServer.start([ZoneSource(apex: apex, .text(exampleZone))], finisher: signing)
    let key = try #require(signing.status.first?.entries.first?.key.record)
    try await body(World(running: running, folder: folder, key: key))
    try await running.stop()
  }

  /// Every kind of answer: positive, alias, wildcard, DNAME, cut with DS; no such name, no such type, empty name.
  private static let questions = [
    "web A", "www A", "x.wild A", "www.tree A", "sub DS", "big TXT", "no A", "mail TXT", "x.wild TXT", "in.here A",
    "wild A",
  ]

  @Test(arguments: [(SigningPolicy.Denial.nsec, SecurityAlgorithm.ecdsaP256), (.nsec3, .ed25519)])
  func delvValidatesEveryKindOfAnswer(denial: SigningPolicy.Denial, algorithm: SecurityAlgorithm) async throws {
    try await Self.with(denial, algorithm) { world in
      let key = RData(world.key).description.split(separator: " ")
      let anchors = try world.write(
        "anchors",
        "trust-anchors { lab.test. static-key \(key[0]) \(key[1]) \(key[2]) \"\(key[3...].joined())\"; };\n")
      for question in Self.questions {
        let words = question.split(separator: " ").map(String.init)
        let (_, output) = try await ZoneSigningTests.run([
          "/usr/bin/delv", "@127.0.0.1", "-p", world.port, "-a", anchors, "+root=lab.test", "\(words[0]).lab.test",
          words[1],
        ])
        #expect(output.contains("fully validated"), "\(question): \(output)")
      }
    }
  }

  @Test func drillChasesTheSignatures() async throws {
    try await Self.with(.nsec, .ecdsaP256) { world in
      let keys = try world.write("keys", "lab.test. 3600 IN DNSKEY \(RData(world.key))\n")
      let (status, output) = try await ZoneSigningTests.run([
        "/usr/bin/drill", "-p", world.port, "-S", "-k", keys, "@127.0.0.1", "web.lab.test", "A",
      ])
      #expect(status == 0 && output.contains("Chase successful"), "\(output)")
    }
  }

  @Test(arguments: [SigningPolicy.Denial.nsec, .nsec3]) func unboundValidates(denial: SigningPolicy.Denial) async throws
  {
    try await Self.with(denial, .ecdsaP256) { world in
      let anchor = try world.write("anchor", "lab.test. 3600 IN DNSKEY \(RData(world.key))\n")
      let file = try world.write(
        "unbound.conf",
        """
        server:
          do-not-query-localhost: no
          trust-anchor-file: "\(anchor)"
          local-zone: "test." nodefault
          chroot: ""
        stub-zone:
          name: "lab.test."
          stub-addr: 127.0.0.1@\(world.port)

        """)
      for (name, type) in [("web", "A"), ("x.wild", "A"), ("no", "A"), ("mail", "TXT"), ("in.here", "A")] {
        let (_, output) = try await ZoneSigningTests.run([
          "/usr/bin/unbound-host", "-C", file, "-v", "-t", type, "\(name).lab.test",
        ])
        #expect(output.contains("(secure)"), "\(name) \(type): \(output)")
      }
    }
  }
}
