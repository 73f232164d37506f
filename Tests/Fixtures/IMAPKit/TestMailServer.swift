import Glibc
import IMAPCore
import IMAPServer
import MailEngine
import NIOCore
import NIOPosix
import Services
import Transport
import WireKit

/// An IMAP server over a store in memory, on loopback and in plain text, for `ann@lab.test` and `bob@lab.test`, both with the
/// password `secret`, and `root@lab.test`, who may do everything.
public final class TestMailServer: Sendable {
  public let store: MailEngine
  public let server: IMAPServer
  public let port: Int
  public static let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)

  public init(limits: IMAPLimits = IMAPLimits(), port: UInt16 = 0, plaintext: Bool = true) async throws {
    let clock = SystemClock()
    store = try MailEngine(backing: MemoryMailBacking(), clock: clock)
    let context = ServerContext(
      clock: clock, events: Silence(), accounts: TestAccounts(), penalties: NoPenalties(), sessions: NoRegister(),
      certificates: NoCertificates())
    server = IMAPServer(
      context: context, contexts: TLSContextStore(), counter: ConnectionCounter(SourceLimits()),
      numbers: SessionNumbers(), store: store,
      configuration: .init(hostName: "mail.lab.test", limits: limits) { _ in plaintext })
    let listening = try await server.listen(
      .init(tls: .none), descriptor: try Self.boundSocket(port), on: Self.group)
    self.port = Int(listening.endpoint?.port ?? 0)
  }

  private static func boundSocket(_ port: UInt16) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard bound == 0, listen(descriptor, 256) == 0 else { throw ServiceUnavailable("no socket") }
    return descriptor
  }
}

struct TestAccounts: Accounts {
  func authenticate(_ attempt: LogInAttempt) async throws(ServiceUnavailable) -> LogInResult {
    guard case .password(let secret) = attempt.credential, secret == Secret("secret") else { return .denied }
    let name = attempt.name.contains("@") ? attempt.name : "\(attempt.name)@lab.test"
    switch name {
    case "ann@lab.test", "bob@lab.test":
      return .granted(AccountIdentity(name: name, roles: ["staff"], permissions: ["mail"]))
    case "root@lab.test": return .granted(AccountIdentity(name: name, roles: ["admin"], permissions: ["all"]))
    default: return .denied
    }
  }

  func acceptsPublicKey(_ key: [UInt8], account: String, peer: IPAddress) async throws(ServiceUnavailable) -> Bool {
    false
  }
}

struct Silence: EventSink {
  func isWatched(_ service: ServiceName) -> Bool { false }
  func emit(_ event: Event) {}
}

struct NoPenalties: PenaltyBook {
  func penalty(for source: IPAddress, now: MonotonicTime) -> Duration? { nil }
  func report(_ misbehaviour: Misbehaviour, by source: IPAddress, service: ServiceName) {}
}

struct NoRegister: SessionRegister {
  func open(_ session: SessionRecord, end: @escaping @Sendable () -> Void) {}
  func update(_ id: SessionID, account: String) {}
  func close(_ id: SessionID) {}
}

struct NoCertificates: CertificateSource {
  func identities() -> AsyncStream<[TLSIdentity]> { AsyncStream { $0.finish() } }
}
