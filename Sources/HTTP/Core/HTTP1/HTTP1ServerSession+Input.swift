import WireKit

/// How far the content of a request has been read.
struct ContentReader: Sendable {
  enum Framing: Sendable {
    case length(remaining: Int64)
    case chunked(ChunkedDecoder)
  }

  var framing: Framing
  /// Content bytes so far.
  var count: Int64 = 0
  /// Bytes that may still be read and thrown away, once the request has been answered; `nil` before.
  var discard: Int64?
}

extension HTTP1ServerSession {
  /// Takes the next head. Returns whether there is more to do with the input.
  mutating func takeHead(
    _ input: RawSpan, _ consumed: inout Int, _ now: MonotonicTime, _ actions: inout Actions
  ) -> Bool {
    var rest = input.extracting(consumed..<input.byteCount)
    // One empty line before a request is passed over (RFC 9112 §2.2).
    if !passedEmptyLine, rest.byte(at: 0) == 0x0D, rest.byteCount > 1, rest[1] == 0x0A {
      consumed += 2
      passedEmptyLine = true
      rest = input.extracting(consumed..<input.byteCount)
    }
    guard let first = rest.byte(at: 0) else { return false }
    do throws(HTTPError) {
      guard Characters.isToken(first) || first == 0x0D && rest.byteCount == 1 && !passedEmptyLine else {
        throw HTTPError(
          .badRequest, first == 0x16 ? "this port speaks HTTP, and got a TLS handshake" : "this is no HTTP request")
      }
      guard let count = try scanner.end(in: rest, limits) else {
        if !deadline.isRunning("head") { moveDeadline(now, limits.headTime, "head", &actions) }
        return false
      }
      scanner.reset()
      let request = try RequestHead.parse(rest.extracting(0..<count), isSecure: configuration.isSecure, limits)
      consumed += count
      begin(request, &actions, now)
      return true
    } catch {
      consumed = input.byteCount
      refuse(error, now, &actions)
      return false
    }
  }

  private mutating func begin(_ request: HTTPRequest, _ actions: inout Actions, _ now: MonotonicTime) {
    number &+= 1
    passedEmptyLine = false
    current = Exchange(
      method: request.method, version: request.version, keepsAlive: keepsAlive(request),
      awaitsContinue: request.expectsContinue,
      mayUpgrade: request.version == .http11 && request.content == .none && request.fields.contains(.upgrade)
        && request.fields.lists(.connection, "upgrade"))
    switch request.content {
    case .none: input = .complete
    case .length(let length): input = .content(ContentReader(framing: .length(remaining: length)))
    case .unknown: input = .content(ContentReader(framing: .chunked(ChunkedDecoder(limits))))
    }
    output = .awaiting
    awaited = ticket
    deadline.clear()
    actions.request(.respond(request), ticket)
    if request.content == .none { return actions.bodyEnd(for: ticket) }
    if request.expectsContinue {
      // A reply that comes at once makes the content unnecessary; only without one is the client told to go on.
      actions.setTimer(Self.continueTimer, at: now)
    } else {
      moveDeadline(now, limits.contentTime, "body", &actions)
    }
  }

  private func keepsAlive(_ request: HTTPRequest) -> Bool {
    guard !inputEnded, number < limits.requests else { return false }
    guard request.fields.contains(.connection) else { return request.version == .http11 }
    if request.fields.lists(.connection, "close") { return false }
    return request.version == .http11 || request.fields.lists(.connection, "keep-alive")
  }

  /// Takes content. Returns whether the request is complete and there is more to do.
  mutating func takeContent(
    _ input: RawSpan, _ consumed: inout Int, _ reader: inout ContentReader, _ now: MonotonicTime,
    _ actions: inout Actions
  ) -> Bool {
    let start = consumed
    do throws(HTTPError) {
      let isDone = try take(input, &consumed, &reader, &actions)
      self.input = isDone ? .complete : .content(reader)
      if consumed > start {
        current.awaitsContinue = false
        moveDeadline(now, limits.contentTime, "body", &actions)
      }
      guard isDone else { return false }
      deadline.clear()
      if reader.discard == nil { actions.bodyEnd(for: ticket) }
      if case .idle = output { finishExchange(now, &actions) }
      return true
    } catch {
      consumed = input.byteCount
      refuse(error, now, &actions)
      return false
    }
  }

  private func take(
    _ input: RawSpan, _ consumed: inout Int, _ reader: inout ContentReader, _ actions: inout Actions
  ) throws(HTTPError) -> Bool {
    switch reader.framing {
    case .length(let remaining):
      let count = Int(min(remaining, Int64(input.byteCount - consumed)))
      guard count > 0 else { return false }
      try deliver(consumed..<(consumed + count), &reader, &actions)
      consumed += count
      reader.framing = .length(remaining: remaining - Int64(count))
      return remaining == Int64(count)
    case .chunked(var decoder):
      while let range = try decoder.next(in: input, at: &consumed) { try deliver(range, &reader, &actions) }
      reader.framing = .chunked(decoder)
      return decoder.isDone
    }
  }

  private func deliver(
    _ range: Range<Int>, _ reader: inout ContentReader, _ actions: inout Actions
  ) throws(HTTPError) {
    reader.count += Int64(range.count)
    guard reader.count <= limits.content else { throw HTTPError(.contentTooLarge, "content above the limit") }
    guard let discard = reader.discard else { return actions.body(range, for: ticket) }
    guard discard >= Int64(range.count) else { throw HTTPError(.contentTooLarge, "content of an answered request") }
    reader.discard = discard - Int64(range.count)
  }

  mutating func sendContinue(_ now: MonotonicTime, _ actions: inout Actions) {
    guard case .awaiting = output, current.awaitsContinue, case .content = input else { return }
    current.awaitsContinue = false
    actions.write("HTTP/1.1 100 Continue\r\n\r\n" as StaticString)
    moveDeadline(now, limits.contentTime, "body", &actions)
  }
}
