/// The system flags of a message (RFC 9051 §2.3.2). `\Recent` is no flag of a message but of a session's view:
/// `MailStore.takeRecent`.
public struct MessageFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let seen = MessageFlags(rawValue: 1)
  public static let answered = MessageFlags(rawValue: 2)
  public static let flagged = MessageFlags(rawValue: 4)
  public static let deleted = MessageFlags(rawValue: 8)
  public static let draft = MessageFlags(rawValue: 16)
  public static let all: MessageFlags = [.seen, .answered, .flagged, .deleted, .draft]
}

/// Which of its mailbox's keywords a message has: bit `n` stands for `Mailbox.keywords[n]`.
public struct KeywordSet: OptionSet, Hashable, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The set of the keyword with this index in `Mailbox.keywords`.
  public init(index: Int) { rawValue = index >= 0 && index < 64 ? 1 << UInt64(index) : 0 }

  /// Most keywords of a mailbox; a further one is refused with `.limitReached`.
  public static let maximumCount = 64

  public func contains(index: Int) -> Bool { index >= 0 && index < 64 && rawValue & (1 << UInt64(index)) != 0 }
}

/// What a STORE does to flags and keywords (RFC 9051 §6.4.6).
public struct FlagChange: Sendable, Hashable {
  public enum Mode: Sendable, Hashable {
    /// `FLAGS`: these and no others.
    case replace
    /// `+FLAGS`
    case add
    /// `-FLAGS`
    case remove
  }

  public var mode: Mode
  public var flags: MessageFlags
  /// By name, compared without regard to the case of ASCII letters; unknown ones are added to the mailbox's keywords.
  public var keywords: [String]

  public init(_ mode: Mode, _ flags: MessageFlags, keywords: [String] = []) {
    self.mode = mode
    self.flags = flags
    self.keywords = keywords
  }
}
