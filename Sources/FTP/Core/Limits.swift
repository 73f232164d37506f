/// How much a control connection may take.
public struct FTPLimits: Hashable, Sendable {
  /// Bytes of a command line: a path has 4,095 at most (PATH_MAX).
  public var lineLength: Int
  /// From the connection to the log-in.
  public var logInTime: Duration
  /// Between commands, when no transfer runs; five minutes is what most servers grant (RFC 1123 §4.1.3.2 asks for it).
  public var idleTime: Duration
  /// Failed log-ins of one connection.
  public var logInFailures: Int
  /// Unknown or misplaced commands before log-in.
  public var commandErrors: Int

  public init(
    lineLength: Int = 4_608, logInTime: Duration = .seconds(60), idleTime: Duration = .seconds(300),
    logInFailures: Int = 3, commandErrors: Int = 20
  ) {
    self.lineLength = lineLength
    self.logInTime = logInTime
    self.idleTime = idleTime
    self.logInFailures = logInFailures
    self.commandErrors = commandErrors
  }
}

/// What a server lets its clients do, for one connection.
public struct FTPPolicy: Hashable, Sendable {
  /// Whether AUTH TLS is offered.
  public var offersTLS: Bool
  /// Whether the connection began inside TLS.
  public var isImplicit: Bool
  /// Whether log-in without TLS is accepted from this peer.
  public var acceptsPlainLogIn: Bool
  /// Whether data connections of encrypted sessions must be encrypted as well.
  public var requiresProtectedData: Bool
  /// Whether a client that has logged in may end TLS on the control connection (CCC, RFC 4217 §6).
  public var allowsClearCommands: Bool
  public var allowsActive: Bool
  /// Whether `anonymous` and `ftp` may log in.
  public var allowsAnonymous: Bool
  /// The names that HOST may say (RFC 7151), in lower case; the first stands in the greeting.
  public var hostNames: [String]

  public init(
    offersTLS: Bool = true, isImplicit: Bool = false, acceptsPlainLogIn: Bool = false,
    requiresProtectedData: Bool = true, allowsClearCommands: Bool = false, allowsActive: Bool = true,
    allowsAnonymous: Bool = false, hostNames: [String] = []
  ) {
    self.offersTLS = offersTLS
    self.isImplicit = isImplicit
    self.acceptsPlainLogIn = acceptsPlainLogIn
    self.requiresProtectedData = requiresProtectedData
    self.allowsClearCommands = allowsClearCommands
    self.allowsActive = allowsActive
    self.allowsAnonymous = allowsAnonymous
    self.hostNames = hostNames
  }
}
