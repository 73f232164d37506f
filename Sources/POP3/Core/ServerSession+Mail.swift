import SASLCore
import WireKit

extension POP3ServerSession {
  mutating func transact(_ command: Command, _ now: MonotonicTime, _ actions: inout Actions) {
    guard let maildrop else { return refuse(.badState, &actions) }
    switch command {
    case .stat:
      var (count, size): (Int, Int64) = (0, 0)
      for index in 0..<maildrop.count where !deleted.contains(index) {
        count += 1
        size += maildrop.size(of: index)
      }
      send(POP3Reply(ok: "\(count) \(size)"), &actions)
    case .list(let number), .uidl(let number):
      let isUIDL = command.verb == .uidl
      guard let number else {
        send(POP3Reply(ok: "\(maildrop.count - deleted.count) messages"), &actions)
        listing = Listing(isUIDL: isUIDL)
        return continueListing(now, &actions)
      }
      guard let index = index(number) else { return refuse(.noSuchMessage, &actions) }
      send(POP3Reply(ok: entry(index, maildrop, isUIDL)), &actions)
    case .retr(let number):
      guard let index = index(number) else { return refuse(.noSuchMessage, &actions) }
      read(MessageTransfer(index: index), &actions)
    case .top(let number, let lines):
      guard let index = index(number) else { return refuse(.noSuchMessage, &actions) }
      read(MessageTransfer(index: index, lines: lines), &actions)
    case .dele(let number):
      guard let index = index(number) else { return refuse(.noSuchMessage, &actions) }
      deleted.insert(index)
      send(POP3Reply(ok: "Message \(number) goes at QUIT"), &actions)
    case .rset:
      deleted.removeAll()
      send(POP3Reply(ok: "Nothing will be deleted"), &actions)
    default: refuse(.badState, &actions)
    }
  }

  /// The index of a message that is there and not deleted.
  private func index(_ number: Int) -> Int? {
    guard let maildrop, number >= 1, number <= maildrop.count, !deleted.contains(number - 1) else { return nil }
    return number - 1
  }

  private func entry(_ index: Int, _ maildrop: any Maildrop, _ isUIDL: Bool) -> String {
    isUIDL ? "\(index + 1) \(maildrop.uniqueID(of: index))" : "\(index + 1) \(maildrop.size(of: index))"
  }

  mutating func continueListing(_ now: MonotonicTime, _ actions: inout Actions) {
    guard let maildrop, var listing else { return }
    var written = 0
    while listing.next < maildrop.count, written < profile.limits.listingLines {
      if !deleted.contains(listing.next) {
        actions.write(entry(listing.next, maildrop, listing.isUIDL))
        actions.write("\r\n")
        written += 1
      }
      listing.next += 1
    }
    if listing.next < maildrop.count {
      self.listing = listing
      phase = .sending
      return
    }
    actions.write(".\r\n")
    self.listing = nil
    phase = .command
    awaitCommand(now, &actions)
  }

  /// Asks for the next piece of a message.
  mutating func read(_ transfer: MessageTransfer, _ actions: inout Actions) {
    guard let maildrop else { return }
    ask(.read(maildrop, transfer, maximum: profile.limits.pieceBytes), .read(transfer), &actions)
  }

  mutating func answer(
    _ kind: Question, _ reply: consuming POP3Answer, _ now: MonotonicTime, _ actions: inout Actions
  ) {
    switch (kind, reply) {
    case (.sasl, .sasl(let answer)): answerSASL(answer, &actions)
    case (.open, .maildrop(let maildrop)):
      self.maildrop = maildrop
      send(POP3Reply(ok: "\(maildrop.count) messages"), &actions)
    case (.open, .failed(let failure)): end(failure, &actions)
    case (.read(let transfer), .piece(let bytes, let isEnd)): write(transfer, bytes, isEnd: isEnd, &actions)
    case (.read(let transfer), .failed(let failure)):
      // In the middle of a message only the end of the connection tells that it is not whole.
      if transfer.offset == 0 {
        refuse(failure, &actions)
      } else {
        phase = .closed
        actions.close(.immediately)
      }
    case (.update(let count), .updated):
      actions.event(.updated(account: account ?? "", deleted: count))
      end(POP3Reply(ok: "Bye, \(count) deleted"), &actions)
    case (.update, .failed): end(POP3Reply(error: "Nothing was deleted", code: "SYS/TEMP"), &actions)
    default: end(.temporary, &actions)
    }
  }

  private mutating func answerSASL(_ answer: SASLAnswer, _ actions: inout Actions) {
    if var exchange {
      let step = exchange.resume(answer)
      self.exchange = exchange
      return carryOut(step, &actions)
    }
    // PASS.
    switch answer {
    case .granted(let account, _): granted(account, &actions)
    case .failed(let failure): refused(failure, &actions)
    case .scramParameters: end(.temporary, &actions)
    }
  }

  private mutating func write(
    _ transfer: MessageTransfer, _ bytes: [UInt8], isEnd: Bool, _ actions: inout Actions
  ) {
    var transfer = transfer
    if transfer.offset == 0 {
      send(POP3Reply(ok: "\(maildrop?.size(of: transfer.index) ?? 0) octets"), &actions)
    }
    actions.write { output in
      transfer.take(bytes, into: &output)
      if isEnd || transfer.isDone { transfer.finish(into: &output) }
    }
    if isEnd, transfer.isWhole { retrieved.insert(transfer.index) }
    if isEnd || transfer.isDone { return }
    self.transfer = transfer
    phase = .sending
  }
}
