import SASLCore

/// The end of an answer (RFC 5804 §1.2, §1.3): `NO (QUOTA/MAXSIZE) "too large"`.
public struct SieveReply: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable {
    case ok = "OK"
    case no = "NO"
    case bye = "BYE"
  }

  public var kind: Kind
  /// `NONEXISTENT`, `TAG {3}…`, without its parentheses.
  public var code: String?
  public var text: String

  public init(_ kind: Kind, _ text: String = "", code: String? = nil) {
    self.kind = kind
    self.code = code
    self.text = text
  }

  public static let ok = SieveReply(.ok)
  static let syntax = SieveReply(.no, "Arguments not understood")
  static let unknownCommand = SieveReply(.no, "Unknown command")
  static let notNow = SieveReply(.no, "Not now")
  static let needsTLS = SieveReply(.no, "TLS first: STARTTLS", code: "ENCRYPT-NEEDED")
  static let denied = SieveReply(.no, "Log-in failed")
  static let codeNeeded = SieveReply(.no, "A code of the second factor is needed behind the password")
  public static let temporary = SieveReply(.no, "Something is out of order here; try again later", code: "TRYLATER")
  static let tooLarge = SieveReply(.no, "The script is too long", code: "QUOTA/MAXSIZE")
  static let tooManyErrors = SieveReply(.bye, "Too many errors")
  static let goingAway = SieveReply(.bye, "The server goes away; try again soon", code: "TRYLATER")
  static let timedOut = SieveReply(.bye, "Too long silent")

  /// As a line, with its line end.
  public var line: [UInt8] {
    var bytes = Array(kind.rawValue.utf8)
    if let code { bytes += Array(" (\(code))".utf8) }
    if !text.isEmpty { bytes += [0x20] + Self.string(Array(text.utf8)) }
    return bytes + [0x0D, 0x0A]
  }

  /// A string in quotes where it may be, else as a literal.
  public static func string(_ bytes: [UInt8]) -> [UInt8] {
    let isQuotable = bytes.count <= 1024 && bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    guard isQuotable, String(validating: bytes, as: UTF8.self) != nil else {
      return Array("{\(bytes.count)}\r\n".utf8) + bytes
    }
    var output: [UInt8] = [0x22]
    for byte in bytes {
      if byte == 0x22 || byte == 0x5C { output.append(0x5C) }
      output.append(byte)
    }
    return output + [0x22]
  }
}

/// What the outside is asked.
public enum SieveRequest: Sendable {
  case authenticate(SASLQuestion)
  case list(account: String)
  case haveSpace(account: String, name: String, size: Int)
  case put(account: String, name: String, [UInt8])
  case check([UInt8])
  case activate(account: String, name: String)
  case get(account: String, name: String)
  case delete(account: String, name: String)
  case rename(account: String, from: String, to: String)
}

/// What comes back.
public enum SieveAnswer: Sendable {
  case sasl(SASLAnswer)
  case scripts([(name: String, isActive: Bool)])
  case content([UInt8])
  case reply(SieveReply)
}

/// What a session tells of itself. Secrets have no representation here.
public enum SieveEvent: Sendable, Hashable {
  case received(String)
  case sent(String)
  case loggedIn(account: String)
  case logInFailed
  case foreignProtocol
  case brokenStream
  case tooManyErrors
  case timedOut
  case leftWithoutLogIn
}

/// What a session must know of its server and its listener.
public struct SieveProfile: Sendable {
  public var limits: SieveLimits
  public var offersTLS: Bool
  /// Whether log-in over plain text is allowed from this peer.
  public var allowsPlaintext: Bool
  /// The extensions of Sieve that scripts may require.
  public var extensions: [String]
  /// Whether somebody's tokens are believed: OAUTHBEARER and XOAUTH2 are offered.
  public var acceptsTokens: Bool

  public init(
    limits: SieveLimits = SieveLimits(), offersTLS: Bool, allowsPlaintext: Bool, extensions: [String],
    acceptsTokens: Bool = false
  ) {
    self.limits = limits
    self.offersTLS = offersTLS
    self.allowsPlaintext = allowsPlaintext
    self.extensions = extensions
    self.acceptsTokens = acceptsTokens
  }
}

/// What bounds a session, with the reason for each default.
public struct SieveLimits: Sendable, Hashable {
  /// A line, with what is quoted in it: responses of SASL are the longest.
  public var lineLength = 16_384
  /// All strings of a command before log-in.
  public var strangerSize = 16_384
  /// A script with its name.
  public var scriptSize = 128 * 1024 + 1024
  /// RFC 5804 §1.2: 30 minutes at least.
  public var idleTime = Duration.seconds(1800)
  /// From the greeting to the end of the log-in.
  public var logInTime = Duration.seconds(60)
  public var errors = 20
  public var logInFailures = 3

  public init() {}
}
