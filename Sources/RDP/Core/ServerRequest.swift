/// What a server's session asks of the outside.
public enum ServerRequest: Sendable {
  /// The SubjectPublicKey of the certificate that TLS was set up with. Answered by `.publicKey`.
  case publicKey
  /// Judge a name and a password, and the code of a second factor where one was asked for. Answered by `.verdict`.
  case logIn(name: String, password: HiddenText, code: HiddenText?)
  /// Judge an answer to our challenge. Answered by `.claim`.
  case judge(NTLMClaim)
  /// Start what runs in the session of who has logged in, on a screen of so many cells or pixels. Answered by
  /// `.started`, or `.startedDesktop`.
  case start(columns: Int, rows: Int, width: Int, height: Int)
  /// Keys for what runs there. Answered by `.done` once they are taken.
  case input([UInt8])
  /// Its next output, at most so many bytes. Answered by `.output`, when there is some.
  case output(maximum: Int)
  /// Another size. Answered by `.done`.
  case resize(columns: Int, rows: Int)
  /// Keys and mouse for a desktop. Answered by `.done`.
  case events([InputEvent])
  /// What of the desktop has changed. Answered by `.frame`, when something has.
  case frame
  /// The client has lost its picture: all of the desktop shall come with the next frame. Answered by `.done`.
  case refresh
  /// Another size of the desktop. Answered by `.done`.
  case resizeDesktop(width: Int, height: Int)
}

/// The answers to `ServerRequest`.
public enum ServerReply: Sendable {
  case publicKey([UInt8])
  case verdict(LogInVerdict)
  /// NTLM's SessionBaseKey and the account, where the claim was right.
  case claim((account: String, sessionBaseKey: [UInt8])?)
  case started(Bool)
  case startedDesktop
  case frame(DesktopFrame)
  case output(ConsoleOutput)
  case done
}

/// How a log-in was judged.
public enum LogInVerdict: Sendable, Hashable {
  case granted(account: String)
  case denied
  case codeNeeded
  /// The directory of accounts is away, or the client's address has to wait.
  case unavailable
}

/// What a console's program says.
public enum ConsoleOutput: Sendable, Hashable {
  case bytes([UInt8])
  /// It has ended.
  case ended
}

/// What has changed on a desktop.
public enum DesktopFrame: Sendable, Hashable {
  /// Pixels as 0xRRGGBB; each tile's width is a multiple of four.
  case tiles([PixelTile])
  /// The desktop is gone, or has been given to another connection.
  case ended
}

/// What a session tells about itself.
public enum ServerEvent: Sendable {
  /// One step of the conversation, for those who watch.
  case step(isReceived: Bool, name: String, meaning: String)
  case negotiated(SecurityProtocols)
  case clientNamed(String, build: UInt32)
  case loggedIn(account: String, method: String)
  case logInFailed(method: String)
  case sessionStarted(width: Int, height: Int, bitsPerPixel: Int)
  case leftWithoutAttempt
  case graceExceeded
  case ended(String)
}

/// What a session is told at its begin.
public struct ServerSessionConfiguration: Sendable {
  /// What clients may choose from. With NLA among them it is chosen whenever a client offers it.
  public var protocols: SecurityProtocols
  /// The server's full name: on the log-in screen, and in NTLM's challenge.
  public var hostname: String
  public var limits: RDPLimits
  /// Eight random bytes at least: NTLM's challenge.
  public var random: [UInt8]
  /// The time of day in units of 100 ns since 1601, for NTLM's challenge.
  public var fileTime: UInt64
  /// Whether somebody watches: only then steps are told.
  public var isWatched: Bool

  public init(
    protocols: SecurityProtocols = [.ssl, .hybrid, .hybridEx], hostname: String, limits: RDPLimits = RDPLimits(),
    random: [UInt8], fileTime: UInt64, isWatched: Bool = false
  ) {
    precondition(random.count >= 8, "eight random bytes at least")
    self.protocols = protocols
    self.hostname = hostname
    self.limits = limits
    self.random = random
    self.fileTime = fileTime
    self.isWatched = isWatched
  }
}
