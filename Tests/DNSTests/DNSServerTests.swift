import DNSClient
import DNSCore
import DNSServer
import Foundation
import NIOPosix
import Services
import TestKit
import Testing
import Transport
import WireKit

@Suite(.timeLimit(.minutes(2))) struct DNSServerTests {
  @Test func answersOverUDPAndTCP() async throws {
    let running = try await RunningServer.start([ZoneSource(apex: try Name("lab.test."), .text(exampleZone))])
    let client = DNSClient.patient
    let a = try await client.query(Question(try Name("web.lab.test."), .a), server: running.endpoint)
    #expect(a.transport == .udp)
    #expect(a.message.lines == ResponderTests.web)
    // What does not fit comes over TCP.
    let big = try await client.query(Question(try Name("big.lab.test."), .txt), server: running.endpoint)
    #expect(big.transport == .tcp && big.message.answers.count == 1)
    var udp = client
    udp.configuration.transport = .udp
    let cut = try await udp.query(Question(try Name("big.lab.test."), .txt), server: running.endpoint)
    #expect(cut.message.header.flags.contains(.truncated))
    #expect(DigOutput.text(a).contains("web.lab.test.\t3600\tIN\tA\t192.0.2.3"))
    #expect(DigOutput.text(a).contains("status: NOERROR"))
    try await running.stop()
    let metrics = running.server.metrics
    // A busy machine may have made the client ask again.
    #expect(metrics.datagrams.queries >= 3 && metrics.datagrams.truncated >= 2, "\(metrics)")
    #expect(metrics.streams.queries == 1 && metrics.streams.noError == 1)
  }

  @Test func manyAtOnce() async throws {
    let running = try await RunningServer.start(
      [ZoneSource(apex: try Name("lab.test."), .text(exampleZone))], threads: 2)
    let endpoint = running.endpoint
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for index in 0..<200 {
        group.addTask {
          var client = DNSClient.patient
          client.configuration.transport = index % 4 == 0 ? .tcp : .udp
          let name = try Name("h\(index).wild.lab.test.")
          let response = try await client.query(Question(name, .a), server: endpoint)
          return response.message.answers.map(\.name) == [name]
        }
      }
      for try await isRight in group { #expect(isRight) }
    }
    try await running.stop()
    #expect(running.server.metrics.datagrams.queries >= 150)
    #expect(running.server.metrics.streams.queries == 50)
  }

  /// On a socket of the wildcard address the reply comes from the address that was asked.
  @Test func repliesFromTheAddressThatWasAsked() async throws {
    let running = try await RunningServer.start(
      [ZoneSource(apex: try Name("lab.test."), .text(exampleZone))], address: IPAddress(0, 0, 0, 0))
    var client = DNSClient.patient
    client.configuration.transport = .udp
    let other = Endpoint(IPAddress(127, 0, 0, 77), running.endpoint.port)
    // The client's socket is connected: a reply from 127.0.0.1 would not arrive.
    let response = try await client.query(Question(try Name("ns1.lab.test."), .a), server: other)
    #expect(response.message.answers.count == 1)
    try await running.stop()
  }

  @Test func worksOverIPv6() async throws {
    let running = try await RunningServer.start(
      [ZoneSource(apex: try Name("lab.test."), .text(exampleZone))], address: try #require(IPAddress("::")))
    let endpoint = Endpoint(try #require(IPAddress("::1")), running.endpoint.port)
    var client = DNSClient.patient
    client.configuration.transport = .udp
    let response = try await client.query(Question(try Name("ns1.lab.test."), .aaaa), server: endpoint)
    #expect(response.message.answers.count == 1)
    try await running.stop()
  }

  @Test func aBrokenZoneFileKeepsTheOldZone() async throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("dns-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let file = directory.appendingPathComponent("lab.test.zone")
    let head = "$TTL 60\n@ SOA ns1 who 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n"
    try (head + "$INCLUDE hosts\n").write(to: file, atomically: true, encoding: .utf8)
    try "a A 192.0.2.2\n".write(to: directory.appendingPathComponent("hosts"), atomically: true, encoding: .utf8)
    let source = ZoneSource(apex: try Name("lab.test."), .file(file.path))
    let server = DNSServer(context: .silent(RecordingEventSink()))
    #expect(await server.reload([source]).map(\.outcome) == [.loaded(records: 4, serial: 1)])
    try (head + "b A nonsense\n").write(to: file, atomically: true, encoding: .utf8)
    let report = try #require(await server.reload([source]).first)
    #expect(report.outcome == .kept)
    #expect(report.findings.map(\.description) == ["\(file.path):5:5: error: 'nonsense' is no IPv4 address"])
    #expect(server.servedZones.map(\.recordCount) == [4])
    // Out of the directory, by name or by link, there is no way.
    for path in ["/etc/passwd", "../x", "link"] {
      try? FileManager.default.createSymbolicLink(
        atPath: directory.appendingPathComponent("link").path, withDestinationPath: "/etc/passwd")
      try (head + "$INCLUDE \(path)\n").write(to: file, atomically: true, encoding: .utf8)
      let report = try #require(await server.reload([source]).first)
      #expect(report.findings.first?.message == "$INCLUDE \(path): outside of the zone file's directory")
    }
    #expect(await server.reload([ZoneSource(apex: .root, .file("/nonexistent"))]).map(\.outcome) == [.failed])
    #expect(server.servedZones.isEmpty)
  }

  @Test func watchersSeeConversations() async throws {
    let events = RecordingEventSink(isWatching: true)
    let running = try await RunningServer.start(
      [ZoneSource(apex: try Name("lab.test."), .text(exampleZone))], events: events)
    for transport in [DNSClientConfiguration.Transport.udp, .tcp] {
      var client = DNSClient.patient
      client.configuration.transport = transport
      _ = try await client.query(Question(try Name("ns1.lab.test."), .a), server: running.endpoint)
    }
    try await running.stop()
    let conversations = events.events.compactMap { event -> String? in
      guard case .conversation(let direction, let wire, _) = event.kind else { return nil }
      return "\(direction) \(wire)"
    }
    #expect(conversations.filter { $0 == "received ns1.lab.test. IN A" }.count == 2)
    #expect(conversations.filter { $0 == "sent ns1.lab.test. 3600 IN A 192.0.2.1" }.count == 2)
  }

  @Test func clientErrors() async throws {
    var client = DNSClient.patient
    client.configuration.timeout = .milliseconds(200)
    client.configuration.attempts = 1
    let sockets = try DatagramSocket.open(Endpoint(IPAddress(127, 0, 0, 1), 0), count: 1)
    defer { for socket in sockets { close(socket) } }
    let silent = try DatagramSocket.localEndpoint(sockets[0])
    await #expect(throws: DNSClientError.timeout) {
      try await client.query(Question(.root, .soa), server: silent)
    }
    client.configuration.transport = .tcp
    await #expect(throws: DNSClientError.self) { try await client.query(Question(.root, .soa), server: silent) }
  }

  @Test func configurationIsChecked() throws {
    var configuration = DNSServerConfiguration()
    #expect(configuration.validate() == [])
    configuration.responder.udpLimit = 100
    configuration.datagrams.batch = 0
    configuration.zones = [ZoneSource(apex: .root, .text("")), ZoneSource(apex: .root, .text(""))]
    #expect(configuration.validate().count == 3)
  }
}

extension DNSClient {
  /// Tests that run beside this one may keep every thread busy for seconds: here the answer counts, not the time.
  static var patient: DNSClient {
    var client = DNSClient()
    client.configuration.timeout = .seconds(20)
    return client
  }
}
