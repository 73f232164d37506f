import DNSCore
import Services

/// One record that a mail domain needs.
public struct MailRecord: Hashable, Sendable {
  /// The words of `dns.publish`.
  public enum Kind: String, Sendable, Hashable {
    case mx, spf, dkim, dmarc
    case mtaSTS = "mta-sts"
    case autoconfig
  }

  public var kind: Kind
  /// Without the dot at its end.
  public var name: String
  public var data: RData
  public var ttl: UInt32 = 3600
  /// What it is for, in a few words.
  public var purpose: String

  init?(_ kind: Kind, _ name: String, _ data: RData?, _ purpose: String) {
    guard let data else { return nil }
    self.kind = kind
    self.name = name
    self.data = data
    self.purpose = purpose
  }

  /// As a line of a zone file.
  public var line: String { "\(name). \(ttl) IN \(data.type) \(data)" }

  public var record: ResourceRecord? { (try? Name(name + ".")).map { ResourceRecord($0, ttl: ttl, data) } }

  /// How a text of this kind begins, so that another version of it counts as the same: `v=spf1`, `v=DMARC1`.
  public var mark: String? { Self.mark(of: data) }

  public static func mark(of data: RData) -> String? {
    guard data.type == .txt, let text = try? data.value(as: TXT.self) else { return nil }
    let whole = String(decoding: text.strings.joined(), as: UTF8.self)
    guard whole.hasPrefix("v=") else { return nil }
    return String(whole.prefix { $0 != ";" && $0 != " " })
  }
}

extension MailPublication {
  /// What a domain needs in DNS, in the order in which a person would write it.
  public func records(of domain: Domain) -> [MailRecord] {
    let name = domain.name
    let reports = reports ?? "postmaster@\(name)"
    var records: [MailRecord?] = [
      MailRecord(.mx, name, host(hostname).map { RData(MX(preference: 10, exchange: $0)) }, "mail comes here"),
      MailRecord(.spf, name, Self.text("v=spf1 mx -all"), "who may send in its name (SPF)"),
      MailRecord(
        .dmarc, "_dmarc.\(name)", Self.text("v=DMARC1; p=\(dmarc); rua=mailto:\(reports)"),
        "what becomes of mail that proves nothing (DMARC)"),
    ]
    records += domain.keys.map {
      MailRecord(.dkim, "\($0.selector)._domainkey.\(name)", Self.text($0.record), "a signing key (DKIM)")
    }
    records.append(
      MailRecord(
        .mtaSTS, "_smtp._tls.\(name)", Self.text("v=TLSRPTv1; rua=mailto:\(reports)"), "reports of TLS (TLS-RPT)"))
    if let at = reports.lastIndex(of: "@") {
      let place = reports[reports.index(after: at)...].lowercased()
      // RFC 7489 §7.1: who gets reports about another domain must agree to it.
      if place != name, domains.contains(where: { $0.name == place }) {
        records.append(
          MailRecord(.dmarc, "\(name)._report._dmarc.\(place)", Self.text("v=DMARC1"), "reports about another domain"))
      }
    }
    return (records + webRecords(name) + serviceRecords(name)).compactMap { $0 }
  }

  private func webRecords(_ name: String) -> [MailRecord?] {
    guard isOnWeb, let host = host(hostname) else { return [] }
    var records: [MailRecord?] = []
    if let policyID {
      records.append(
        MailRecord(.mtaSTS, "_mta-sts.\(name)", Self.text("v=STSv1; id=\(policyID)"), "TLS to us (MTA-STS)"))
    }
    for name in Self.webNames(name) where !name.hasPrefix("mta-sts.") || policyID != nil {
      records.append(
        MailRecord(
          name.hasPrefix("mta-sts.") ? .mtaSTS : .autoconfig, name, RData(CNAME(host)),
          "our web server tells settings and policy"))
    }
    return records
  }

  /// RFC 6186, RFC 8314 §5.1, RFC 5804 §1.8: what is offered, with TLS first; what is not, says so.
  private func serviceRecords(_ name: String) -> [MailRecord?] {
    let rows: [(label: String, service: ServiceName, priority: UInt16)] = [
      ("_submissions", .submissions, 0), ("_submission", .submission, 10), ("_imaps", .imaps, 0), ("_imap", .imap, 10),
      ("_pop3s", .pop3s, 20), ("_pop3", .pop3, 30), ("_sieve", .sieve, 0),
    ]
    guard let host = host(hostname) else { return [] }
    return rows.map { row in
      let data: SRV
      if let service = service(row.service), service.port != 0 {
        data = SRV(priority: row.priority, weight: 1, port: service.port, target: host)
      } else {
        data = SRV(priority: 0, weight: 0, port: 0, target: .root)
      }
      return MailRecord(.autoconfig, "\(row.label)._tcp.\(name)", RData(data), "where people's programs connect")
    }
  }

  private func host(_ text: String) -> Name? { try? Name(text.hasSuffix(".") ? text : text + ".") }
  private static func text(_ text: String) -> RData { RData(TXT(text)) }
}
