import Configuration
import DNSClient
import DNSCore
import Foundation
import MailSetup
import SMTPClient
import WireKit

/// Compares what DNS says of our mail domains with what it should say: for `portside check`.
struct MailRecordsCheck {
  let configuration: PortsideConfiguration
  let folder: DataFolder

  /// - Parameter own: Where our DNS server listens, if it runs.
  func run(asking own: Endpoint?, into report: inout CheckReport) async {
    guard configuration.smtp.isActive, !configuration.smtp.domains.isEmpty else { return }
    guard let publication = MailPublicationFile(folder.mailPublication).current else {
      return report.add(
        .warning, "mail domains", "the mail server has not run yet, and made no signing keys", "portside serve")
    }
    let servers = servers(own)
    for domain in publication.domains {
      var (right, all) = (0, 0)
      for record in publication.records(of: domain) {
        all += 1
        switch await Self.look(for: record, servers) {
        case .there: right += 1
        case .unknown(let reason):
          report.add(.warning, "DNS of \(domain.name)", "\(record.name) \(record.data.type): \(reason)", nil)
        case .other(let found):
          report.add(
            record.isOwnersChoice ? .pass : .warning, "DNS of \(domain.name)",
            "\(record.name) \(record.data.type), \(record.purpose), says \(found)", "should be: \(record.line)")
        case .missing:
          report.add(
            record.isIndispensable ? .fail : .warning, "DNS of \(domain.name)",
            "\(record.name) \(record.data.type) is missing: \(record.purpose)", "paste into the zone: \(record.line)")
        }
      }
      report.add(.pass, "DNS of \(domain.name)", "\(right) of \(all) records are as they should be", nil)
    }
  }

  /// On a machine whose DNS server of ours is for itself alone (a laboratory), that one; else what the system asks, since
  /// that is how the outside sees it.
  private func servers(_ own: Endpoint?) -> [Endpoint] {
    if let own, own.address.isLoopback { return [own] }
    return DNSMailResolver.servers(
      resolvConf: (try? String(contentsOfFile: "/etc/resolv.conf", encoding: .utf8)) ?? "")
  }

  private enum Finding {
    case there
    case other(String)
    case missing
    case unknown(String)
  }

  private static func look(for wanted: MailRecord, _ servers: [Endpoint]) async -> Finding {
    guard let name = try? Name(wanted.name + "."), !servers.isEmpty else { return .unknown("no DNS server to ask") }
    // An alias counts as there when it leads to an address: it may be written as one.
    let type = wanted.data.type == .cname ? RecordType.a : wanted.data.type
    var configuration = DNSClientConfiguration()
    configuration.attempts = 2
    let client = DNSClient(configuration: configuration)
    var reason = ""
    for server in servers {
      do {
        let message = try await client.query(Question(name, type), server: server).message
        guard message.responseCode == .noError || message.responseCode == .nxDomain else {
          reason = "\(server) answers \(message.responseCode)"
          continue
        }
        if wanted.data.type == .cname { return message.answers.isEmpty ? .missing : .there }
        return compare(wanted, message.answers.filter { $0.type == type }.map(\.data))
      } catch { reason = "\(server): \(error)" }
    }
    return .unknown(reason)
  }

  private static func compare(_ wanted: MailRecord, _ found: [RData]) -> Finding {
    if found.contains(wanted.data) { return .there }
    switch wanted.data.type {
    case .mx:
      guard let exchange = try? wanted.data.value(as: MX.self).exchange else { return .missing }
      if found.contains(where: { (try? $0.value(as: MX.self).exchange) == exchange }) { return .there }
      return found.first.map { .other($0.description) } ?? .missing
    case .txt:
      // Other texts may stand at the same name; one of the same kind is what stands in the place of ours.
      let same = found.first { MailRecord.mark(of: $0)?.lowercased() == wanted.mark?.lowercased() }
      return same.map { .other($0.description) } ?? .missing
    default: return found.first.map { .other($0.description) } ?? .missing
    }
  }
}

extension MailRecord {
  /// Without it no mail comes, or what we send is not believed.
  var isIndispensable: Bool { data.type == .mx || name.contains("._domainkey.") }

  /// What a domain's owner may well want otherwise: who else sends in its name, and how strict others shall be.
  var isOwnersChoice: Bool { mark?.lowercased() == "v=spf1" || mark?.lowercased() == "v=dmarc1" }
}
