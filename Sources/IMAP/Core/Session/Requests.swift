import SASLCore

/// Something whose octets are sent without the session touching them: a message.
public protocol ContentSource: AnyObject, Sendable {}

/// What a session asks of its server.
public enum IMAPRequest: Sendable {
  /// A log-in, or a step of one.
  case authenticate(SASLQuestion)
  /// A command that needs a store.
  case command(Command, tag: [UInt8], EnabledExtensions)
  /// Go on with the answer of the last command: what was written has left.
  case more
  /// Wait until there is something to tell: of the selected mailbox in IDLE, or whatever NOTIFY asked for. Taken back when the client
  /// ends IDLE, or begins a command.
  case watch(EnabledExtensions, isIdle: Bool)
  /// May messages be put there? Asked before the first octet is.
  case appendTarget(MailboxName, replacing: ReplacedMessage?, size: Int)
  /// Octets of a message, in the request's body. `isFirst`: they begin a message; otherwise they go on with the last one.
  case stage(count: Int, isFirst: Bool, AppendedMessageArguments)
  /// A part of a message that the server has goes on with the last one, or begins a new one.
  case stageURL([UInt8], isFirst: Bool, AppendedMessageArguments)
  /// Put what was staged where it belongs.
  case append(EnabledExtensions)
  /// Forget what was staged.
  case abandonAppend
}

/// Which message a REPLACE replaces.
public struct ReplacedMessage: Hashable, Sendable {
  public var set: SequenceSet
  public var byUID: Bool
}

/// What a server answers.
public enum IMAPReply: Sendable {
  case authentication(SASLAnswer)
  case output(CommandOutput)
}

/// The answer of a command, or a part of it.
public struct CommandOutput: Sendable {
  public enum Piece: Sendable {
    case bytes([UInt8])
    case content(any ContentSource, Range<Int64>)
  }

  /// What a command changes for those after it.
  public enum Effect: Sendable {
    case none
    case selected
    case unselected
    /// NOTIFY: the client listens all the time from here on, or no longer.
    case listening(Bool)
  }

  /// Untagged responses, in order.
  public private(set) var pieces: [Piece] = []
  /// How it ended; `nil` while there is more to come, by `.more`.
  public var completion: Completion?
  public var effect = Effect.none

  public init(_ completion: Completion? = nil) { self.completion = completion }

  public var isEmpty: Bool { pieces.isEmpty }

  /// Bytes that `pieces` holds in memory, about.
  public private(set) var count = 0

  /// Appends bytes.
  public mutating func write(_ body: (inout [UInt8]) -> Void) {
    var bytes: [UInt8] = []
    if case .bytes(let last) = pieces.last {
      bytes = last
      pieces.removeLast()
      count -= last.count
    }
    body(&bytes)
    count += bytes.count
    if !bytes.isEmpty { pieces.append(.bytes(bytes)) }
  }

  /// Appends octets of a content, by place.
  public mutating func send(_ source: any ContentSource, _ range: Range<Int64>) {
    guard !range.isEmpty else { return }
    pieces.append(.content(source, range))
  }
}
