// A DNS server and nothing else, for `Benchmarks/dns/run`: DNSServer on loopback, one zone, UDP threads and TCP loops.
//
//   dns-bench-server PORT THREADS APEX ZONEFILE

import DNSCore
import DNSServer
import Foundation
import NIOPosix
import Services
import Transport
import WireKit

struct Silence: EventSink, Accounts, PenaltyBook, SessionRegister, CertificateSource {
  func isWatched(_ service: ServiceName) -> Bool { false }
  func emit(_ event: Event) {
    if event.severity >= .warning, event.kind == .log {
      FileHandle.standardError.write(Data("\(event.message) \(event.fields)\n".utf8))
    }
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

func tcpSocket(_ port: UInt16) -> Int32 {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  var one: Int32 = 1
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  let bound = withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  guard bound == 0, listen(descriptor, 1024) == 0 else {
    fatalError("TCP port \(port): \(String(cString: strerror(errno)))")
  }
  return descriptor
}

let arguments = CommandLine.arguments
guard arguments.count == 5, let port = UInt16(arguments[1]), let threads = Int(arguments[2]) else {
  fatalError("dns-bench-server PORT THREADS APEX ZONEFILE")
}
let silence = Silence()
let context = ServerContext(
  clock: SystemClock(), events: silence, accounts: silence, penalties: silence, sessions: silence, certificates: silence
)
let server = DNSServer(context: context)
let start = ContinuousClock.now
let reports = await server.reload([ZoneSource(apex: try Name(arguments[3]), .file(arguments[4]))])
guard case .loaded(let records, _)? = reports.first?.outcome else { fatalError("\(reports)") }
let limits = ConnectionLimits()
let listener = StreamListener<DNSStreamSession, DNSStreamHandler>(
  configuration: StreamListenerConfiguration(service: .dns, limits: limits, isRegistered: false), context: context,
  contexts: TLSContextStore(), counter: ConnectionCounter(), numbers: SessionNumbers(), handler: server.streamHandler
) { server.makeStreamSession($0) }
let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
try await listener.start(descriptor: tcpSocket(port), on: group)
let sockets = try DatagramSocket.open(Endpoint(IPAddress(127, 0, 0, 1), port), count: threads)
print("ready: \(records) records in \(ContinuousClock.now - start)")
fflush(nil)
try await server.run(datagrams: sockets)
