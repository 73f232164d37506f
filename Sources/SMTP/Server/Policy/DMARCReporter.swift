import Compression
import SMTPCore
import Services

/// Sends what `DMARCReportBook` has of yesterday to the domains that asked for it (RFC 7489 §7.2, appendix C).
struct DMARCReporter: Sendable {
  let server: SMTPServer

  func run() async {
    let now = server.parts.context.clock.wallTime()
    for (day, tallies) in server.dmarcReports.takeFinished(now: now) {
      for domain in tallies.keys.sorted() {
        guard let tally = tallies[domain] else { continue }
        for destination in await destinations(of: domain, tally.tags) {
          await send(tally, domain, day, destination, now)
        }
      }
    }
    server.dmarcReports.save()
  }

  /// Where the domain wants its reports: at most four places. Another domain must have agreed to get them (§7.1).
  private func destinations(of domain: String, _ tags: [String: String]) async -> [MailAddress] {
    var addresses: [MailAddress] = []
    for url in (tags["rua"] ?? "").split(separator: ",").prefix(4) where url.lowercased().hasPrefix("mailto:") {
      // A limit on the size may stand behind it: `!10m`. Ours are smaller.
      guard let address = MailAddress(String(url.dropFirst(7).prefix { $0 != "!" })) else { continue }
      let place = address.domain.lowercased()
      if place != domain, !place.hasSuffix("." + domain), !domain.hasSuffix("." + place) {
        let texts = (try? await server.parts.resolver.texts(of: "\(domain)._report._dmarc.\(place)")) ?? []
        guard texts.contains(where: { $0.hasPrefix("v=DMARC1") }) else { continue }
      }
      addresses.append(address)
    }
    return addresses
  }

  private func send(
    _ tally: DMARCReportBook.Tally, _ domain: String, _ day: Int64, _ destination: MailAddress, _ now: WallTime
  ) async {
    let configuration = server.configuration
    let submitter = configuration.domains.sorted().first ?? configuration.hostname
    let (start, id) = (day * 86_400, "\(day).\(MailToken.random())")
    let text = Self.xml(tally, domain: domain, start: start, submitter: submitter, id: id)
    guard let packed = try? Deflater(.gzip).compress(Array(text.utf8), .finish) else { return }
    await ReportMail(server: server).send(
      ReportMail.Letter(
        from: "postmaster@\(submitter)", to: destination,
        subject: "Report Domain: \(domain) Submitter: \(submitter) Report-ID: <\(id)>", contentType: "multipart/mixed",
        text: "What came in the name of \(domain), and what became of it (DMARC).", partType: "application/gzip",
        partName: "\(submitter)!\(domain)!\(start)!\(start + 86_399)!\(id).xml.gz", part: packed), now: now)
  }

  static func xml(
    _ tally: DMARCReportBook.Tally, domain: String, start: Int64, submitter: String, id: String
  ) -> String {
    var lines = [
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<feedback>", " <version>1.0</version>", " <report_metadata>",
      "  <org_name>\(escaped(submitter))</org_name>", "  <email>postmaster@\(escaped(submitter))</email>",
      "  <report_id>\(escaped(id))</report_id>",
      "  <date_range><begin>\(start)</begin><end>\(start + 86_399)</end></date_range>", " </report_metadata>",
      " <policy_published>", "  <domain>\(escaped(domain))</domain>",
    ]
    for (tag, standard) in [("adkim", "r"), ("aspf", "r"), ("p", "none"), ("sp", ""), ("pct", "100")] {
      let value = tally.tags[tag] ?? (tag == "sp" ? tally.tags["p"] ?? "none" : standard)
      lines.append("  <\(tag)>\(escaped(value))</\(tag)>")
    }
    lines.append(" </policy_published>")
    for (row, count) in zip(tally.rows, tally.counts) { lines += record(row, count) }
    return lines.joined(separator: "\n") + "\n</feedback>\n"
  }

  private static func record(_ row: DMARCReportBook.Row, _ count: Int) -> [String] {
    var lines = [
      " <record>", "  <row>", "   <source_ip>\(escaped(row.source))</source_ip>", "   <count>\(count)</count>",
      "   <policy_evaluated>", "    <disposition>\(row.disposition)</disposition>",
      "    <dkim>\(row.isDKIMAligned ? "pass" : "fail")</dkim>", "    <spf>\(row.isSPFAligned ? "pass" : "fail")</spf>",
    ]
    if let override = row.override { lines.append("    <reason><type>\(override)</type></reason>") }
    lines += [
      "   </policy_evaluated>", "  </row>", "  <identifiers>",
      "   <envelope_from>\(escaped(row.envelopeFrom))</envelope_from>",
      "   <header_from>\(escaped(row.headerFrom))</header_from>", "  </identifiers>", "  <auth_results>",
    ]
    for signature in row.dkim {
      lines.append(
        "   <dkim><domain>\(escaped(signature.domain))</domain><selector>\(escaped(signature.selector))</selector>"
          + "<result>\(signature.result)</result></dkim>")
    }
    lines.append(
      "   <spf><domain>\(escaped(row.spfDomain))</domain><scope>\(row.envelopeFrom.isEmpty ? "helo" : "mfrom")</scope>"
        + "<result>\(row.spf)</result></spf>")
    return lines + ["  </auth_results>", " </record>"]
  }

  /// Peers' words as the content of XML: without what XML can't hold.
  private static func escaped(_ text: String) -> String {
    text.unicodeScalars.prefix(255).reduce(into: "") { output, scalar in
      switch scalar {
      case "&": output += "&amp;"
      case "<": output += "&lt;"
      case ">": output += "&gt;"
      case "\"": output += "&quot;"
      default: output.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0xFFFE ? "_" : scalar)
      }
    }
  }
}
