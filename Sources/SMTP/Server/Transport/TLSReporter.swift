import Compression
import Foundation
import SASLCore
import SMTPClient
import SMTPCore
import Services

/// Sends what `TLSReportBook` has of yesterday to those who asked for it (RFC 8460 §3).
struct TLSReporter: Sendable {
  let server: SMTPServer

  private var context: ServerContext { server.parts.context }

  /// Reports the days that are over.
  func run() async {
    let now = context.clock.wallTime()
    for (day, tallies) in server.reports.takeFinished(now: now) {
      for domain in tallies.keys.sorted() {
        guard let tally = tallies[domain] else { continue }
        let texts = (try? await server.parts.resolver.texts(of: "_smtp._tls.\(domain)")) ?? []
        guard let record = TLSReportRecord(texts) else { continue }
        let report = report(domain, day, tally)
        for destination in record.destinations where destination.lowercased().hasPrefix("mailto:") {
          await send(report, about: domain, to: String(destination.dropFirst(7)), now)
        }
      }
    }
    server.reports.save()
  }

  private var submitter: String {
    let configuration = server.configuration
    return configuration.domains.sorted().first ?? configuration.hostname
  }

  private func report(_ domain: String, _ day: Int64, _ tally: TLSReportBook.Tally) -> TLSReport {
    let failed = tally.failures.reduce(0) { $0 + $1.count }
    let start = WallTime(seconds: day * 86_400)
    return TLSReport(
      organisation: submitter,
      dates: .init(start: Self.time(start), end: Self.time(WallTime(seconds: day * 86_400 + 86_399))),
      contact: "postmaster@\(submitter)", id: "\(Self.date(start))-\(domain)-\(MailToken.random())",
      policies: [
        .init(
          policy: tally.policy, summary: .init(successes: tally.successes, failures: failed),
          failures: tally.failures.isEmpty ? nil : tally.failures)
      ])
  }

  private static func time(_ time: WallTime) -> String {
    "\(date(time))T\(String(CivilTime(time).rfc3339.dropFirst(11).prefix(8)))Z"
  }
  private static func date(_ time: WallTime) -> String { String(CivilTime(time).rfc3339.prefix(10)) }

  /// As a message of its own (§5.3), signed, as receivers must refuse what is not.
  private func send(_ report: TLSReport, about domain: String, to destination: String, _ now: WallTime) async {
    guard let recipient = MailAddress(destination), let content = try? JSONEncoder().encode(report),
      let packed = try? Deflater(.gzip).compress([UInt8](content), .finish)
    else { return }
    let name = "\(submitter)!\(domain)!\(report.dates.start.prefix(10))!\(report.id.suffix(8)).json.gz"
    await ReportMail(server: server).send(
      ReportMail.Letter(
        from: "postmaster@\(submitter)", to: recipient,
        subject: "Report Domain: \(domain) Submitter: \(submitter) Report-ID: <\(report.id)>",
        fields: ["TLS-Report-Domain: \(domain)", "TLS-Report-Submitter: \(submitter)"],
        contentType: "multipart/report; report-type=\"tlsrpt\"", text: "A report of TLS to the servers of \(domain).",
        partType: "application/tlsrpt+gzip", partName: name, part: packed), now: now)
  }
}

/// Letters with one attachment that this server writes itself: reports to other domains.
struct ReportMail: Sendable {
  struct Letter: Sendable {
    var from: String
    var to: MailAddress
    var subject: String
    var fields: [String] = []
    /// Without its boundary.
    var contentType: String
    var text: String
    var partType: String
    var partName: String
    var part: [UInt8]
  }

  let server: SMTPServer

  /// Puts a letter into the queue, signed.
  func send(_ letter: Letter, now: WallTime) async {
    let boundary = MailToken.random()
    var lines = [
      "--\(boundary)", "Content-Type: text/plain; charset=utf-8", "", letter.text, "", "--\(boundary)",
      "Content-Type: \(letter.partType); name=\"\(letter.partName)\"",
      "Content-Disposition: attachment; filename=\"\(letter.partName)\"", "Content-Transfer-Encoding: base64", "",
    ]
    let encoded = Base64.encode(letter.part)
    for start in stride(from: 0, to: encoded.count, by: 76) {
      lines.append(String(decoding: encoded[start..<min(start + 76, encoded.count)], as: UTF8.self))
    }
    lines += ["--\(boundary)--", ""]
    let body = MemoryBody(Array(lines.joined(separator: "\r\n").utf8))
    let hostname = server.configuration.hostname
    let header =
      [
        "From: <\(letter.from)>", "To: <\(letter.to)>", "Subject: \(letter.subject)", "Date: \(MailDate.text(now))",
        "Message-ID: <\(boundary)@\(hostname)>", "MIME-Version: 1.0", "Auto-Submitted: auto-generated",
      ] + letter.fields + ["Content-Type: \(letter.contentType); boundary=\"\(boundary)\""]
    let fields = header.map { MessageIntake.field($0) }
    var head = await server.parts.signer?.signatures(fields, body: body, from: 0, now: now) ?? []
    head += fields.flatMap(\.bytes) + [0x0D, 0x0A]
    let recipient = QueuedRecipient(
      address: letter.to.description, domain: letter.to.domain.lowercased(),
      notify: RecipientParameters.Notify.never.rawValue, nextAttempt: now)
    // From nobody, so that a report that can't be delivered causes no notice.
    let message = QueuedMessage(
      sender: "", created: now, expires: now + .seconds(86_400), recipients: [recipient])
    if (try? await server.parts.queue.add(QueueAddition(message, head: head, body: body))) != nil { server.wake() }
  }
}
