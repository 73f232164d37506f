import Foundation
import HTTPCore
import HTTPServer
import NIOPosix
import Services
import TestKit
import Testing
import Transport
import WireKit

/// A directory for a test, taken away at its end.
final class TemporaryTree: Sendable {
  let path: String

  init(_ files: [String: String] = [:]) throws {
    path = FileManager.default.temporaryDirectory.appending(path: "http-\(UInt64.random(in: .min ... .max))").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, content) in files { try write(name, Data(content.utf8)) }
  }

  func write(_ name: String, _ content: Data) throws {
    let file = URL(fileURLWithPath: path).appending(path: name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try content.write(to: file)
  }

  func link(_ name: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: path + "/" + name, withDestinationPath: target)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A server on loopback with what it needs from its surroundings.
struct TestServer {
  static let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)

  let server: HTTPServer
  let events: RecordingEventSink
  let contexts: TLSContextStore
  let plain: Endpoint
  let secure: Endpoint
  /// Kept as long as the server is.
  var tree: TemporaryTree?

  static func start(
    _ configuration: HTTPServerConfiguration, identities: [TLSIdentity] = [], desk: LogInDesk? = nil
  ) async throws -> TestServer {
    let events = RecordingEventSink(isWatching: false)
    let contexts = TLSContextStore()
    contexts.update(identities)
    let server = try HTTPServer(
      context: Nobody.context(events: events),
      contexts: contexts, counter: ConnectionCounter(), numbers: SessionNumbers(), configuration: configuration,
      desk: desk)
    let plain = try #require(
      try await server.listen(.init(isSecure: false), descriptor: boundSocket(), on: group).endpoint)
    let secure = try #require(
      try await server.listen(.init(isSecure: true), descriptor: boundSocket(), on: group).endpoint)
    return TestServer(server: server, events: events, contexts: contexts, plain: plain, secure: secure)
  }

  private static func boundSocket() throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(bound == 0)
    return descriptor
  }
}

struct Nobody: Accounts, PenaltyBook, SessionRegister, CertificateSource {
  /// Surroundings in which nobody can log in.
  static func context(events: any EventSink = RecordingEventSink(isWatching: false)) -> ServerContext {
    ServerContext(
      clock: SystemClock(), events: events, accounts: Nobody(), penalties: Nobody(), sessions: Nobody(),
      certificates: Nobody())
  }

  func authenticate(_ attempt: LogInAttempt) async throws(ServiceUnavailable) -> LogInResult { .denied }
  func acceptsPublicKey(_ key: [UInt8], account: String, peer: IPAddress) async throws(ServiceUnavailable) -> Bool {
    false
  }
  func penalty(for source: IPAddress, now: MonotonicTime) -> Duration? { nil }
  func report(_ misbehaviour: Misbehaviour, by source: IPAddress, service: ServiceName) {}
  func open(_ session: SessionRecord, end: @escaping @Sendable () -> Void) {}
  func update(_ id: SessionID, account: String) {}
  func close(_ id: SessionID) {}
  func identities() -> AsyncStream<[TLSIdentity]> { AsyncStream { $0.finish() } }
}
