/// A client's command, taken apart (RFC 5321 §4.1.1).
public enum Command: Sendable, Hashable {
  case hello(Verb, name: String)
  case mail(ReversePath, MailParameters)
  case recipient(Envelope.Recipient)
  /// `<Postmaster>` without a domain: whoever that is here.
  case postmaster(RecipientParameters)
  case data
  case chunk(size: Int64, isLast: Bool)
  case reset
  case noop
  case quit
  case verify
  case expand
  case help
  case authenticate(mechanism: String, initial: [UInt8]?)
  case startTLS

  public var verb: Verb {
    switch self {
    case .hello(let verb, _): verb
    case .mail: .mail
    case .recipient, .postmaster: .rcpt
    case .data: .data
    case .chunk: .bdat
    case .reset: .rset
    case .noop: .noop
    case .quit: .quit
    case .verify: .vrfy
    case .expand: .expn
    case .help: .help
    case .authenticate: .auth
    case .startTLS: .starttls
    }
  }
}
