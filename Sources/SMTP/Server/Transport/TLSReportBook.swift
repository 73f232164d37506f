import Foundation
import SMTPCore
import Services
import Synchronization

/// Counts what came of TLS to each domain, day by day (RFC 8460), until it is reported.
final class TLSReportBook: Sendable {
  /// What came of one session.
  struct Session: Sendable {
    var domain: String
    var policy: MTASTSPolicy?
    var server: String
    var address: String
    /// The `result-type` of RFC 8460 §4.3; `nil` for a success.
    var failure: String?
    var reason: String?
  }

  struct Tally: Codable, Sendable {
    var policy: TLSReport.Policy
    var successes = 0
    var failures: [TLSReport.Failure] = []
  }

  private struct Day: Codable {
    /// Days since 1970.
    var number: Int64
    var tallies: [String: Tally] = [:]
  }

  private static let maximumDomains = 5_000
  private static let maximumFailures = 50

  private let file: String?
  private let days: Mutex<[Day]>

  init(file: String?) {
    self.file = file
    let content = file.flatMap { FileManager.default.contents(atPath: $0) } ?? Data()
    days = Mutex((try? JSONDecoder().decode([Day].self, from: content)) ?? [])
  }

  func note(_ session: Session, now: WallTime) {
    let number = now.seconds / 86_400
    days.withLock { days in
      if days.last?.number != number { days.append(Day(number: number)) }
      if days.count > 3 { days.removeFirst() }
      let index = days.count - 1
      guard days[index].tallies.count < Self.maximumDomains || days[index].tallies[session.domain] != nil else {
        return
      }
      var tally = days[index].tallies[session.domain] ?? Tally(policy: Self.policy(session))
      if let type = session.failure {
        let failure = TLSReport.Failure(
          type: type, server: session.server, address: session.address, count: 1,
          reason: session.reason.map { String($0.prefix(200)) })
        if let place = tally.failures.firstIndex(where: {
          $0.type == type && $0.server == failure.server && $0.address == failure.address
        }) {
          tally.failures[place].count += 1
        } else if tally.failures.count < Self.maximumFailures {
          tally.failures.append(failure)
        }
      } else {
        tally.successes += 1
      }
      days[index].tallies[session.domain] = tally
    }
  }

  private static func policy(_ session: Session) -> TLSReport.Policy {
    guard let policy = session.policy else {
      return TLSReport.Policy(type: "no-policy-found", text: nil, domain: session.domain, servers: nil)
    }
    let lines = policy.text.split(separator: "\r\n").map(String.init)
    return TLSReport.Policy(type: "sts", text: lines, domain: session.domain, servers: policy.servers)
  }

  /// The days that are over; they are not in the book any more.
  func takeFinished(now: WallTime) -> [(day: Int64, tallies: [String: Tally])] {
    days.withLock { days in
      let today = now.seconds / 86_400
      let finished = days.filter { $0.number < today }
      days.removeAll { $0.number < today }
      return finished.map { ($0.number, $0.tallies) }
    }
  }

  /// Writes it down, so that a restart forgets nothing of the day.
  func save() {
    guard let file, let content = days.withLock({ try? JSONEncoder().encode($0) }) else { return }
    try? content.write(to: URL(fileURLWithPath: file), options: .atomic)
  }

  /// The kind of a failure, from how it was told (RFC 8460 §4.3).
  static func type(of failure: SMTPReply) -> String? {
    if failure.enhanced == "4.7.5", failure.text.contains("offers no TLS") { return "starttls-not-supported" }
    guard isTLS(failure) else { return nil }
    let text = failure.text.lowercased()
    if text.contains("expired") { return "certificate-expired" }
    if text.contains("hostname") || text.contains("unabletovalidate") { return "certificate-host-mismatch" }
    if text.contains("certificate_verify_failed") || text.contains("self signed") { return "certificate-not-trusted" }
    return "validation-failure"
  }

  /// Whether a delivery failed because of TLS.
  static func isTLS(_ failure: SMTPReply) -> Bool {
    failure.enhanced == "4.4.1"
      && (failure.text.contains("TLS") || failure.text.contains("SSL") || failure.text.contains("andshake"))
  }
}
