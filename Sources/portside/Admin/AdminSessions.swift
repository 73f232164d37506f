import Crypto
import Foundation
import Services
import Synchronization
import Transport
import WireKit

/// Who is logged in on the administration pages. In memory: a restart of the gate logs everybody out.
final class AdminSessions: Sendable {
  struct Session: Sendable {
    var account: String
    var record: SessionRecord
    /// What forms carry, so that no other site can send them.
    var formToken: String
    var begun: MonotonicTime
    var used: MonotonicTime
  }

  /// Most that are logged in at once; the one that was used longest ago gives way.
  private static let maximum = 1000
  private static let idleTime = Duration.seconds(30 * 60)
  private static let wholeTime = Duration.seconds(8 * 3600)

  private let clock: any Services.Clock
  private let register: any SessionRegister
  private let numbers: SessionNumbers
  /// By the hash of the token: what a memory dump shows opens nothing.
  private let sessions = Mutex<[SHA256Digest: Session]>([:])

  init(clock: any Services.Clock, register: any SessionRegister, numbers: SessionNumbers) {
    self.clock = clock
    self.register = register
    self.numbers = numbers
  }

  /// Begins a session; the token is the client's to keep.
  func begin(_ account: String, on connection: Connection) -> String {
    let token = Self.token()
    let key = Self.key(token)
    let record = SessionRecord(
      id: numbers.next(), service: .admin, peer: connection.peer, local: connection.local, account: account,
      since: clock.wallTime(), encryption: connection.tls?.version)
    let now = clock.now()
    let removed = sessions.withLock { sessions -> [Session] in
      var removed = Self.expire(&sessions, now)
      if sessions.count >= Self.maximum, let oldest = sessions.min(by: { $0.value.used < $1.value.used })?.key {
        removed.append(contentsOf: [sessions.removeValue(forKey: oldest)].compactMap { $0 })
      }
      sessions[key] = Session(account: account, record: record, formToken: Self.token(), begun: now, used: now)
      return removed
    }
    for session in removed { register.close(session.record.id) }
    register.open(record) { [weak self] in _ = self?.sessions.withLock { $0.removeValue(forKey: key) } }
    return token
  }

  /// The session of a token, if it is still good.
  func session(_ token: String) -> Session? {
    let now = clock.now()
    return sessions.withLock { sessions in
      let key = Self.key(token)
      guard var session = sessions[key], now - session.used < Self.idleTime, now - session.begun < Self.wholeTime else {
        return nil
      }
      session.used = now
      sessions[key] = session
      return session
    }
  }

  func end(_ token: String) {
    let session = sessions.withLock { $0.removeValue(forKey: Self.key(token)) }
    if let session { register.close(session.record.id) }
  }

  private static func expire(_ sessions: inout [SHA256Digest: Session], _ now: MonotonicTime) -> [Session] {
    let old = sessions.filter { now - $0.value.used >= idleTime || now - $0.value.begun >= wholeTime }
    for key in old.keys { sessions[key] = nil }
    return Array(old.values)
  }

  private static func key(_ token: String) -> SHA256Digest { SHA256.hash(data: Data(token.utf8)) }

  /// 256 bits.
  private static func token() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<4).map { _ in String(generator.next(), radix: 36) }.joined(separator: "-")
  }
}
