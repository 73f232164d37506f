/// Where outgoing mail waits: messages, their recipients, and what has come of each so far.
///
/// Whoever delivers claims recipients for a time, under a number (`epoch`) that rises with each claim; a claim that has run
/// out can be made by another, and what the first then says is refused with `.conflict`. So no recipient is settled
/// twice, whatever dies in between. Every function is atomic and durable when it returns. All throw `.full`,
/// `.unavailable` or `.corrupt` where that is the case; what else, each says.
public protocol QueueStore: Sendable {
  /// Adds a message with its content: `head`, then `range` of `body`.
  func add(_ message: QueueAddition) async throws(StoreError) -> QueueID

  /// Claims recipients that are due: for one domain of one message each, at most `limit` claims, by priority and then the
  /// longest due first. Nothing of what is held or claimed by others, and nothing for the domains that are `busy`.
  func claim(
    by owner: String, now: WallTime, until: WallTime, limit: Int, busy: Set<String>
  ) async throws(StoreError) -> [QueueClaim]

  /// Notes what came of a claim, and adds the notices that follow from it, in one step. Recipients that are done go;
  /// with the last of them goes the message. `.conflict` when the claim is no longer this owner's: nothing is changed.
  func settle(
    _ claim: QueueClaim, _ results: [QueueResult], notices: [QueueAddition]
  ) async throws(StoreError)

  /// The content of a message. `.notFound` when it is gone.
  func content(of id: QueueID) async throws(StoreError) -> any MessageBody

  /// Messages by number, from the one that follows `after`.
  func messages(after: QueueID?, limit: Int) async throws(StoreError) -> [QueuedMessage]
  func message(_ id: QueueID) async throws(StoreError) -> QueuedMessage?
  /// Keeps a message from being tried, or lets it go on. `.notFound`.
  func hold(_ id: QueueID, _ isHeld: Bool) async throws(StoreError)
  /// Makes a message, or all that are not held, due at once. `.notFound` for a message that is not there.
  func retry(_ id: QueueID?, now: WallTime) async throws(StoreError)
  /// Removes a message without a word to anyone. `.notFound`.
  func drop(_ id: QueueID) async throws(StoreError)
  /// When the next recipient that nobody has claimed is due; `nil` when none waits.
  func nextDue() async throws(StoreError) -> WallTime?
  /// How many messages there are.
  func count() async throws(StoreError) -> Int
}

extension QueueStore {
  public func claim(
    by owner: String, now: WallTime, until: WallTime, limit: Int
  ) async throws(StoreError) -> [QueueClaim] {
    try await claim(by: owner, now: now, until: until, limit: limit, busy: [])
  }
}

/// The number of a message in the queue; never used again.
public struct QueueID: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
  public let number: Int64
  public init(_ number: Int64) { self.number = number }
  public static func < (left: QueueID, right: QueueID) -> Bool { left.number < right.number }
  public var description: String { String(number) }
}

/// A message as it waits, without its content.
public struct QueuedMessage: Sendable, Hashable, Codable {
  /// Given by the store.
  public var id: QueueID
  /// Empty for a notification.
  public var sender: String
  public var created: WallTime
  /// When delivery is given up.
  public var expires: WallTime
  public var size: Int64
  public var isEightBit: Bool
  public var isUTF8: Bool
  /// `FULL` or `HDRS` (RFC 3461 §4.3).
  public var returns: String?
  public var envelopeID: String?
  /// Who submitted it; `nil` for what came from other servers or from here.
  public var account: String?
  /// -9 to 9: what is due goes in this order first (RFC 6710).
  public var priority: Int
  /// Whether it goes over TLS with servers that prove who they are, and no other way (RFC 8689).
  public var requiresTLS: Bool
  /// By when it must have been delivered (RFC 2852), and the mode of that (`R`, `N`, with `T` behind it for a trace).
  public var deliverBy: WallTime?
  public var deliverByMode: String?
  public var isHeld: Bool
  public var recipients: [QueuedRecipient]

  public init(
    id: QueueID = QueueID(0), sender: String, created: WallTime, expires: WallTime, size: Int64 = 0,
    isEightBit: Bool = false, isUTF8: Bool = false, returns: String? = nil, envelopeID: String? = nil,
    account: String? = nil, priority: Int = 0, requiresTLS: Bool = false, deliverBy: WallTime? = nil,
    deliverByMode: String? = nil, isHeld: Bool = false, recipients: [QueuedRecipient]
  ) {
    self.id = id
    self.sender = sender
    self.created = created
    self.expires = expires
    self.size = size
    self.isEightBit = isEightBit
    self.isUTF8 = isUTF8
    self.returns = returns
    self.envelopeID = envelopeID
    self.account = account
    self.priority = priority
    self.requiresTLS = requiresTLS
    self.deliverBy = deliverBy
    self.deliverByMode = deliverByMode
    self.isHeld = isHeld
    self.recipients = recipients
  }
}

/// One recipient of a message that waits.
public struct QueuedRecipient: Sendable, Hashable, Codable {
  /// Within its message, from 0.
  public var number: Int
  public var address: String
  /// What it is routed by: its domain in lower case.
  public var domain: String
  /// As the sender gave it (RFC 3461 §4.2).
  public var original: String?
  /// The bits of NOTIFY; `nil` where the sender said nothing.
  public var notify: UInt8?
  public var attempts: Int
  public var nextAttempt: WallTime
  /// The last answer, word for word, and who gave it.
  public var lastReply: String?
  public var lastHost: String?
  /// Whether the sender has been told of the delay.
  public var isDelayTold: Bool

  public init(
    number: Int = 0, address: String, domain: String, original: String? = nil, notify: UInt8? = nil,
    attempts: Int = 0, nextAttempt: WallTime, lastReply: String? = nil, lastHost: String? = nil,
    isDelayTold: Bool = false
  ) {
    self.number = number
    self.address = address
    self.domain = domain
    self.original = original
    self.notify = notify
    self.attempts = attempts
    self.nextAttempt = nextAttempt
    self.lastReply = lastReply
    self.lastHost = lastHost
    self.isDelayTold = isDelayTold
  }
}

/// A message to add, with its content.
public struct QueueAddition: Sendable {
  public var message: QueuedMessage
  public var head: [UInt8]
  public var body: (any MessageBody)?
  /// The part of `body` that follows `head`.
  public var range: Range<Int64>

  public init(_ message: QueuedMessage, head: [UInt8], body: (any MessageBody)? = nil, range: Range<Int64>? = nil) {
    self.message = message
    self.head = head
    self.body = body
    self.range = range ?? 0..<(body?.size ?? 0)
  }

  public var size: Int64 { Int64(head.count) + Int64(range.count) }
}

/// Recipients of one domain of one message that somebody delivers now.
public struct QueueClaim: Sendable, Hashable {
  public var message: QueuedMessage
  /// Those that are claimed; `message.recipients` holds the same.
  public var recipients: [QueuedRecipient]
  public var domain: String
  public var owner: String
  public var epoch: Int64

  public init(message: QueuedMessage, recipients: [QueuedRecipient], domain: String, owner: String, epoch: Int64) {
    self.message = message
    self.recipients = recipients
    self.domain = domain
    self.owner = owner
    self.epoch = epoch
  }
}

/// What came of one recipient.
public struct QueueResult: Sendable, Hashable {
  public enum State: Sendable, Hashable {
    /// Delivered, or given up: either way it goes.
    case done
    case retry(at: WallTime, isDelayTold: Bool)
    /// It was not tried, and should be then.
    case untried(until: WallTime)
  }

  public var number: Int
  public var state: State
  public var reply: String
  public var host: String?

  public init(number: Int, state: State, reply: String, host: String?) {
    self.number = number
    self.state = state
    self.reply = reply
    self.host = host
  }
}
