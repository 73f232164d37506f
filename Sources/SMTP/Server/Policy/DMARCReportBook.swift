import Foundation
import Services
import Synchronization

/// Counts what came in the name of each domain that asked for reports, day by day (RFC 7489 §7.2).
final class DMARCReportBook: Sendable {
  struct Row: Codable, Hashable, Sendable {
    var source: String
    /// What was done: `none`, `quarantine`, `reject`.
    var disposition: String
    var isDKIMAligned: Bool
    var isSPFAligned: Bool
    var headerFrom: String
    var envelopeFrom: String
    var spf: String
    var spfDomain: String
    var dkim: [Signature]
    /// Why something else was done than the policy says: `trusted_forwarder`.
    var override: String?
  }

  struct Signature: Codable, Hashable, Sendable {
    var domain: String
    var selector: String
    var result: String
  }

  /// What one domain is told.
  struct Tally: Codable, Sendable {
    var tags: [String: String]
    var rows: [Row] = []
    var counts: [Int] = []
  }

  private struct Day: Codable {
    var number: Int64
    var tallies: [String: Tally] = [:]
  }

  private static let maximumDomains = 2_000
  private static let maximumRows = 500

  private let file: String?
  private let days: Mutex<[Day]>

  init(file: String?) {
    self.file = file
    let content = file.flatMap { FileManager.default.contents(atPath: $0) } ?? Data()
    days = Mutex((try? JSONDecoder().decode([Day].self, from: content)) ?? [])
  }

  func note(_ row: Row, about domain: String, _ tags: [String: String], now: WallTime) {
    guard tags["rua"] != nil else { return }
    let number = now.seconds / 86_400
    days.withLock { days in
      if days.last?.number != number { days.append(Day(number: number)) }
      if days.count > 3 { days.removeFirst() }
      let index = days.count - 1
      guard days[index].tallies.count < Self.maximumDomains || days[index].tallies[domain] != nil else { return }
      var tally = days[index].tallies[domain] ?? Tally(tags: tags)
      if let place = tally.rows.firstIndex(of: row) {
        tally.counts[place] += 1
      } else if tally.rows.count < Self.maximumRows {
        tally.rows.append(row)
        tally.counts.append(1)
      }
      days[index].tallies[domain] = tally
    }
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

  func save() {
    guard let file, let content = days.withLock({ try? JSONEncoder().encode($0) }) else { return }
    try? content.write(to: URL(fileURLWithPath: file), options: .atomic)
  }
}

extension ReceivingPolicy {
  /// For the report to the domain.
  func note(_ findings: PolicyFindings, _ address: String, _ sender: String, _ hello: String) {
    guard let dmarc = findings.dmarc, let published = dmarc.published else { return }
    let isVouched = dmarc.result == .fail && findings.refusal == nil && !findings.isSuspicious && dmarc.policy != .none
    let disposition = findings.refusal != nil ? "reject" : findings.isSuspicious ? "quarantine" : "none"
    let at = sender.lastIndex(of: "@")
    let spfDomain = at.map { String(sender[sender.index(after: $0)...]).lowercased() } ?? hello.lowercased()
    server.dmarcReports.note(
      .init(
        source: address, disposition: disposition, isDKIMAligned: dmarc.isDKIMAligned,
        isSPFAligned: dmarc.isSPFAligned, headerFrom: dmarc.domain, envelopeFrom: sender.isEmpty ? "" : spfDomain,
        spf: findings.spf?.result.rawValue ?? "none", spfDomain: spfDomain,
        dkim: findings.dkim.prefix(5).map {
          .init(domain: $0.domain, selector: $0.selector, result: $0.result.rawValue)
        }, override: isVouched ? "trusted_forwarder" : nil),
      about: published.domain, published.tags, now: server.parts.context.clock.wallTime())
  }
}
