/// A command of FTP, with its row in the table of what is legal when.
public struct FTPVerb: Hashable, Sendable {
  /// The command word, in upper case.
  public let name: String

  /// The verb of this word; `nil` when there is none in the table.
  public init?(_ word: String) {
    let name = Self.synonyms[word] ?? word
    guard Self.table[name] != nil else { return nil }
    self.name = name
  }

  /// For words of the program's own text.
  public init(_ word: StaticString) { name = word.description }

  /// What the table says of it.
  public var rule: Rule { Self.table[name] ?? Rule(.always, .none, "") }

  /// Every verb that there is, in alphabetical order.
  public static var all: [FTPVerb] { table.keys.sorted().compactMap { FTPVerb($0) } }

  /// One row of the table.
  public struct Rule: Sendable, Hashable {
    /// When a command may come.
    public enum Stage: Sendable, Hashable {
      case always
      /// Only before log-in.
      case beforeLogIn
      /// Only after log-in.
      case afterLogIn
    }

    public enum Argument: Sendable, Hashable {
      case none, optional, required
    }

    public var stage: Stage
    public var argument: Argument
    /// What HELP shows behind the word.
    public var syntax: String
    /// Whether it is taken while a transfer runs; others wait for its end.
    public var isTakenDuringTransfer: Bool
    /// Whether the argument is a secret.
    public var hidesArgument: Bool
    /// Whether spaces around the argument mean nothing; in file names they do.
    public var trimsArgument: Bool

    init(
      _ stage: Stage, _ argument: Argument, _ syntax: String, duringTransfer: Bool = false, secret: Bool = false,
      trims: Bool = true
    ) {
      self.stage = stage
      self.argument = argument
      self.syntax = syntax
      isTakenDuringTransfer = duringTransfer
      hidesArgument = secret
      trimsArgument = trims
    }

    static func path(_ syntax: String, _ argument: Argument = .required) -> Rule {
      Rule(.afterLogIn, argument, syntax, trims: false)
    }
  }

  /// Words of RFC 775 and RFC 1123 §4.1.3.1 that old clients use.
  private static let synonyms = [
    "XCUP": "CDUP", "XCWD": "CWD", "XMKD": "MKD", "XPWD": "PWD", "XRMD": "RMD", "P@SW": "PASV",
  ]

  private static let table: [String: Rule] = [
    // Access (RFC 959 §4.1.1), RFC 7151.
    "USER": Rule(.beforeLogIn, .required, "<name>"), "ACCT": Rule(.beforeLogIn, .required, "<code>", secret: true),
    "PASS": Rule(.beforeLogIn, .optional, "<password>", secret: true, trims: false),
    "HOST": Rule(.beforeLogIn, .required, "<host name>"), "REIN": Rule(.always, .none, ""),
    "QUIT": Rule(.always, .none, ""), "CWD": .path("<folder>"), "CDUP": Rule(.afterLogIn, .none, ""),
    "SMNT": .path("<folder>"),
    // TLS (RFC 4217).
    "AUTH": Rule(.beforeLogIn, .required, "TLS"), "PBSZ": Rule(.always, .required, "0"),
    "PROT": Rule(.always, .required, "C|P"), "CCC": Rule(.afterLogIn, .none, ""),
    // Parameters (RFC 959 §4.1.2, RFC 2428).
    "PORT": Rule(.afterLogIn, .required, "<h1,h2,h3,h4,p1,p2>"), "PASV": Rule(.afterLogIn, .none, ""),
    "EPRT": Rule(.afterLogIn, .required, "|<family>|<address>|<port>|"),
    "EPSV": Rule(.afterLogIn, .optional, "[1|2|ALL]"), "TYPE": Rule(.afterLogIn, .required, "A|I|L 8"),
    "STRU": Rule(.afterLogIn, .required, "F"), "MODE": Rule(.afterLogIn, .required, "S"),
    // Transfers (RFC 959 §4.1.3, RFC 3659).
    "RETR": .path("<file>"), "STOR": .path("<file>"), "APPE": .path("<file>"), "STOU": .path("[<file>]", .optional),
    "LIST": .path("[<path>]", .optional), "NLST": .path("[<path>]", .optional), "MLSD": .path("[<folder>]", .optional),
    "REST": Rule(.afterLogIn, .required, "<offset>"), "RANG": Rule(.afterLogIn, .required, "<first> <last>"),
    "ALLO": Rule(.afterLogIn, .required, "<bytes>"), "ABOR": Rule(.always, .none, "", duringTransfer: true),
    // Files.
    "RNFR": .path("<path>"), "RNTO": .path("<path>"), "DELE": .path("<file>"), "RMD": .path("<folder>"),
    "MKD": .path("<folder>"), "PWD": Rule(.afterLogIn, .none, ""), "MLST": .path("[<path>]", .optional),
    "SIZE": .path("<file>"), "MDTM": .path("<file>"), "MFMT": .path("<YYYYMMDDHHMMSS> <path>"),
    "MFF": .path("<fact=value;…> <path>"), "HASH": .path("<file>"), "AVBL": .path("[<path>]", .optional),
    "SITE": .path("CHMOD|UTIME|HELP"),
    // Information.
    "SYST": Rule(.always, .none, ""), "STAT": Rule(.always, .optional, "[<path>]", duringTransfer: true, trims: false),
    "HELP": Rule(.always, .optional, "[<command>]"), "FEAT": Rule(.always, .none, ""),
    "OPTS": Rule(.always, .required, "<command> [<options>]"), "LANG": Rule(.always, .optional, "[<language>]"),
    "CLNT": Rule(.always, .optional, "<name>"), "NOOP": Rule(.always, .optional, "", duringTransfer: true),
  ]

  /// First words of other protocols. Whoever sends one was led here by somebody (ALPACA, `security.md`): it gets no word.
  static let foreign: Set<String> = [
    "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "PRI", "PROPFIND", "EHLO", "HELO",
    "LHLO", "RSET", "MAIL", "A001", "CAPA",
  ]
}
