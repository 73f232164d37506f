import WireKit

/// Input: lines, literals, and the bodies of messages.
extension ServerSession {
  /// Takes what is at the front, or `nil` when that must wait.
  /// - Parameter base: Where `input` begins in what the driver offered: ranges of bodies count from there.
  mutating func take(_ input: RawSpan, base: Int, now: MonotonicTime, into actions: inout Actions) -> Int? {
    switch phase {
    case .closed, .working, .pausing, .saslJudging, .idleEnding, .watchEnding, .appendAsking, .appendStaging,
      .upgrading,
      .compressing:
      return nil
    case .command where backgroundWatch != nil:
      if let watch = backgroundWatch {
        backgroundWatch = nil
        actions.cancel(watch)
        phase = .watchEnding(watch)
      }
      return nil
    case .command, .saslResponse, .idling: return takeLine(input, now: now, into: &actions)
    case .literal(let remaining):
      let count = min(remaining, input.byteCount)
      buffer.append(input.extracting(0..<count))
      phase = remaining == count ? .command : .literal(remaining: remaining - count)
      return count
    case .appendBody(let ticket, let remaining):
      let count = min(remaining, input.byteCount)
      actions.body(base..<(base + count), for: ticket)
      if remaining == count {
        actions.bodyEnd(for: ticket)
        phase = .appendStaging(ticket)
      } else {
        phase = .appendBody(ticket, remaining: remaining - count)
      }
      return count
    case .appendDiscarding(let remaining):
      let count = min(remaining, input.byteCount)
      phase = remaining == count ? .command : .appendDiscarding(remaining: remaining - count)
      if remaining == count { appendContinues(now: now, into: &actions) }
      return count
    }
  }

  private mutating func takeLine(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int? {
    switch framer.next(in: input) {
    case .incomplete: return nil
    case .tooLong:
      if isAuthenticated { actions.write("* BAD [TOOBIG] A line is too long\r\n") }
      bye("A line is too long", into: &actions)
      return nil
    case .bareLineEnd:
      // A CR or LF alone: whoever writes that may mean another protocol (`security.md`).
      actions.event(.refused("a bare CR or LF"))
      actions.write("* BYE Lines end with CR and LF\r\n")
      end(into: &actions)
      return nil
    case .line(let length, let terminator):
      switch phase {
      case .saslResponse: takeResponse(input.extracting(0..<length), now: now, into: &actions)
      case .idling(let watch): takeDone(input.extracting(0..<length), watch, now: now, into: &actions)
      default:
        buffer.append(input.extracting(0..<(length + terminator)))
        takeCommandLine(now: now, into: &actions)
      }
      return length + terminator
    }
  }

  private mutating func takeDone(
    _ line: RawSpan, _ watch: Ticket?, now: MonotonicTime, into actions: inout Actions
  ) {
    actions.setTimer(Self.keepAliveTimer, at: nil)
    let word = line.copied().map(\.asciiUppercase)
    actions.event(.received(line: Array(word.prefix(100)), meaning: "has waited enough"))
    let isDone = word == Array("DONE".utf8)
    guard let watch else {
      complete(isDone ? .ok("IDLE completed") : .bad("DONE ends IDLE"), now: now, into: &actions)
      return
    }
    if !isDone { return bye("DONE ends IDLE", into: &actions) }
    actions.cancel(watch)
    phase = .idleEnding(watch)
  }

  /// A line of a command stands in the buffer, with its CRLF.
  private mutating func takeCommandLine(now: MonotonicTime, into actions: inout Actions) {
    let limits = configuration.limits
    if append != nil {
      // The line's own end, where no literal follows, is not part of the text.
      if LiteralHeader(endOf: buffer) == nil { buffer.removeLast(2) }
      append?.hasLine = true
      return appendContinues(now: now, into: &actions)
    }
    guard buffer.count <= (isAuthenticated ? limits.command : limits.commandBeforeLogIn) else {
      return refuseCommand("A command is too long", into: &actions)
    }
    guard let literal = LiteralHeader(endOf: buffer) else {
      buffer.removeLast(2)
      return run(now: now, into: &actions)
    }
    if isAuthenticated, beginAppend(now: now, into: &actions) { return }
    let limit = isAuthenticated ? limits.literal : limits.literalBeforeLogIn
    let total = isAuthenticated ? limits.command : limits.commandBeforeLogIn
    guard literal.count <= limit, literal.count <= total - buffer.count else {
      if literal.isNonSynchronising { return refuseCommand("A literal is too long", into: &actions) }
      tag = CommandParser.tag(of: buffer) ?? [UInt8(ascii: "*")]
      complete(.bad("A literal is too long", .tooBig), now: now, into: &actions)
      return
    }
    awaitLiteral(literal, into: &actions)
  }

  /// Lets a literal of the command's text come.
  mutating func awaitLiteral(_ literal: LiteralHeader, into actions: inout Actions) {
    if !literal.isNonSynchronising { actions.write("+ OK\r\n") }
    phase = literal.count > 0 ? .literal(remaining: literal.count) : .command
  }

  /// A command whose rest can't be told from the next one: the connection ends.
  mutating func refuseCommand(_ reason: StaticString, into actions: inout Actions) {
    let tag = CommandParser.tag(of: buffer) ?? [UInt8(ascii: "*")]
    actions.write { output in
      output.append(contentsOf: tag)
      output.append(contentsOf: " BAD [TOOBIG] ".utf8)
      output.append(contentsOf: "\(reason)\r\n".utf8)
    }
    bye(reason, into: &actions)
  }
}
