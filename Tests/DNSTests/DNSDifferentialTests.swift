import DNSCore
import DNSServer
import Foundation
import TestKit
import Testing
import Transport
import WireKit

/// The same zones in Portside and in Knot or BIND, asked the same questions (`Tests/InteropTests/DNS/differential.py`).
///
/// Needs Debian's `knot`, `bind9`, `bind9-utils` and `python3-dnspython`; without them it fails.
@Suite(.timeLimit(.minutes(10))) struct DNSDifferentialTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("InteropTests/DNS")

  @Test(arguments: ["knot", "bind"]) func theSameAnswers(peer: String) async throws {
    try await compare(["DNS_DIFFERENTIAL_PEER": peer], signedBy: peer == "bind" ? "plain" : nil)
  }

  /// Zones that BIND's signer signed, served as they are: each kind of denial, each algorithm, DO on and off.
  @Test(arguments: [("nsec", "knot"), ("nsec", "bind"), ("nsec3", "bind"), ("optout", "knot"), ("salted", "bind")])
  func theSameAnswersFromSignedZones(chain: String, peer: String) async throws {
    try await compare(
      ["DNS_DIFFERENTIAL_PEER": peer, "DNS_DIFFERENTIAL_DNSSEC": "1", "DNS_DIFFERENTIAL_QUERIES": "1500"],
      signedBy: chain)
  }

  private func compare(_ environment: [String: String], signedBy chain: String? = nil) async throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("dns-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let zoneFolder = Self.folder.appendingPathComponent("zones")
    var sources: [ZoneSource] = []
    for file in try FileManager.default.contentsOfDirectory(atPath: zoneFolder.path).sorted()
    where file.hasSuffix("zone") {
      let copy = directory.appendingPathComponent(file)
      try FileManager.default.copyItem(at: zoneFolder.appendingPathComponent(file), to: copy)
      sources.append(ZoneSource(apex: try Name(String(file.dropLast(4))), .file(copy.path)))
    }
    try #require(sources.count >= 4)
    let apexes = sources.map(\.apex.description)
    if let chain {
      let (status, output) = try await run("sign-zones.py", [chain, directory.path] + apexes, environment)
      try #require(status == 0, "\(output)")
    }
    let events = RecordingEventSink(isWatching: false)
    let running = try await RunningServer.start(sources, events: events)
    let (status, output) = try await run(
      "differential.py", ["\(running.endpoint.port)", directory.path] + apexes, environment)
    let areSigned = running.server.servedZones.allSatisfy { $0.isSigned }
    #expect(areSigned == (chain != nil && chain != "plain"))
    try await running.stop()
    print(output)
    #expect(status == 0, "\(output)")
  }

  private func run(
    _ script: String, _ arguments: [String], _ environment: [String: String]
  ) async throws -> (Int32, String) {
    try await Task.detached {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
      process.arguments = [Self.folder.appendingPathComponent(script).path] + arguments
      // What the environment asks for (DNS_DIFFERENTIAL_QUERIES) goes first.
      process.environment = environment.merging(ProcessInfo.processInfo.environment) { $1 }
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
