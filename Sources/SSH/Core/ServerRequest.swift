import WireKit

/// What a server's session asks of the outside.
public enum ServerRequest: Sendable {
  /// Would this key do for this user? Answered by `.keyAccepted`.
  case probeKey(user: String, key: [UInt8])
  /// Judge this proof. Answered by `.verdict`.
  case logIn(LogInProof)
  /// Run something in a session channel. Answered by `.started`.
  case start(ChannelNumber, SessionStart)
  /// Connect for a `direct-tcpip` channel. Answered by `.connected`.
  case connect(ChannelNumber, TCPTarget)
  /// Connect to a Unix socket. Answered by `.connected`.
  case connectLocal(ChannelNumber, path: String)
  /// Listen on a Unix socket. Answered by `.listening`, with 0 for the port.
  case listenLocal(path: String)
  /// Stop listening there. Answered by `.done`.
  case stopListeningLocal(path: String)
  /// Listen for a `tcpip-forward`; port 0 means any. Answered by `.listening`.
  case listen(host: String, port: UInt16)
  /// Stop listening. Answered by `.done`.
  case stopListening(host: String, port: UInt16)
  /// The next connection to one of the listeners. Answered by `.accepted`, when there is one.
  case accept
  /// Bytes for what runs behind the channel. Answered by `.done` once they are taken: that is back-pressure.
  case input(ChannelNumber, [UInt8])
  /// The peer sends nothing more on this channel. Answered by `.done`.
  case inputEnd(ChannelNumber)
  /// The next output of what runs behind the channel, at most so many bytes. Answered by `.output`, when there is some.
  case output(ChannelNumber, maximum: Int)
  /// The terminal's size has changed. Answered by `.done`.
  case resize(ChannelNumber, TerminalSize)
  /// A signal by its name without SIG (RFC 4254 §6.9), or `BREAK` (RFC 4335). Answered by `.done`.
  case signal(ChannelNumber, String)
  /// The channel is gone; so is what runs behind it. Answered by `.done`.
  case closed(ChannelNumber)
}

/// The answers to `ServerRequest`.
public enum ServerReply: Sendable {
  case keyAccepted(Bool)
  case verdict(LogInVerdict)
  case started(Bool)
  case connected(ChannelOpenFailure?)
  /// The port, or `nil` when it can't be.
  case listening(UInt16?)
  /// A connection to a listener: the number under which the outside knows it already, and what it is.
  case accepted(ChannelNumber, ForwardedConnection)
  case output(ProgramOutput)
  case done
}

/// What a program said.
public enum ProgramOutput: Sendable {
  case bytes([UInt8])
  case errorBytes([UInt8])
  /// It says nothing more and has ended.
  case ended(ExitStatus)
}

/// How a program ended (RFC 4254 §6.10).
public enum ExitStatus: Sendable, Hashable {
  case code(UInt32)
  /// By a signal, by its name without SIG.
  case signal(String, coreDumped: Bool)
  /// There is nothing to tell: a forwarded connection.
  case none
}

/// The number of a channel on our side.
public struct ChannelNumber: Hashable, Sendable {
  public let number: UInt32
  public init(_ number: UInt32) { self.number = number }
}

/// What shall run in a session channel, and how.
public struct SessionStart: Sendable, Hashable {
  public enum Program: Sendable, Hashable {
    case shell
    /// A command line, in the bytes that the client sent.
    case exec([UInt8])
    case subsystem(String)
  }

  public var program: Program
  public var terminal: PseudoTerminal?
  public var environment: [EnvironmentVariable]
  /// The client's agent shall be reachable; connections to it come by `ServerRequest.accept`.
  public var reachesAgent = false
  /// Programs may open windows where the client is; their connections come by `ServerRequest.accept`.
  public var display: DisplayRequest?
}

/// What a client says of its display (RFC 4254 §6.3.1).
public struct DisplayRequest: Sendable, Hashable {
  /// Whether one connection is all that it takes.
  public var isSingle: Bool
  /// What programs prove themselves by: the protocol's name, and the cookie, which is one that the client has made up.
  public var authorization: String
  public var cookie: [UInt8]
  public var screen: UInt32

  /// Bytes of a cookie: MIT-MAGIC-COOKIE-1 has 16.
  static let maximumCookie = 256

  init(_ reader: inout WireReader) throws(WireError) {
    isSingle = try reader.readBool("single connection")
    authorization = try reader.readText("authentication protocol")
    let digits = try reader.readStringBytes("authentication cookie")
    screen = try reader.readUInt32("screen number")
    guard authorization.utf8.count <= 64, authorization.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
      digits.count % 2 == 0, digits.count <= 2 * Self.maximumCookie, screen <= 65_535
    else { throw WireError(.malformed, "x11-req") }
    cookie = []
    for start in stride(from: 0, to: digits.count, by: 2) {
      guard let byte = UInt8(String(decoding: digits[start..<start + 2], as: UTF8.self), radix: 16) else {
        throw WireError(.malformed, "authentication cookie")
      }
      cookie.append(byte)
    }
  }
}

/// An environment variable that a client sent and the allow-list takes.
public struct EnvironmentVariable: Sendable, Hashable {
  public var name: String
  public var value: [UInt8]

  public init(name: String, value: [UInt8]) {
    self.name = name
    self.value = value
  }
}
