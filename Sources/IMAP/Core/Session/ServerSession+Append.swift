import WireKit

/// How far an APPEND or REPLACE has come.
struct AppendProgress {
  var reader: AppendReader
  /// Where the unread part of the command begins in the buffer.
  var offset: Int
  /// Whether the server has said that messages may be put there.
  var isAllowed = false
  /// Why nothing will be put there. Messages that come in spite of it are dropped.
  var refusal: Completion?
  /// What is to come next, once the server has answered.
  var pending: LiteralHeader?
  var pendingURL: [UInt8]?
  /// Octets of the message so far.
  var size = 0
  /// Whether what comes next begins a message.
  var beginsMessage = true
}

/// APPEND, MULTIAPPEND, CATENATE and REPLACE: the messages go to the server as they come.
extension ServerSession {
  /// Takes over a command whose first line ends with a literal, if it puts messages.
  mutating func beginAppend(now: MonotonicTime, into actions: inout Actions) -> Bool {
    guard let head = try? CommandParser.head(of: buffer), let row = Verb.table[head.verb],
      row.name == "APPEND" || row.name.hasSuffix("REPLACE"), !row.states.isDisjoint(with: state)
    else { return false }
    startAppend(row, head, into: &actions)
    appendContinues(now: now, into: &actions)
    return true
  }

  private mutating func startAppend(_ row: Verb, _ head: CommandParser.Head, into actions: inout Actions) {
    tag = head.tag
    verb = head.verb
    append = AppendProgress(
      reader: AppendReader(
        isReplace: row.name.hasSuffix("REPLACE"), byUID: row.name.hasPrefix("UID"), isUTF8: enabled.hasUTF8Names),
      offset: head.argumentsOffset)
    actions.event(.received(line: Array(buffer.prefix(200)), meaning: row.meaning))
  }

  mutating func runAppendWithoutLiteral(
    _ row: Verb, _ head: CommandParser.Head, now: MonotonicTime, into actions: inout Actions
  ) {
    startAppend(row, head, into: &actions)
    appendContinues(now: now, into: &actions)
  }

  /// The first reason stands.
  mutating func refuseAppend(_ completion: Completion) {
    guard var progress = append, progress.refusal == nil else { return }
    progress.refusal = completion
    append = progress
  }

  /// Reads on: in the line that has come, or after a message has.
  mutating func appendContinues(now: MonotonicTime, into actions: inout Actions) {
    while appendReadsOn(now: now, into: &actions) {}
  }

  /// One step of it. Returns whether another can be taken at once: a line may hold thousands of parts, so that calls must not nest.
  private mutating func appendReadsOn(now: MonotonicTime, into actions: inout Actions) -> Bool {
    // After a message nothing of the next line may be there yet.
    guard case .command = phase, var progress = append, progress.offset < buffer.count else { return false }
    guard buffer.count <= configuration.limits.command else {
      refuseCommand("A command is too long", into: &actions)
      return false
    }
    let literal = LiteralHeader(endOf: buffer)
    // The line's own end, where no literal follows, is not part of the text.
    let text = literal == nil && buffer.suffix(2) == [0x0D, 0x0A] ? Array(buffer.dropLast(2)) : buffer
    let step: AppendReader.Step
    do throws(CommandSyntaxError) {
      step = try progress.reader.next(text, &progress.offset)
    } catch {
      appendIsMalformed(error, literal, now: now, into: &actions)
      return false
    }
    append = progress
    switch step {
    case .incomplete:
      if let literal, literal.count <= configuration.limits.literal {
        awaitLiteral(literal, into: &actions)
      } else {
        refuseCommand("A literal is too long", into: &actions)
      }
      return false
    case .message(let header):
      append?.pending = header
      return appendPart(now: now, into: &actions)
    case .url(let url):
      append?.pendingURL = url
      return appendPart(now: now, into: &actions)
    case .end:
      appendEnds(now: now, into: &actions)
      return false
    }
  }

  /// A line that can't be read. A literal that is on its way all the same can't be told from commands.
  private mutating func appendIsMalformed(
    _ error: CommandSyntaxError, _ literal: LiteralHeader?, now: MonotonicTime, into actions: inout Actions
  ) {
    if let literal, literal.isNonSynchronising {
      return refuseCommand(error.text, into: &actions)
    }
    _ = ask(.abandonAppend, into: &actions)
    complete(Completion(error.isRefusal ? .no : .bad, error.code, "\(error.text)"), now: now, into: &actions)
  }

  /// A message, or a part of one, comes: the server must be asked first whether it may.
  private mutating func appendPart(now: MonotonicTime, into actions: inout Actions) -> Bool {
    guard let progress = append, let mailbox = progress.reader.mailbox else { return false }
    let size = progress.pending?.count ?? 0
    let limits = configuration.limits
    if size > limits.message - progress.size || progress.reader.count > limits.messagesOfAppend {
      refuseAppend(.no("The message is too big", .tooBig))
    }
    if !progress.isAllowed, append?.refusal == nil {
      let replaced = progress.reader.replaced.map { ReplacedMessage(set: $0, byUID: progress.reader.byUID) }
      phase = .appendAsking(
        ask(.appendTarget(mailbox, replacing: replaced, size: size), into: &actions))
      return false
    }
    return takePart(now: now, into: &actions)
  }

  mutating func appendAnswered(_ output: CommandOutput, now: MonotonicTime, into actions: inout Actions) {
    phase = .command
    append?.isAllowed = true
    if let completion = output.completion, completion.status != .ok { refuseAppend(completion) }
    if takePart(now: now, into: &actions) { appendContinues(now: now, into: &actions) }
  }

  /// Takes what is pending. Returns whether the line goes on at once.
  private mutating func takePart(now: MonotonicTime, into actions: inout Actions) -> Bool {
    guard let progress = append else { return false }
    let isFirst = progress.beginsMessage
    append?.beginsMessage = progress.reader.isBetweenMessages
    if let url = progress.pendingURL {
      append?.pendingURL = nil
      guard progress.refusal == nil else { return true }
      phase = .appendStaging(
        ask(.stageURL(url, isFirst: isFirst, progress.reader.arguments), into: &actions))
      return false
    }
    guard let literal = progress.pending else { return false }
    append?.pending = nil
    if let refusal = progress.refusal {
      discard(literal, refusal, now: now, into: &actions)
      return false
    }
    append?.size = isFirst ? literal.count : progress.size + literal.count
    if !literal.isNonSynchronising { actions.write("+ OK\r\n") }
    let ticket = ask(
      .stage(count: literal.count, isFirst: isFirst, progress.reader.arguments), into: &actions)
    if literal.count > 0 {
      phase = .appendBody(ticket, remaining: literal.count)
    } else {
      actions.bodyEnd(for: ticket)
      phase = .appendStaging(ticket)
    }
    return false
  }

  /// A client that waits for leave gets the refusal, and the command is over; one that doesn't sends all the same.
  private mutating func discard(
    _ literal: LiteralHeader, _ refusal: Completion, now: MonotonicTime, into actions: inout Actions
  ) {
    guard literal.isNonSynchronising else {
      _ = ask(.abandonAppend, into: &actions)
      complete(refusal, now: now, into: &actions)
      return
    }
    guard literal.count <= 1 << 40 else { return refuseCommand("The message is too big", into: &actions) }
    phase = literal.count > 0 ? .appendDiscarding(remaining: literal.count) : .command
  }

  private mutating func appendEnds(now: MonotonicTime, into actions: inout Actions) {
    if let refusal = append?.refusal {
      _ = ask(.abandonAppend, into: &actions)
      complete(refusal, now: now, into: &actions)
      return
    }
    phase = .working(ask(.append(enabled), into: &actions))
  }
}
