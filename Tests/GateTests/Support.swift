import Glibc
import Services
import Synchronization
import TestKit
import Testing
import WireKit

@testable import Gate

/// A clock that a test moves.
final class TestClock: Clock {
  private let state = Mutex((monotonic: UInt64(1_000_000_000_000), wall: Int64(1_800_000_000)))

  func now() -> MonotonicTime { MonotonicTime(nanoseconds: state.withLock { $0.monotonic }) }
  func wallTime() -> WallTime { WallTime(seconds: state.withLock { $0.wall }) }

  func advance(seconds: Int64) {
    state.withLock { $0 = ($0.monotonic + UInt64(seconds) * 1_000_000_000, $0.wall + seconds) }
  }
}

/// A hasher that costs nothing and counts. `pause` holds each call up for that long.
final class CountingHasher: PasswordHasher {
  struct Counts: Equatable {
    var hashes = 0
    var verifications = 0
    var running = 0
    var mostRunning = 0
  }

  private let counts = Mutex(Counts())
  private let pauseMicroseconds: UInt32
  private let isOutOfMemory: Bool

  init(pauseMicroseconds: UInt32 = 0, isOutOfMemory: Bool = false) {
    self.pauseMicroseconds = pauseMicroseconds
    self.isOutOfMemory = isOutOfMemory
  }

  var seen: Counts { counts.withLock { $0 } }

  func hash(_ password: Secret) -> Secret? {
    run { $0.hashes += 1 }
    return isOutOfMemory ? nil : Self.mark(password)
  }

  func verify(_ password: Secret, against hash: Secret) -> Bool? {
    run { $0.verifications += 1 }
    return isOutOfMemory ? nil : Self.mark(password) == hash
  }

  private static func mark(_ password: Secret) -> Secret {
    password.withBytes { Secret(Array("cheap:".utf8) + $0) }
  }

  private func run(_ count: (inout Counts) -> Void) {
    counts.withLock {
      count(&$0)
      $0.running += 1
      $0.mostRunning = max($0.mostRunning, $0.running)
    }
    if pauseMicroseconds > 0 { usleep(pauseMicroseconds) }
    counts.withLock { $0.running -= 1 }
  }
}

/// Keeps what it is given.
final class RecordingSink: EventSink {
  private let kept = Mutex<[Event]>([])
  var events: [Event] { kept.withLock { $0 } }
  func isWatched(_ service: ServiceName) -> Bool { false }
  func emit(_ event: Event) { kept.withLock { $0.append(event) } }
}

/// Certificates that a test hands out.
final class TestCertificates: CertificateSource {
  private let state = Mutex((current: [TLSIdentity](), followers: [AsyncStream<[TLSIdentity]>.Continuation]()))

  init(_ identities: [TLSIdentity] = []) { set(identities) }

  func set(_ identities: [TLSIdentity]) {
    state.withLock { state in
      state.current = identities
      for follower in state.followers { follower.yield(identities) }
    }
  }

  func identities() -> AsyncStream<[TLSIdentity]> {
    let (stream, continuation) = AsyncStream.makeStream(of: [TLSIdentity].self)
    state.withLock { state in
      state.followers.append(continuation)
      continuation.yield(state.current)
    }
    return stream
  }
}

/// A gate with all its parts in memory.
struct TestGate: Sendable {
  let clock = TestClock()
  let sink = RecordingSink()
  let store = MemoryAccountStore()
  let auditStore = MemoryAuditStore()
  let hasher: CountingHasher
  let trail: AuditTrail
  let watch = WatchBoard()
  let events: GateEvents
  let penalties: PenaltyBoard
  let sessions = SessionTable()
  let directory: AccountDirectory
  let authenticator: Authenticator
  let administration: GateAdministration

  static let peer = Endpoint(IPAddress(192, 0, 2, 7), 40_000)

  init(
    hasher: CountingHasher = CountingHasher(), concurrency: Int = 2, maximumWaiting: Int = 64,
    penalties settings: PenaltySettings = PenaltySettings(minimum: .seconds(1000), maximum: .seconds(2000))
  ) async throws {
    self.hasher = hasher
    trail = AuditTrail(store: auditStore)
    events = GateEvents(next: sink, trail: trail, watch: watch, clock: clock)
    penalties = PenaltyBoard(settings, clock: clock, events: events)
    let roles = RoleTable(
      roles: ["staff": ["mail", "files:home", "rdp", "web:self"], "netops": ["console:show"], "none": []],
      totpRequired: ["admins"])
    let keys = try #require(GateKeys(master: Secret([UInt8](repeating: 7, count: 32))))
    directory = AccountDirectory(
      store: store, gate: HashingGate(hasher: hasher, concurrency: concurrency, maximumWaiting: maximumWaiting),
      keys: keys, roles: roles, clock: clock, defaultDomain: "lab.test")
    authenticator = try await Authenticator(directory: directory, penalties: penalties, events: events)
    administration = GateAdministration(
      directory: directory, trail: trail, clock: clock,
      live: .init(penalties: penalties, sessions: sessions, watch: watch), actor: "test")
  }

  func parts(certificates: any CertificateSource = TestCertificates()) -> GateParts {
    GateParts(
      accounts: authenticator, penalties: penalties, sessions: sessions, events: events, watch: watch,
      certificates: certificates, administration: administration, clock: clock)
  }

  /// An account with this password.
  @discardableResult
  func add(_ name: String, password: String = "correct horse", roles: [String] = ["staff"]) async throws -> Account {
    let account = try await directory.create(AccountSpecification(name: name, roles: roles))
    try await directory.setPassword(Secret(password), of: name)
    return account
  }

  func logIn(
    _ name: String, _ password: String, code: String? = nil, service: ServiceName = .imaps, peer: Endpoint = peer
  ) async throws -> LogInResult {
    let credential: LogInAttempt.Credential =
      code.map { .passwordAndCode(Secret(password), code: Secret($0)) } ?? .password(Secret(password))
    return try await authenticator.authenticate(
      LogInAttempt(name: name, credential: credential, service: service, peer: peer, isEncrypted: true))
  }

  /// The reason of the last refusal, which only the events know.
  var lastReason: String? {
    sink.events.last { $0.message == "log-in refused" }?.fields.first { $0.name == "reason" }.flatMap { field in
      if case .string(let text) = field.value { text } else { nil }
    }
  }
}

extension LogInResult {
  var isGranted: Bool { if case .granted = self { true } else { false } }
}

/// Counts calls.
final class Counter: Sendable {
  private let value = Mutex(0)
  var count: Int { value.withLock { $0 } }
  func add() { value.withLock { $0 += 1 } }
}
