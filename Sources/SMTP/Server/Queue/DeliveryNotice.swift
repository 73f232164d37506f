import SMTPCore
import Services

/// Notices about what came of a message (RFC 3461, RFC 3464): failed, late, delivered, passed on.
struct DeliveryNotice: Sendable {
  enum Action: String, Sendable {
    case failed, delayed, delivered, relayed
  }

  /// What is told of one recipient.
  struct Finding: Sendable {
    var recipient: QueuedRecipient
    var action: Action
    /// The last answer, word for word.
    var reply: String
    var host: String?

    /// The status code in it, or the least that the action says (RFC 3463).
    var status: String {
      let words = reply.split(separator: " ").prefix(2)
      if let word = words.first(where: { Self.isStatus($0) }) { return String(word) }
      switch action {
      case .failed: return reply.hasPrefix("4") ? "4.0.0" : "5.0.0"
      case .delayed: return "4.0.0"
      case .delivered, .relayed: return "2.0.0"
      }
    }

    private static func isStatus(_ word: Substring) -> Bool {
      let parts = word.split(separator: ".", omittingEmptySubsequences: false)
      return parts.count == 3
        && parts.allSatisfy { !$0.isEmpty && $0.utf8.count <= 3 && $0.allSatisfy(\.isWholeNumber) }
    }
  }

  var hostname: String
  var message: QueuedMessage
  var findings: [Finding]
  var now: WallTime

  /// Header bytes of the original that are returned; the body goes along only where `RET=FULL` asks for it, up to a
  /// bound: a notice should be smaller than what it is about.
  static let maximumReturned: Int64 = 64 * 1024

  /// The notice, ready for the queue; `nil` where there is nobody to tell: notices about notices are never sent
  /// (RFC 5321 §6.1).
  func addition(content: any MessageBody, queueTime: Duration) -> QueueAddition? {
    guard let sender = MailAddress(message.sender), !findings.isEmpty else { return nil }
    let text = text(to: sender, content: content)
    let recipient = QueuedRecipient(
      address: sender.description, domain: sender.domain.lowercased(),
      notify: RecipientParameters.Notify.never.rawValue,
      nextAttempt: now)
    let notice = QueuedMessage(
      sender: "", created: now, expires: now + queueTime, isEightBit: text.contains { $0 > 0x7F },
      isUTF8: sender.needsUTF8, recipients: [recipient])
    return QueueAddition(notice, head: text)
  }

  private var subject: String {
    switch findings.first?.action {
    case .delayed: "Your message is late"
    case .delivered: "Your message was delivered"
    case .relayed: "Your message was passed on"
    case .failed, nil: "Your message could not be delivered"
    }
  }

  private func text(to sender: MailAddress, content: any MessageBody) -> [UInt8] {
    let boundary = "=_\(MailToken.random())"
    var lines = [
      "From: Mail Delivery System <mailer-daemon@\(hostname)>", "To: <\(sender)>", "Subject: \(subject)",
      "Date: \(MailDate.text(now))", "Message-ID: <\(MailToken.random())@\(hostname)>", "Auto-Submitted: auto-replied",
      "MIME-Version: 1.0",
      "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"\(boundary)\"", "",
      "--\(boundary)", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "",
    ]
    lines += explanation
    lines += ["", "--\(boundary)", "Content-Type: message/delivery-status", ""]
    lines += status
    let (kind, original) = returned(content)
    lines += ["", "--\(boundary)", "Content-Type: \(kind)", "", ""]
    var bytes = Array(lines.joined(separator: "\r\n").utf8)
    bytes += original
    if !bytes.suffix(2).elementsEqual([0x0D, 0x0A]) { bytes += [0x0D, 0x0A] }
    return bytes + Array("\r\n--\(boundary)--\r\n".utf8)
  }

  private var explanation: [String] {
    var lines: [String] = ["This is the mail server \(hostname).", ""]
    switch findings.first?.action {
    case .delayed:
      lines += [
        "Your message could not be delivered yet. It is being tried until",
        "\(MailDate.text(message.expires)); you need not send it again.", "",
      ]
    case .delivered: lines += ["Your message was delivered to:", ""]
    case .relayed: lines += ["Your message was passed on to a server that sends no notices of delivery, for:", ""]
    case .failed, nil: lines += ["Your message could not be delivered to:", ""]
    }
    for finding in findings {
      lines.append("  \(finding.recipient.address)")
      if finding.action == .failed || finding.action == .delayed {
        lines.append("    \(finding.host.map { "\($0) said: " } ?? "")\(Self.oneLine(finding.reply))")
      }
    }
    return lines
  }

  /// The fields for programs (RFC 3464 §2.2, §2.3).
  private var status: [String] {
    var lines = ["Reporting-MTA: dns; \(hostname)"]
    if let id = message.envelopeID { lines.insert("Original-Envelope-Id: \(XText.encode(id))", at: 0) }
    lines.append("Arrival-Date: \(MailDate.text(message.created))")
    for finding in findings {
      lines.append("")
      if let original = finding.recipient.original { lines.append("Original-Recipient: \(original)") }
      let type = finding.recipient.address.utf8.contains { $0 > 0x7F } ? "utf-8" : "rfc822"
      lines.append("Final-Recipient: \(type); \(finding.recipient.address)")
      lines.append("Action: \(finding.action.rawValue)")
      lines.append("Status: \(finding.status)")
      if let host = finding.host { lines.append("Remote-MTA: dns; \(host)") }
      lines.append("Diagnostic-Code: smtp; \(Self.oneLine(finding.reply))")
      lines.append("Last-Attempt-Date: \(MailDate.text(now))")
      if finding.action == .delayed { lines.append("Will-Retry-Until: \(MailDate.text(message.expires))") }
    }
    return lines
  }

  private func returned(_ content: any MessageBody) -> (type: String, bytes: [UInt8]) {
    let wantsAll = message.returns == "FULL" && findings.first?.action == .failed
    if wantsAll, content.size <= Self.maximumReturned, let all = try? content.bytes(0..<content.size) {
      return ("message/rfc822", all)
    }
    guard let front = try? content.bytes(0..<min(content.size, Self.maximumReturned)) else {
      return ("text/rfc822-headers", [])
    }
    let header = HeaderBlock(front)
    return ("text/rfc822-headers", Array(header.fields.map(\.bytes).joined()))
  }

  /// Answers come from outside: nothing in them may begin a line of its own.
  private static func oneLine(_ text: String) -> String {
    String(decoding: text.utf8.prefix(900).map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
  }
}
