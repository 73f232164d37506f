import SASLCore
import WireKit

/// The transaction: MAIL, RCPT, DATA, BDAT (RFC 5321 §3.3, RFC 3030).
extension ServerSession {
  mutating func resetTransaction(_ actions: inout Actions) {
    if let ticket = incoming?.ticket { actions.cancel(ticket) }
    actions.setTimer(Self.messageTimer, at: nil)
    incoming = nil
    envelope = nil
  }

  mutating func mail(_ sender: ReversePath, _ parameters: MailParameters, _ actions: inout Actions) {
    guard transactions < profile.limits.transactions else {
      return end(SMTPReply(421, "4.7.0", "Too many messages on one connection"), &actions)
    }
    if let size = parameters.size, size > profile.limits.messageSize { return refuse(.tooLarge, &actions) }
    guard parameters.isUTF8 || !sender.needsUTF8 else { return refuse(.needsUTF8, &actions) }
    guard !parameters.requiresTLS || isEncrypted else { return refuse(.tlsNeeded, &actions) }
    // RFC 4865 §4.4: both together contradict each other.
    guard parameters.holdSeconds == nil || parameters.deliverBy == nil else { return refuse(.syntax, &actions) }
    if let hold = parameters.holdSeconds {
      guard mustLogIn, hold <= Self.longestHold else { return refuse(.parameterUnknown, &actions) }
    }
    ask(.sender(sender, parameters, client), .sender(sender, parameters), &actions)
  }

  mutating func recipient(_ recipient: Envelope.Recipient, _ actions: inout Actions) {
    guard let envelope else { return refuse(.noMail, &actions) }
    guard envelope.recipients.count < profile.limits.recipients else { return send(.tooManyRecipients, &actions) }
    guard envelope.parameters.isUTF8 || !recipient.address.needsUTF8 else { return refuse(.needsUTF8, &actions) }
    ask(.recipient(recipient, sender: envelope.sender, client), .recipient(recipient), &actions)
  }

  mutating func startData(_ now: MonotonicTime, _ actions: inout Actions) {
    guard let envelope, !envelope.recipients.isEmpty else { return refuse(.noRecipients, &actions) }
    let ticket = nextTicket()
    incoming = Incoming(ticket: ticket)
    actions.request(.message(envelope, client), ticket)
    send(.startInput, &actions)
    phase = .data
    actions.setTimer(Self.commandTimer, at: now + profile.limits.blockTime)
    actions.setTimer(Self.messageTimer, at: now + profile.limits.messageTime)
  }

  mutating func startChunk(_ size: Int64, _ isLast: Bool, _ now: MonotonicTime, _ actions: inout Actions) {
    if incoming == nil {
      let ticket = nextTicket()
      incoming = Incoming(ticket: ticket)
      incoming?.isChunked = true
      if let envelope, !envelope.recipients.isEmpty {
        actions.request(.message(envelope, client), ticket)
      } else {
        // Its bytes come whether they are wanted or not (RFC 3030 §2).
        incoming?.early = [.noRecipients]
      }
      actions.setTimer(Self.messageTimer, at: now + profile.limits.messageTime)
    }
    phase = .chunk(remaining: size, isLast: isLast)
    actions.setTimer(Self.commandTimer, at: now + profile.limits.blockTime)
    if size == 0 { endChunk(size, isLast, now, &actions) }
  }

  // MARK: Content

  mutating func receiveData(
    _ input: RawSpan, from start: Int, _ now: MonotonicTime, _ actions: inout Actions
  ) -> Int {
    guard var incoming else { return input.byteCount - start }
    self.incoming = nil
    var scanner = incoming.scanner
    let outcome = scanner.scan(input, from: start) { range in take(range, &incoming, &actions) }
    incoming.scanner = scanner
    self.incoming = incoming
    switch outcome {
    case .more:
      actions.setTimer(Self.commandTimer, at: now + profile.limits.blockTime)
      return input.byteCount - start
    case .end(let consumed):
      complete(now, &actions)
      return consumed - start
    case .bareLineEnd:
      refuseLineEnd(&actions)
      return input.byteCount - start
    }
  }

  mutating func receiveChunk(
    _ input: RawSpan, from start: Int, _ remaining: Int64, _ isLast: Bool, _ now: MonotonicTime,
    _ actions: inout Actions
  ) -> Int {
    let count = Int(min(remaining, Int64(input.byteCount - start)))
    guard var incoming else { return input.byteCount - start }
    guard incoming.lineEnds.take(input.extracting(start..<(start + count))) else {
      refuseLineEnd(&actions)
      return input.byteCount - start
    }
    self.incoming = nil
    take(start..<(start + count), &incoming, &actions)
    self.incoming = incoming
    actions.setTimer(Self.commandTimer, at: now + profile.limits.blockTime)
    let rest = remaining - Int64(count)
    phase = .chunk(remaining: rest, isLast: isLast)
    if rest == 0 { endChunk(Int64(count), isLast, now, &actions) }
    return count
  }

  /// A part of the message: to whoever keeps it, unless that is over already.
  private func take(_ range: Range<Int>, _ incoming: inout Incoming, _ actions: inout Actions) {
    guard incoming.early == nil else { return }
    incoming.size += Int64(range.count)
    guard incoming.size <= profile.limits.messageSize else {
      actions.cancel(incoming.ticket)
      incoming.early = [.tooLarge]
      return
    }
    actions.body(range, for: incoming.ticket)
  }

  private mutating func endChunk(_ size: Int64, _ isLast: Bool, _ now: MonotonicTime, _ actions: inout Actions) {
    guard let incoming else { return }
    if isLast {
      guard incoming.lineEnds.isComplete else { return refuseLineEnd(&actions) }
      return complete(now, &actions)
    }
    phase = .command
    if let early = incoming.early {
      resetTransaction(&actions)
      send(early.first ?? .temporary, &actions)
    } else {
      send(SMTPReply(250, "2.0.0", "\(incoming.size) bytes so far"), &actions)
    }
    awaitCommand(now, &actions)
  }

  /// Nothing that follows can be trusted to be where it seems to be: the connection ends.
  private mutating func refuseLineEnd(_ actions: inout Actions) {
    actions.event(.bareLineEnd)
    end(.bareLineEndInMessage, &actions)
  }

  private mutating func complete(_ now: MonotonicTime, _ actions: inout Actions) {
    guard let incoming else { return }
    actions.setTimer(Self.messageTimer, at: nil)
    if let early = incoming.early {
      self.incoming = nil
      phase = .command
      finish(early, &actions)
      awaitCommand(now, &actions)
    } else {
      actions.bodyEnd(for: incoming.ticket)
      question = (incoming.ticket, .message)
      self.incoming = nil
      phase = .waiting
    }
  }

  private mutating func finish(_ replies: [SMTPReply], _ actions: inout Actions) {
    transactions += 1
    let count = profile.role == .lmtp ? envelope?.recipients.count ?? 1 : 1
    envelope = nil
    for index in 0..<max(1, count) {
      send(index < replies.count ? replies[index] : replies.last ?? .temporary, &actions)
    }
  }

  // MARK: Answers

  mutating func answer(
    _ question: Question, _ given: ServerAnswer, _ now: MonotonicTime, _ actions: inout Actions
  ) {
    if case .silence = given {
      // Until the client gives up, or the time for commands is over.
      phase = .waiting
      return actions.setTimer(Self.silenceTimer, at: now + profile.limits.commandTime)
    }
    switch (question, given) {
    case (.sasl, .sasl(let judged)):
      guard let step = exchange?.resume(judged) else { return send(.temporary, &actions) }
      carryOut(step, now, &actions)
    case (.sender(let sender, let parameters), .reply(let reply)):
      if reply.isPositive { envelope = Envelope(sender: sender, parameters: parameters) }
      send(reply, &actions)
    case (.recipient(let recipient), .reply(let reply)): answer(recipient, reply, &actions)
    case (.postmaster(let parameters), .postmaster(let address)):
      answer(.init(address, parameters), SMTPReply(250, "2.1.5", "Recipient OK"), &actions)
    case (.postmaster, .reply(let reply)): send(reply, &actions)
    case (.message, _): finish(Self.replies(given), &actions)
    default: send(.temporary, &actions)
    }
  }

  private mutating func answer(
    _ recipient: Envelope.Recipient, _ reply: SMTPReply, _ actions: inout Actions
  ) {
    guard !reply.isPositive else {
      envelope?.recipients.append(recipient)
      return send(reply, &actions)
    }
    refusedRecipients += 1
    if reply.code == 421 { return end(reply, &actions) }
    guard refusedRecipients < profile.limits.refusedRecipients else {
      actions.event(.tooManyErrors)
      return end(.tooManyErrors, &actions)
    }
    send(reply, &actions)
  }
}
