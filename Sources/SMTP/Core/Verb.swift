/// The commands, each with what it needs: the one table of what is legal when.
public enum Verb: String, Sendable, Hashable, CaseIterable {
  case helo = "HELO"
  case ehlo = "EHLO"
  case lhlo = "LHLO"
  case mail = "MAIL"
  case rcpt = "RCPT"
  case data = "DATA"
  case bdat = "BDAT"
  case rset = "RSET"
  case noop = "NOOP"
  case quit = "QUIT"
  case vrfy = "VRFY"
  case expn = "EXPN"
  case help = "HELP"
  case auth = "AUTH"
  case starttls = "STARTTLS"

  struct Needs: OptionSet {
    let rawValue: UInt8
    /// EHLO, HELO or LHLO was said.
    static let hello = Needs(rawValue: 1)
    /// The connection is inside TLS, where the listener demands it.
    static let privacy = Needs(rawValue: 2)
    /// The client has logged in, where the listener demands it.
    static let logIn = Needs(rawValue: 4)
    /// A transaction has begun.
    static let transaction = Needs(rawValue: 8)
    /// No transaction has begun.
    static let noTransaction = Needs(rawValue: 16)
  }

  var needs: Needs {
    switch self {
    case .helo, .ehlo, .lhlo, .rset, .noop, .quit, .help: []
    case .vrfy, .expn: [.privacy, .logIn]
    case .starttls: [.hello, .noTransaction]
    case .auth: [.hello, .privacy, .noTransaction]
    case .mail: [.hello, .privacy, .logIn, .noTransaction]
    case .rcpt, .data, .bdat: [.hello, .privacy, .logIn, .transaction]
    }
  }

  /// Whether the next commands may stand in the same segment (RFC 2920 §3.1). EHLO, DATA, AUTH and the like need an
  /// answer first; who does not wait for STARTTLS's is cut off.
  var mayBeFollowed: Bool {
    switch self {
    case .mail, .rcpt, .rset, .bdat: true
    default: false
    }
  }

  /// Words of other protocols: a browser that was led here (ALPACA). The connection ends at once, without an answer.
  static let foreign: Set<String> = ["GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "HOST:"]
}
