import Foundation
import NIOCore
import NIOSSL
import Services
import Testing
import Transport
import WireKit

/// Certificates from openssl(1), made once.
private struct TestIdentity {
  let identity: TLSIdentity
  let root: NIOSSLCertificate

  static func make(_ name: String) throws -> TestIdentity {
    let folder = NSTemporaryDirectory() + "portside-tls-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let commands = [
      ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        + ["-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:\(name)"]
        + ["-keyout", "\(folder)/key.pem", "-out", "\(folder)/cert.pem"],
      ["pkcs8", "-topk8", "-nocrypt", "-in", "\(folder)/key.pem", "-outform", "DER", "-out", "\(folder)/key.der"],
      ["x509", "-in", "\(folder)/cert.pem", "-outform", "DER", "-out", "\(folder)/cert.der"],
    ]
    for arguments in commands {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
      process.arguments = arguments
      process.standardError = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      try #require(process.terminationStatus == 0)
    }
    let certificate = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/cert.der")))
    let key = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/key.der")))
    return TestIdentity(
      identity: TLSIdentity(names: [name], chain: [certificate], privateKey: Secret(key)),
      root: try NIOSSLCertificate(bytes: certificate, format: .der))
  }

  func client(alpn: [String] = [], version: TLSVersion? = nil) throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .certificates([root])
    configuration.applicationProtocols = alpn
    if let version { (configuration.minimumTLSVersion, configuration.maximumTLSVersion) = (version, version) }
    return try NIOSSLContext(configuration: configuration)
  }
}

@Suite(.timeLimit(.minutes(2))) struct TLSTests {
  private static let identity = Result { try TestIdentity.make("srv.lab.test") }

  private func server(
    _ mode: StreamListenerConfiguration.TLSMode, alpn: [String] = [], limits: ConnectionLimits = .init()
  ) async throws -> EchoServer {
    let server = try await EchoServer.start(
      StreamListenerConfiguration(
        service: .imap, tls: mode, applicationProtocols: alpn, limits: limits,
        plainTextRefusal: Array("this port speaks TLS\r\n".utf8)))
    server.contexts.update([try Self.identity.get().identity])
    return server
  }

  @Test(arguments: [TLSVersion.tlsv12, .tlsv13]) func implicit(version: TLSVersion) async throws {
    let server = try await server(.implicit, alpn: ["imap"])
    let client = try await server.connect(
      tls: try Self.identity.get().client(alpn: ["imap"], version: version), serverName: "srv.lab.test")
    try await client.send("ECHO safe\r\n")
    let name = version == .tlsv12 ? "TLSv1.2" : "TLSv1.3"
    #expect(try await client.text(until: "safe\r\n") == "hello \(name) 127.0.0.1\r\nsafe\r\n")
  }

  @Test func oldVersionsAreRefused() async throws {
    let server = try await server(.implicit)
    let client = try await server.connect(
      tls: try Self.identity.get().client(version: .tlsv11), serverName: "srv.lab.test")
    #expect(try await client.wait { $0.isClosed })
    #expect(client.text.isEmpty)
  }

  @Test func startTLS() async throws {
    let server = try await server(.starttls)
    let client = try await server.connect()
    try await client.send("ECHO plain\r\n")
    _ = try await client.text(until: "plain\r\n")
    try await client.send("STARTTLS\r\n")
    _ = try await client.text(until: "go\r\n")
    try await client.upgrade(try Self.identity.get().client(), serverName: "srv.lab.test")
    try await client.send("ECHO safe\r\n")
    #expect(try await client.text(until: "safe\r\n").hasSuffix("go\r\nsafe\r\n"))
  }

  /// STARTTLS injection (`security.md`): what follows in plain text ends the connection, and nothing is answered.
  @Test func plainTextBehindStartTLSEndsTheConnection() async throws {
    let server = try await server(.starttls)
    let client = try await server.connect()
    _ = try await client.text(until: "\r\n")
    try await client.send("STARTTLS\r\nECHO injected\r\n")
    #expect(try await client.wait { $0.isClosed })
    #expect(client.text == "hello plain 127.0.0.1\r\n")
  }

  /// ALPACA (`security.md`): a client of another protocol is refused by the alert no_application_protocol (120), one
  /// that asks for a foreign host by unrecognized_name (112).
  @Test(arguments: [
    (["http/1.1", "h2"], "srv.lab.test", "NO_APPLICATION_PROTOCOL"), (["imap"], "evil.test", "UNRECOGNIZED_NAME"),
  ]) func foreignClientsAreRefused(alpn: [String], name: String, alert: String) async throws {
    let server = try await server(.implicit, alpn: ["imap"])
    let client = try await server.connect(tls: try Self.identity.get().client(alpn: alpn), serverName: name)
    #expect(try await client.wait { $0.isClosed })
    let error = client.received.state.withLock { $0.error } ?? ""
    #expect(error.uppercased().contains(alert), "\(error)")
    #expect(client.text.isEmpty)
  }

  @Test func clientsWithoutALPNAreWelcome() async throws {
    let server = try await server(.implicit, alpn: ["imap"])
    let client = try await server.connect(tls: try Self.identity.get().client(), serverName: nil)
    #expect(try await client.wait { $0.isClosed || $0.text.hasSuffix("\r\n") })
  }

  @Test func plainTextOnATLSPortGetsAWordAndTheDoor() async throws {
    let server = try await server(.implicit)
    let client = try await server.connect()
    try await client.send("GET / HTTP/1.1\r\n\r\n")
    #expect(try await client.wait { $0.isClosed })
    #expect(client.text == "this port speaks TLS\r\n")
  }

  @Test func handshakesMustComeToAnEnd() async throws {
    let server = try await server(.implicit, limits: ConnectionLimits(handshakeTimeout: .milliseconds(200)))
    let client = try await server.connect()
    try await client.send([22, 3, 1, 2, 0, 1])
    #expect(try await client.wait { $0.isClosed })
    #expect(try await client.wait { _ in server.listener.connectionCount == 0 })
  }

  @Test func newCertificatesServeNewConnectionsAtOnce() async throws {
    let server = try await server(.implicit)
    let other = try TestIdentity.make("new.lab.test")
    let old = try await server.connect(tls: try Self.identity.get().client(), serverName: "srv.lab.test")
    _ = try await old.text(until: "\r\n")
    server.contexts.update([try Self.identity.get().identity, other.identity])
    let client = try await server.connect(tls: try other.client(), serverName: "new.lab.test")
    #expect(try await client.text(until: "\r\n").hasPrefix("hello TLS"))
    try await old.send("ECHO still here\r\n")
    #expect(try await old.text(until: "here\r\n").hasSuffix("still here\r\n"))
  }
}
