/// What a script may know of the message that it judges.
public protocol SieveMessage {
  /// The values of a header field, unfolded and decoded, in their order.
  func header(_ name: String) -> [String]
  /// The addresses in a header field, as `local@domain`.
  func addresses(_ name: String) -> [String]
  var size: Int64 { get }
  /// `local@domain`; empty for the null path.
  var envelopeFrom: String { get }
  var envelopeTo: String { get }
  /// The text parts, decoded; the whole body as it is.
  func text() -> String
  func raw() -> String
  func hasMailbox(_ name: String) -> Bool
  /// Seconds since 1970.
  var now: Int64 { get }
}

/// What a script wants done.
public struct SieveOutcome: Sendable, Hashable {
  public enum Action: Sendable, Hashable {
    /// Into the inbox.
    case keep(flags: [String])
    case file(mailbox: String, flags: [String], creates: Bool)
    case redirect(to: String)
    /// Back to the sender, with these words.
    case reject(reason: String)
    case vacation(SieveVacation)
  }

  public var actions: [Action] = []
  /// What went wrong while it ran: the message is kept then (RFC 5228 §2.10.6).
  public var fault: String?
}

/// An answer in somebody's absence (RFC 5230).
public struct SieveVacation: Sendable, Hashable {
  public var reason: String
  public var subject: String?
  public var from: String?
  /// Further addresses of the one who is away.
  public var addresses: [String]
  /// What makes two answers the same.
  public var handle: String
  /// Until the same sender is answered again.
  public var seconds: Int64
  /// Whether `reason` is a whole MIME entity.
  public var isMIME: Bool
}
