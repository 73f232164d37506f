/// Reads APPEND and REPLACE piece by piece: their messages stream between the pieces (RFC 9051 §6.3.12, RFC 3502, 4469, 8508, 6855).
///
/// ```
/// C: A003 APPEND saved (\Seen) {310}
/// S: + OK
/// C: (the message) (\Flagged) " 7-Feb-1994 21:52:25 -0800" {120}
/// ```
struct AppendReader {
  /// What the line so far comes to.
  enum Step: Equatable {
    /// The line ends with a literal that is no message: its octets belong to the text.
    case incomplete
    /// A message, or a part of one, of so many octets follows.
    case message(LiteralHeader)
    /// A part of a message that the server has (CATENATE).
    case url([UInt8])
    /// The command is complete.
    case end
  }

  enum Place { case start, beforeMessage, inUTF8, inCatenation, afterPart, afterMessage }

  let isReplace: Bool
  let byUID: Bool
  let isUTF8: Bool
  private(set) var place = Place.start
  private(set) var mailbox: MailboxName?
  /// REPLACE: which message goes.
  private(set) var replaced: SequenceSet?
  /// Those of the message that comes, or came last.
  private(set) var arguments = AppendedMessageArguments()
  /// Messages whose arguments have been read.
  private(set) var count = 0
  private var isCatenated = false

  init(isReplace: Bool, byUID: Bool, isUTF8: Bool) {
    self.isReplace = isReplace
    self.byUID = byUID
    self.isUTF8 = isUTF8
  }

  /// Whether the message that was read last is complete, so that its parts belong together.
  var isBetweenMessages: Bool { place == .afterMessage }

  /// Reads on in `bytes` from `offset`, which moves. On `.incomplete` nothing has moved, and the same is asked again with more behind it.
  mutating func next(_ bytes: [UInt8], _ offset: inout Int) throws(CommandSyntaxError) -> Step {
    var reader = CommandReader(bytes, from: offset)
    var copy = self
    let step: Step
    do throws(CommandSyntaxError) {
      step = try copy.step(&reader)
    } catch {
      // A literal of the text whose octets are still to come looks like one that is cut off.
      if LiteralHeader(endOf: bytes) != nil, reader.offset >= bytes.count { return .incomplete }
      throw error
    }
    self = copy
    offset = reader.offset
    return step
  }

  private mutating func step(_ reader: inout CommandReader) throws(CommandSyntaxError) -> Step {
    switch place {
    case .start:
      try reader.space()
      if isReplace {
        replaced = try reader.sequenceSet()
        try reader.space()
      }
      mailbox = try reader.mailbox(isUTF8: isUTF8)
      try reader.space()
      return try messageArguments(&reader)
    case .afterMessage:
      if reader.isAtEnd { return .end }
      guard !isReplace else { throw CommandSyntaxError("Too many arguments") }
      try reader.space()
      return try messageArguments(&reader)
    case .inUTF8:
      try reader.expect(")", "UTF8 has no end")
      place = .afterMessage
      return try step(&reader)
    case .afterPart:
      if reader.accept(")") {
        place = .afterMessage
        return try step(&reader)
      }
      try reader.space()
      return try part(&reader)
    case .beforeMessage, .inCatenation: throw CommandSyntaxError("The message is missing")
    }
  }

  private mutating func messageArguments(_ reader: inout CommandReader) throws(CommandSyntaxError) -> Step {
    arguments = AppendedMessageArguments()
    if reader.peek() == UInt8(ascii: "(") {
      arguments.flags = try reader.flagList()
      try reader.space()
    }
    if reader.peek() == UInt8(ascii: "\"") {
      arguments.date = try reader.dateTime()
      try reader.space()
    }
    count += 1
    if reader.accept(keyword: "UTF8") {
      try reader.space()
      try reader.expect("(", "UTF8 has a literal")
      guard let header = try reader.literalHeader() else { throw CommandSyntaxError("The message is missing") }
      place = .inUTF8
      return .message(header)
    }
    if reader.accept(keyword: "CATENATE") {
      try reader.space()
      try reader.expect("(", "CATENATE has a list")
      return try part(&reader)
    }
    guard let header = try reader.literalHeader() else { throw CommandSyntaxError("The message is missing") }
    place = .afterMessage
    return .message(header)
  }

  private mutating func part(_ reader: inout CommandReader) throws(CommandSyntaxError) -> Step {
    switch try reader.keyword("A part is missing") {
    case "TEXT":
      try reader.space()
      guard let header = try reader.literalHeader() else { throw CommandSyntaxError("TEXT has a literal") }
      place = .afterPart
      return .message(header)
    case "URL":
      try reader.space()
      let url = try reader.astring("The URL is missing")
      place = .afterPart
      return .url(url)
    default: throw CommandSyntaxError("There is no such part")
    }
  }
}
