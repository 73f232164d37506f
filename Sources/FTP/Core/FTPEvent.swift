/// What a session tells about itself. No case can hold a password.
public enum FTPEvent: Hashable, Sendable {
  /// A command came; the line is masked.
  case received(String)
  /// A reply went out.
  case sent(FTPReply)
  case logInRefused
  /// The session ended for this reason.
  case ended(Reason)

  public enum Reason: String, Hashable, Sendable {
    case quit, idle
    case logInTime = "no log-in in time"
    case logInFailures = "too many failed log-ins"
    case foreignProtocol = "another protocol"
    case overlongLine = "overlong line"
    case commandErrors = "too many mistakes"
    case peerClosed = "closed by the client"
    case drained = "server stops"
  }
}
