import DNSCore
import DNSServer
import Foundation
import TestKit
import Testing
import Transport
import WireKit

/// The same zones in Portside and in Knot, asked the same questions (`Tests/InteropTests/DNS/differential.py`).
///
/// Needs Debian's `knot` and `python3-dnspython`; without them it fails.
@Suite(.timeLimit(.minutes(10))) struct DNSDifferentialTests {
  @Test func knotGivesTheSameAnswers() async throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("dns-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("InteropTests/DNS")
    let zoneFolder = folder.appendingPathComponent("zones")
    var sources: [ZoneSource] = []
    for file in try FileManager.default.contentsOfDirectory(atPath: zoneFolder.path).sorted()
    where file.hasSuffix("zone") {
      let copy = directory.appendingPathComponent(file)
      try FileManager.default.copyItem(at: zoneFolder.appendingPathComponent(file), to: copy)
      sources.append(ZoneSource(apex: try Name(String(file.dropLast(4))), .file(copy.path)))
    }
    try #require(sources.count >= 4)
    let events = RecordingEventSink(isWatching: false)
    let running = try await RunningServer.start(sources, events: events)
    let (status, output) = try await run(
      folder.appendingPathComponent("differential.py").path,
      ["\(running.endpoint.port)", directory.path] + sources.map(\.apex.description))
    try await running.stop()
    print(output)
    #expect(status == 0, "\(output)")
  }

  private func run(_ script: String, _ arguments: [String]) async throws -> (Int32, String) {
    try await Task.detached {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
      process.arguments = [script] + arguments
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
