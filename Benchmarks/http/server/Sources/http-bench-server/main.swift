// Serves a directory for measurements and trials: HTTPBench ROOT PLAIN_PORT [TLS_PORT CERTIFICATE.pem KEY.pem]
// Prints "ready PLAIN TLS" and serves until it is ended. One event loop per core, or THREADS in the environment.
import Glibc
import HTTPCore
import HTTPServer
import NIOPosix
import NIOSSL
import Services
import Transport
import WireKit

/// Past the buffers of `print`, which a pipe would fill for long.
func say(_ text: String) {
  let line = Array((text + "\n").utf8)
  _ = write(1, line, line.count)
}

struct Silence: EventSink {
  func isWatched(_ service: ServiceName) -> Bool { false }
  func emit(_ event: Event) {
    if getenv("HTTPBENCH_EVENTS") != nil { say("event \(event.message) \(event.fields.map { "\($0.value)" })") }
  }
}

struct Nobody: Accounts, PenaltyBook, SessionRegister, CertificateSource {
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

/// Answers with what it was sent, piece by piece: shows that contents stream in both directions.
struct Echo: SiteHandler {
  func handle(_ request: HTTPRequest, body: RequestBody, on connection: Connection) async -> HTTPReply {
    var count = 0
    do {
      for try await piece in body { count += piece.readableBytes }
    } catch {
      return HTTPReply(.badRequest)
    }
    return HTTPReply(.ok, content: .stream(Counter(count)))
  }

  actor Counter: HTTPContentStream {
    private var rest: [String]
    init(_ count: Int) { rest = ["received ", "\(count)", " bytes\n"].reversed() }
    func next(atMost limit: Int) async throws -> [UInt8] { Array((rest.popLast() ?? "").utf8) }
  }
}

func boundSocket(_ port: UInt16) -> Int32 {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
  var one: Int32 = 1
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  let result = withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  guard result == 0 else {
    print("port \(port) can't be bound")
    exit(1)
  }
  return descriptor
}

let arguments = CommandLine.arguments
guard arguments.count >= 3, let plainPort = UInt16(arguments[2]) else {
  print("HTTPBench ROOT PLAIN_PORT [TLS_PORT CERTIFICATE.pem KEY.pem]")
  exit(2)
}
signal(SIGPIPE, SIG_IGN)
let threads = getenv("THREADS").flatMap { Int(String(cString: $0)) } ?? 2
let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
let nobody = Nobody()
let contexts = TLSContextStore()
let server = try HTTPServer(
  context: ServerContext(
    clock: SystemClock(), events: Silence(), accounts: nobody, penalties: nobody, sessions: nobody,
    certificates: nobody),
  contexts: contexts, counter: ConnectionCounter(SourceLimits(maximumConnectionsPerSource: 10_000)),
  numbers: SessionNumbers(),
  configuration: HTTPServerConfiguration(
    sites: [
      SiteConfiguration(
        names: ["localhost", "127.0.0.1", "*.lab.test"], content: .directory(.init(root: arguments[1])),
        mounts: [Mount("/echo", Echo())])
    ], defaultSite: "localhost"))
let plain = try await server.listen(.init(isSecure: false), descriptor: boundSocket(plainPort), on: group).endpoint
var secure: Endpoint?
if arguments.count >= 6, let port = UInt16(arguments[3]) {
  let chain = try NIOSSLCertificate.fromPEMFile(arguments[4]).map { try $0.toDERBytes() }
  let key = try NIOSSLPrivateKey(file: arguments[5], format: .pem)
  contexts.update([
    TLSIdentity(names: ["localhost", "www.lab.test"], chain: chain, privateKey: Secret(try key.derBytes))
  ])
  secure = try await server.listen(.init(isSecure: true), descriptor: boundSocket(port), on: group).endpoint
}
say("ready \(plain?.port ?? 0) \(secure?.port ?? 0)")
while true { try await Task.sleep(for: .seconds(3600)) }
