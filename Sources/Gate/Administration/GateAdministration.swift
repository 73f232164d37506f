import Services
import WireKit

/// Performs administration operations in this process and writes them to the audit trail.
///
/// In the gate it has all its parts; the command line beside a stopped server has the stores alone, and what needs the
/// running server (penalties, sessions, watching) then answers `notRunning`.
public struct GateAdministration: Administration {
  /// What only a running server has.
  public struct Live: Sendable {
    public var penalties: PenaltyBoard
    public var sessions: SessionTable
    public var watch: WatchBoard

    public init(penalties: PenaltyBoard, sessions: SessionTable, watch: WatchBoard) {
      self.penalties = penalties
      self.sessions = sessions
      self.watch = watch
    }
  }

  let directory: AccountDirectory
  let trail: AuditTrail
  let clock: any Clock
  let live: Live?
  /// What an authenticator app shows beside the account's name.
  let issuer: String
  /// Who does it, for the audit trail: `uid 0`, an account's name.
  private(set) var actor: String
  /// The session by which it is done, where there is one.
  private var session: SessionRecord?

  public init(
    directory: AccountDirectory, trail: AuditTrail, clock: any Clock, live: Live?, actor: String,
    issuer: String = "Portside"
  ) {
    self.directory = directory
    self.trail = trail
    self.clock = clock
    self.live = live
    self.actor = actor
    self.issuer = issuer
  }

  /// The same for somebody else.
  public func acting(as actor: String, by session: SessionRecord? = nil) -> GateAdministration {
    var copy = self
    copy.actor = actor
    copy.session = session
    return copy
  }

  public func perform(_ request: AdminRequest) async -> AdminReply {
    do throws(AdminFailure) {
      switch request {
      case .penaltyList: return .rows(penaltyRows(try needLive()))
      case .penaltyClear(let network): return try await clearPenalties(network)
      case .sessionList(let account): return .rows(try sessionRows(account))
      case .sessionEnd(let id): return try await endSession(id)
      case .auditList(let filter, let before, let limit): return try await auditRows(filter, before, limit)
      case .auditVerify(let expected): return try await verifyAudit(expected)
      default: return try await performOnAccount(request)
      }
    } catch { return .failure(error) }
  }

  public func watch(_ filter: WatchFilter) async throws(AdminFailure) -> AsyncStream<Event> {
    let board = try needLive().watch
    let (stream, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingNewest(4096))
    let watcher = board.add(filter) { continuation.yield($0) }
    continuation.onTermination = { _ in board.remove(watcher) }
    return stream
  }

  func needLive() throws(AdminFailure) -> Live {
    guard let live else { throw AdminFailure(.notRunning, "the server is not running") }
    return live
  }

  /// Writes what was done. What was done stays done when that fails, and the answer says so.
  func record(
    _ action: String, _ subject: String?, before: String? = nil, after: String? = nil
  ) async throws(AdminFailure) {
    let entry = AuditEntry(
      time: clock.wallTime(), actor: actor, action: action, subject: subject, before: before, after: after,
      session: session?.id, service: session?.service, peer: session?.peer)
    do { try await trail.append([entry]) } catch {
      throw AdminFailure(.unavailable, "it was done, but the audit trail could not be written: \(error)")
    }
  }

  private func penaltyRows(_ live: Live) -> AdminRows {
    let now = clock.now()
    let rows = live.penalties.list().prefix(AdminRequest.maximumRows).map { entry in
      [
        entry.source.description, entry.isEnforced ? "turned away" : "counted", entry.reason.rawValue,
        entry.service.rawValue, "\((entry.end - now).components.seconds) s",
      ]
    }
    return AdminRows(columns: ["source", "state", "reason", "service", "left"], rows: Array(rows))
  }

  private func clearPenalties(_ network: IPNetwork?) async throws(AdminFailure) -> AdminReply {
    let count = try needLive().penalties.clear(network)
    try await record("penalty clear", network?.description ?? "all", after: "\(count) lifted")
    return .done("\(count) \(count == 1 ? "source is" : "sources are") welcome again")
  }

  private func sessionRows(_ account: String?) throws(AdminFailure) -> AdminRows {
    let sessions = try needLive().sessions
    let name: String?
    do { name = try account.map { name throws(DirectoryError) in try directory.normalise(name) } } catch {
      throw AdminFailure(error)
    }
    let rows = sessions.list(account: name).prefix(AdminRequest.maximumRows).map { session in
      [
        session.id.description, session.service.rawValue, session.account ?? "", session.peer.description,
        session.local.description, session.encryption ?? "none", CivilTime.text(session.since),
      ]
    }
    return AdminRows(
      columns: ["session", "service", "account", "peer", "local", "encryption", "since"], rows: Array(rows))
  }

  private func endSession(_ id: SessionID) async throws(AdminFailure) -> AdminReply {
    guard let session = try needLive().sessions.end(id) else {
      throw AdminFailure(.notFound, "there is no session \(id)")
    }
    try await record(
      "session end", session.account ?? session.peer.description,
      before: "session \(id), \(session.service.rawValue), \(session.peer)")
    return .done("session \(id) of \(session.account ?? session.peer.description) is being ended")
  }

  private func auditRows(
    _ filter: AuditFilter, _ before: Int64?, _ limit: Int
  ) async throws(AdminFailure) -> AdminReply {
    let limit = min(max(1, limit), AdminRequest.maximumRows)
    var filter = filter
    // A name may come without its domain; `uid 0` and the like are no names and stay.
    filter.account = filter.account.map {
      AccountName.normalise($0, defaultDomain: directory.defaultDomain) ?? $0
    }
    let records: [AuditRecord]
    do { records = try await trail.page(filter, from: .before(before), limit: limit) } catch {
      throw AdminFailure(error.code == .corrupt ? .finding : .unavailable, error.description)
    }
    let rows = records.map { record in
      let entry = record.entry
      return [
        "\(record.sequence)", CivilTime.text(entry.time), entry.actor, entry.action, entry.subject ?? "",
        entry.before ?? "", entry.after ?? "", entry.service?.rawValue ?? "", entry.session?.description ?? "",
        entry.peer?.description ?? "",
      ]
    }
    return .rows(
      AdminRows(
        columns: [
          "number", "time", "who", "what", "subject", "before", "after", "service", "session", "peer",
        ], rows: rows, next: records.count < limit ? nil : records.last.map { "\($0.sequence)" }))
  }

  private func verifyAudit(_ expected: AuditHead?) async throws(AdminFailure) -> AdminReply {
    let finding: AuditTrail.Finding
    do { finding = try await trail.verify(expecting: expected) } catch {
      throw AdminFailure(.unavailable, error.description)
    }
    switch finding {
    case .sound(let head):
      return .done("\(head.sequence) records, unbroken; the head is \(head.sequence):\(Hexadecimal.text(head.hash))")
    case .broken(let sequence, let what):
      throw AdminFailure(.finding, "the audit trail is broken at record \(sequence): \(what)")
    }
  }
}

extension AdminFailure {
  init(_ error: DirectoryError) {
    let code: Code =
      switch error.code {
      case .notFound: .notFound
      case .conflict: .conflict
      case .unavailable: .unavailable
      default: .usage
      }
    self.init(code, error.message)
  }
}

/// Bytes as people note them.
enum Hexadecimal {
  static func text(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// `nil` for an odd count or another character.
  static func bytes(_ text: some StringProtocol) -> [UInt8]? {
    let digits = text.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
    guard digits.count == text.utf8.count, digits.count % 2 == 0 else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}
