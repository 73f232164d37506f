/// A server's answer: a code, an enhanced code (RFC 2034) and words (RFC 5321 §4.2).
///
/// ```
/// S: 550 5.1.1 there is no mailbox of that name here
/// ```
public struct SMTPReply: Sendable, Hashable, Error {
  /// 200 to 599.
  public var code: Int
  /// `5.1.1`; `nil` in greetings and answers to EHLO.
  public var enhanced: String?
  /// One at least.
  public var lines: [String]

  public init(_ code: Int, _ enhanced: String? = nil, _ text: String) {
    self.init(code, enhanced, lines: [text])
  }

  public init(_ code: Int, _ enhanced: String? = nil, lines: [String]) {
    self.code = code
    self.enhanced = enhanced
    self.lines = lines.isEmpty ? [""] : lines
  }

  public var isPositive: Bool { (200..<400).contains(code) }
  public var isTransient: Bool { (400..<500).contains(code) }
  public var isPermanent: Bool { code >= 500 }
  public var text: String { lines.joined(separator: " ") }

  /// Appends it as it goes over the wire. What is no printable character becomes `?`: words may hold a peer's own.
  public func write(to output: inout [UInt8]) {
    for (index, line) in lines.enumerated() {
      output.append(contentsOf: String(code).utf8)
      output.append(index == lines.count - 1 ? UInt8(ascii: " ") : UInt8(ascii: "-"))
      if let enhanced { output.append(contentsOf: "\(enhanced) ".utf8) }
      output.append(contentsOf: line.utf8.prefix(1000).map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 })
      output.append(contentsOf: [0x0D, 0x0A])
    }
  }
}

extension SMTPReply: CustomStringConvertible {
  /// One line, as it stands in logs and notices.
  public var description: String { "\(code) \(enhanced.map { "\($0) " } ?? "")\(text)" }
}

/// The answers that the session itself gives.
extension SMTPReply {
  static let ok = SMTPReply(250, "2.0.0", "OK")
  static let bye = SMTPReply(221, "2.0.0", "Bye")
  static let startInput = SMTPReply(354, nil, "End data with <CR><LF>.<CR><LF>")
  static let readyForTLS = SMTPReply(220, "2.0.0", "Ready to start TLS")
  static let cannotVerify = SMTPReply(252, "2.5.0", "Send some mail, it will be tried")
  static let unknownCommand = SMTPReply(500, "5.5.1", "Command not known")
  static let notHere = SMTPReply(502, "5.5.1", "Command not implemented")
  static let lineTooLong = SMTPReply(500, "5.5.2", "Line too long")
  static let bareLineEnd = SMTPReply(500, "5.5.2", "Lines end with CR LF, and neither stands alone")
  static let bareLineEndInMessage = SMTPReply(550, "5.6.0", "Message refused: CR or LF stands alone in it")
  static let syntax = SMTPReply(501, "5.5.4", "Syntax error in the parameters")
  static let badSequence = SMTPReply(503, "5.5.1", "Not now")
  static let helloFirst = SMTPReply(503, "5.5.1", "Say EHLO first")
  static let noMail = SMTPReply(503, "5.5.1", "MAIL first")
  static let noRecipients = SMTPReply(554, "5.5.1", "No valid recipients")
  static let tlsFirst = SMTPReply(530, "5.7.0", "Issue STARTTLS first")
  static let logInFirst = SMTPReply(530, "5.7.0", "Log in first")
  static let tooLarge = SMTPReply(552, "5.3.4", "Message larger than the limit")
  static let tooManyRecipients = SMTPReply(452, "4.5.3", "Too many recipients")
  static let needsUTF8 = SMTPReply(553, "5.6.7", "The address needs SMTPUTF8")
  static let tooManyErrors = SMTPReply(421, "4.7.0", "Too many errors")
  static let timedOut = SMTPReply(421, "4.4.2", "Timed out")
  static let closing = SMTPReply(421, "4.3.2", "Going down, try again soon")
  static let loggedIn = SMTPReply(235, "2.7.0", "Logged in")
  /// RFC 8689 §4.
  static let tlsNeeded = SMTPReply(530, "5.7.10", "REQUIRETLS needs TLS")
  static let parameterUnknown = SMTPReply(555, "5.5.4", "Parameter not known here")
  static let temporary = SMTPReply(451, "4.3.0", "Temporary trouble here, try again")
}
