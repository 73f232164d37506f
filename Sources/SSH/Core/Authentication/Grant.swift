/// What somebody who has logged in may do in this connection.
public struct Grant: Sendable, Hashable {
  /// The account's full name.
  public var account: String
  /// Whether session channels may be opened: shell, exec, subsystems. Which of them run is the owner's word.
  public var allowsSessions: Bool
  /// Whether terminals are given.
  public var allowsTerminals: Bool
  /// Whether connections may be made from here (`direct-tcpip`).
  public var allowsConnecting: Bool
  /// Whether listeners may be opened here (`tcpip-forward`).
  public var allowsListening: Bool
  /// Whether a session may reach the client's agent (`auth-agent-req@openssh.com`).
  public var allowsAgent: Bool
  /// Whether programs of a session may open windows where the client is (`x11-req`).
  public var allowsDisplay = false
  /// Whether Unix sockets are forwarded as well, both ways (OpenSSH's PROTOCOL §2.4).
  public var allowsLocalSockets: Bool
  /// Where connections may lead; `nil` for anywhere.
  public var permitOpen: [ForwardingPlace]?
  /// Where listeners may be; `nil` for anywhere.
  public var permitListen: [ForwardingPlace]?
  /// Runs whatever is asked for (`command=` of authorized_keys); the request stands in SSH_ORIGINAL_COMMAND.
  public var forcedCommand: String?

  public init(
    account: String, allowsSessions: Bool = true, allowsTerminals: Bool = true, allowsConnecting: Bool = false,
    allowsListening: Bool = false, allowsAgent: Bool = false, allowsLocalSockets: Bool = false,
    permitOpen: [ForwardingPlace]? = nil, permitListen: [ForwardingPlace]? = nil,
    forcedCommand: String? = nil
  ) {
    self.account = account
    self.allowsSessions = allowsSessions
    self.allowsTerminals = allowsTerminals
    self.allowsConnecting = allowsConnecting
    self.allowsListening = allowsListening
    self.allowsAgent = allowsAgent
    self.allowsLocalSockets = allowsLocalSockets
    self.permitOpen = permitOpen
    self.permitListen = permitListen
    self.forcedCommand = forcedCommand
  }
}

/// One proof of identity, for the outside to judge.
public struct LogInProof: Sendable {
  public enum Kind: Sendable {
    /// A key in wire form whose signature over this very session has been verified.
    case publicKey([UInt8])
    case password(Credential)
    case passwordAndCode(Credential, code: Credential)
  }

  public var user: String
  public var kind: Kind
}

/// How a proof was judged.
public enum LogInVerdict: Sendable, Hashable {
  case granted(Grant)
  case denied
  /// The proof was right; a code of the second factor is needed as well.
  case codeNeeded
  /// The directory is away, or the source must wait: the connection ends.
  case unavailable
}
