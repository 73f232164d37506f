import Files
import Glibc
import SFTPServer
import Services
import SSHCore
import SSHServer
import Transport
import WireKit

/// One account.
struct FixtureAccounts: Accounts {
  let user: String
  let password: String?
  let code: String?
  let keys: Set<PublicKey>
  let permissions: Set<String>

  private var identity: AccountIdentity { AccountIdentity(name: user, roles: [], permissions: permissions) }

  func authenticate(_ attempt: LogInAttempt) async throws(ServiceUnavailable) -> LogInResult {
    guard attempt.name == user else { return .denied }
    switch attempt.credential {
    case .password(let secret):
      guard let password, secret == Secret(password) else { return .denied }
      return code == nil ? .granted(identity) : .codeNeeded
    case .passwordAndCode(let secret, let given):
      guard let password, let code, secret == Secret(password), given == Secret(code) else { return .denied }
      return .granted(identity)
    case .provenPublicKey(let blob):
      return keys.contains { $0.blob == blob } ? .granted(identity) : .denied
    // Mail clients' proofs; SSH has none of them.
    case .scram, .token: return .denied
    }
  }

  func acceptsPublicKey(_ key: [UInt8], account: String, peer: IPAddress) async throws(ServiceUnavailable) -> Bool {
    account == user && keys.contains { $0.blob == key }
  }
}

struct FixtureEvents: EventSink {
  let isVerbose: Bool
  func isWatched(_ service: ServiceName) -> Bool { false }
  func emit(_ event: Event) {
    guard isVerbose else { return }
    let fields = event.fields.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
    let line = Array("\(event.message) \(event.account ?? "") \(fields)\n".utf8)
    _ = write(2, line, line.count)
  }
}

struct FixturePenalties: PenaltyBook {
  func penalty(for source: IPAddress, now: MonotonicTime) -> Duration? { nil }
  func report(_ misbehaviour: Misbehaviour, by source: IPAddress, service: ServiceName) {}
}

struct FixtureSessions: SessionRegister {
  func open(_ session: SessionRecord, end: @escaping @Sendable () -> Void) {}
  func update(_ id: SessionID, account: String) {}
  func close(_ id: SessionID) {}
}

struct FixtureCertificates: CertificateSource {
  func identities() -> AsyncStream<[TLSIdentity]> { AsyncStream { $0.finish() } }
}

/// Shells and commands of the user that runs the tests, and SFTP below a directory.
struct FixturePrograms: SessionProgramSource {
  private let own: OwnUserPrograms
  private let store: DiskFileStore?

  init(home: String?, files: String?) throws {
    own = OwnUserPrograms(home: home)
    store = try files.map { try DiskFileStore(root: $0) }
  }

  func start(
    _ start: SessionStart, for account: AccountIdentity, on connection: Connection
  ) async -> (any SessionProgram)? {
    if start.program == .subsystem("sftp"), let store { return FileProgram(sftp: store) }
    return await own.start(start, for: account, on: connection)
  }
}
