import SASLCore

/// A maildrop as a session sees it from its beginning to its end: other sessions don't disturb it (RFC 1939 §4 speaks of an
/// exclusive lock; a snapshot gives the same without locking anybody out).
public protocol Maildrop: AnyObject, Sendable {
  var count: Int { get }
  /// Octets of the message with this index.
  func size(of index: Int) -> Int64
  /// 1 to 70 characters from `!` to `~`, the same for this message for ever (RFC 1939 §7).
  func uniqueID(of index: Int) -> String
}

/// What the outside is asked.
public enum POP3Request: Sendable {
  case authenticate(SASLQuestion)
  /// The maildrop of the account that has just logged in.
  case open(account: String)
  /// The next piece of a message.
  case read(any Maildrop, MessageTransfer, maximum: Int)
  /// Removes messages: the UPDATE state (RFC 1939 §6).
  /// `retrieved`: what was fetched whole, for the policy of expiry.
  case update(any Maildrop, deleting: [Int], retrieved: [Int])
}

/// What comes back.
public enum POP3Answer: Sendable {
  case sasl(SASLAnswer)
  case maildrop(any Maildrop)
  /// Bytes as they are stored; `isEnd` where there are none behind them.
  case piece([UInt8], isEnd: Bool)
  case updated
  case failed(POP3Reply)
}

/// What a session tells of itself. Secrets have no representation here.
public enum POP3Event: Sendable, Hashable {
  case received(String)
  case sent(POP3Reply)
  case loggedIn(account: String)
  case logInFailed
  case foreignProtocol
  case bareLineEnd
  case tooManyErrors
  case timedOut
  case leftWithoutLogIn
  case updated(account: String, deleted: Int)
}
