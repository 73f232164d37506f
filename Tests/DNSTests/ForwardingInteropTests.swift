import DNSCore
@testable import DNSResolver
import Foundation
import NIOPosix
import TestKit
import Testing
import Transport
import WireKit

/// Forwarding to BIND over every transport (Debian: bind9, openssl).
@Suite(.timeLimit(.minutes(2))) struct ForwardingInteropTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("InteropTests/DNS")

  /// `named` with a certificate for its address; ports for plain DNS, TLS and HTTPS.
  private struct Named {
    let process: Process
    let folder: URL
    let ports: [Forwarder.Transport: UInt16]
    let certificate: [UInt8]

    static func start() async throws -> Named {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("named-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let path = { folder.appendingPathComponent($0).path }
      let (status, output) = try await ZoneSigningTests.run([
        "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
        "2", "-subj", "/CN=forwarder", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path("key.pem"), "-out",
        path("cert.pem"),
      ])
      try #require(status == 0, "\(output)")
      _ = try await ZoneSigningTests.run([
        "/usr/bin/openssl", "x509", "-in", path("cert.pem"), "-outform", "DER", "-out", path("cert.der"),
      ])
      try FileManager.default.copyItem(
        at: ForwardingInteropTests.folder.appendingPathComponent("zones/example.zone"),
        to: folder.appendingPathComponent("example.zone"))
      var sockets: [CInt] = []
      defer { for socket in sockets { close(socket) } }
      var numbers: [UInt16] = []
      for _ in 0..<3 {
        let opened = try DatagramSocket.open(Endpoint(IPAddress(127, 0, 0, 1), 0), count: 1)
        sockets += opened
        numbers.append(try DatagramSocket.localEndpoint(opened[0]).port)
      }
      let text = """
        tls local { key-file "\(path("key.pem"))"; cert-file "\(path("cert.pem"))"; };
        http local { endpoints { "/dns-query"; }; };
        options {
          directory "\(folder.path)"; pid-file "named.pid"; session-keyfile "session.key"; recursion no;
          dnssec-validation no; listen-on-v6 { none; };
          listen-on port \(numbers[0]) { 127.0.0.1; };
          listen-on port \(numbers[1]) tls local { 127.0.0.1; };
          listen-on port \(numbers[2]) tls local http local { 127.0.0.1; };
        };
        controls { };
        zone "example" { type primary; file "example.zone"; };

        """
      try Data(text.utf8).write(to: folder.appendingPathComponent("named.conf"))
      for socket in sockets { close(socket) }
      sockets = []
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/sbin/named")
      process.arguments = ["-f", "-n", "1", "-c", path("named.conf")]
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      return Named(
        process: process, folder: folder,
        ports: [.udp: numbers[0], .tcp: numbers[0], .tls: numbers[1], .https: numbers[2]],
        certificate: [UInt8](try Data(contentsOf: folder.appendingPathComponent("cert.der"))))
    }

    func stop() {
      process.terminate()
      process.waitUntilExit()
      try? FileManager.default.removeItem(at: folder)
    }
  }

  @Test func overEveryTransport() async throws {
    let named = try await Named.start()
    defer { named.stop() }
    for (transport, port) in named.ports {
      var configuration = ResolverConfiguration(
        networks: [], forwarders: [Forwarder(transport, Endpoint(IPAddress(127, 0, 0, 1), port))],
        trustRoots: [named.certificate])
      configuration.limits.exchange = .seconds(5)
      let resolver = Resolver(configuration, zones: ZoneSet(), clock: SystemClock())
      // It may still be about to start.
      var found: [ResourceRecord] = []
      for _ in 0..<100 {
        found = (try? await resolver.lookUp(Question(try Name("host1.example."), .a)).records) ?? []
        if !found.isEmpty { break }
        try await Task.sleep(for: .milliseconds(100))
      }
      #expect(found.map(\.description) == ["host1.example. 3600 IN A 192.0.2.1"], "\(transport)")
    }
    // A certificate that nobody vouches for is none.
    for transport in [Forwarder.Transport.tls, .https] {
      let endpoint = Endpoint(IPAddress(127, 0, 0, 1), try #require(named.ports[transport]))
      let resolver = Resolver(
        ResolverConfiguration(networks: [], forwarders: [Forwarder(transport, endpoint)]), zones: ZoneSet(),
        clock: SystemClock())
      await #expect(throws: (any Error).self, "\(transport)") {
        try await resolver.lookUp(Question(try Name("host1.example."), .a))
      }
    }
  }
}
