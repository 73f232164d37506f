import DNSCore
import DNSServer
import Foundation
import NIOPosix
import Services
import TestKit
import Testing
import Transport
import WireKit

/// A DNS server on loopback: UDP threads, and a stream listener on the same port.
struct RunningServer {
  let server: DNSServer
  let endpoint: Endpoint
  let listener: StreamListener<DNSStreamSession, DNSStreamHandler>
  let sockets: [CInt]
  let task: Task<Void, any Error>

  static func start(
    _ zones: [ZoneSource], threads: Int = 1, address: IPAddress = IPAddress(127, 0, 0, 1),
    events: RecordingEventSink = RecordingEventSink(isWatching: false), finisher: (any ZoneFinishing)? = nil
  ) async throws -> RunningServer {
    let context = ServerContext.silent(events)
    let server = DNSServer(context: context)
    if let finisher { server.setFinisher(finisher) }
    for report in await server.reload(zones) {
      guard case .loaded = report.outcome else {
        Issue.record("\(report.findings)")
        continue
      }
    }
    let (sockets, stream) = try boundSockets(address, threads)
    let endpoint = try DatagramSocket.localEndpoint(sockets[0])
    let listener = StreamListener<DNSStreamSession, DNSStreamHandler>(
      configuration: StreamListenerConfiguration(service: .dns, isRegistered: false), context: context,
      contexts: TLSContextStore(), counter: ConnectionCounter(), numbers: SessionNumbers(),
      handler: server.streamHandler
    ) { server.makeStreamSession($0) }
    try await listener.start(descriptor: stream, on: MultiThreadedEventLoopGroup.singleton)
    let task = Task { try await server.run(datagrams: sockets) }
    return RunningServer(server: server, endpoint: endpoint, listener: listener, sockets: sockets, task: task)
  }

  func stop() async throws {
    await listener.drain(within: .seconds(5))
    server.stop()
    try await task.value
    for socket in sockets { close(socket) }
  }

  /// UDP sockets and a TCP socket on one port: the kernel picks it for UDP, and it may be taken for TCP.
  private static func boundSockets(_ address: IPAddress, _ threads: Int) throws -> ([CInt], CInt) {
    for _ in 0..<50 {
      let sockets = try DatagramSocket.open(Endpoint(address, 0), count: threads)
      if let stream = streamSocket(try DatagramSocket.localEndpoint(sockets[0])) { return (sockets, stream) }
      for socket in sockets { close(socket) }
    }
    throw SystemCallError("bind", EADDRINUSE)
  }

  private static func streamSocket(_ endpoint: Endpoint) -> Int32? {
    let isV4 = endpoint.address.family == .v4
    let descriptor = socket(isV4 ? AF_INET : AF_INET6, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var storage = sockaddr_storage()
    let length: Int
    if isV4 {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = endpoint.port.bigEndian
      address.sin_addr.s_addr = UInt32(truncatingIfNeeded: endpoint.address.bits).bigEndian
      withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in.self) }
      length = MemoryLayout<sockaddr_in>.size
    } else {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = endpoint.port.bigEndian
      withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in6.self) }
      length = MemoryLayout<sockaddr_in6>.size
    }
    let bound = withUnsafePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(length)) }
    }
    guard bound == 0, listen(descriptor, 128) == 0 else {
      close(descriptor)
      return nil
    }
    return descriptor
  }
}

extension ServerContext {
  /// A context in which nobody logs in and nothing is remembered but events.
  static func silent(_ events: RecordingEventSink) -> ServerContext {
    let nobody = Nobody()
    return ServerContext(
      clock: SystemClock(), events: events, accounts: nobody, penalties: nobody, sessions: nobody, certificates: nobody)
  }
}

private struct Nobody: Accounts, PenaltyBook, SessionRegister, CertificateSource {
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
