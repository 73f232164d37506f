import WireKit

extension HTTP1ServerSession {
  /// Writes a reply's head and begins with its content.
  mutating func write(_ reply: HTTPReply, _ now: MonotonicTime, _ actions: inout Actions) {
    if reply.status == .switchingProtocols { return leaveHTTP(reply, now, &actions) }
    if reply.status.isInformational { return writeInterim(reply, now, &actions) }
    if case .content(let reader) = input, !reply.readsOn || current.awaitsContinue {
      answerEarly(reader, now, &actions)
    }
    if reply.endsConnection { current.keepsAlive = false }
    let length = reply.content.count
    let hasContent = current.method != .head && !reply.status.forbidsContent
    // Without a length, HTTP/1.0 knows only the end of the connection (RFC 9112 §6.3).
    current.isChunked = length == nil && current.version == .http11 && hasContent
    if length == nil, hasContent, !current.isChunked { current.keepsAlive = false }
    let moment = date.value(now)
    let (exchange, isChunked) = (current, current.isChunked)
    let before = actions.output.count
    let small = hasContent ? Self.small(reply.content) : nil
    actions.write { (output: inout [UInt8]) in
      output.append(status: reply.status)
      if !moment.isEmpty {
        output.append("Date: ")
        output.append(contentsOf: moment)
        output.append("\r\n")
      }
      if let prepared = reply.prepared { output.append(contentsOf: prepared.http1) }
      if !reply.fields.isEmpty { output.append(fields: reply.fields) }
      output.append(framing: length, reply.status, isChunked: isChunked)
      if !exchange.keepsAlive {
        output.append("Connection: close\r\n\r\n")
      } else if exchange.version == .http10 {
        output.append("Connection: keep-alive\r\n\r\n")
      } else {
        output.append("\r\n")
      }
      if let small { output.append(contentsOf: small) }
    }
    unsent += Int64(actions.output.count - before)
    guard hasContent, small == nil, length != 0 else { return finishExchange(now, &actions) }
    if case .stream(let stream, _) = reply.content {
      output = .streaming(stream, asked: false)
    } else {
      output = .sending(ContentCursor(reply.content))
    }
    continueOutput(now, &actions)
  }

  /// An interim reply: its head alone, and the one behind it is asked for. HTTP/1.0 knows none (RFC 9110 §15.2).
  private mutating func writeInterim(_ reply: HTTPReply, _ now: MonotonicTime, _ actions: inout Actions) {
    guard let later = reply.later else {
      return write(HTTPReply(.internalServerError, endsConnection: true), now, &actions)
    }
    if current.version == .http11 {
      let before = actions.output.count
      actions.write { (output: inout [UInt8]) in
        output.append(status: reply.status)
        output.append(fields: reply.fields)
        output.append("\r\n")
      }
      unsent += Int64(actions.output.count - before)
    }
    lates &+= 1
    awaited = Ticket(lates)
    actions.request(.later(later), awaited)
  }

  /// Both sides leave HTTP: from here on the connection is a tunnel (RFC 9110 §15.2.2).
  private mutating func leaveHTTP(_ reply: HTTPReply, _ now: MonotonicTime, _ actions: inout Actions) {
    guard current.mayUpgrade, case .stream(let stream, _) = reply.content, let tunnel = stream as? any HTTPTunnel,
      let name = reply.fields[.upgrade]
    else { return write(HTTPReply(.badGateway, endsConnection: true), now, &actions) }
    current.keepsAlive = false
    current.isChunked = false
    actions.write { (output: inout [UInt8]) in
      output.append(status: reply.status)
      output.append(fields: reply.fields)
      output.append("Connection: Upgrade\r\nUpgrade: ")
      output.append(contentsOf: name.utf8)
      output.append("\r\n\r\n")
    }
    input = .tunnel(tunnel, isBusy: false)
    output = .streaming(tunnel, asked: false)
    moveDeadline(now, limits.tunnelTime, "tunnel", &actions)
    continueOutput(now, &actions)
  }

  /// Content that goes into the same run of octets as the head.
  private static func small(_ content: ReplyContent) -> [UInt8]? {
    if case .bytes(let bytes) = content, bytes.count <= 65_536 { return bytes }
    return nil
  }

  /// Sends on, as far as the bounds allow.
  mutating func continueOutput(_ now: MonotonicTime, _ actions: inout Actions) {
    switch output {
    case .idle, .awaiting: break
    case .sending(var cursor):
      while unsent < Self.slice, let slice = cursor.next(atMost: Self.slice - unsent) {
        unsent += slice.count
        switch slice {
        case .bytes(let bytes, let range): actions.write(bytes[range])
        case .content(let content, let range): actions.send(content, range)
        }
      }
      if cursor.isAtEnd { return finishExchange(now, &actions) }
      output = .sending(cursor)
      moveDeadline(now, limits.outputTime, "output", &actions)
    case .streaming(let stream, let asked):
      guard !asked else { return }
      guard unsent < limits.pendingOutput else {
        return moveDeadline(now, limits.outputTime, "output", &actions)
      }
      pieces &+= 1
      output = .streaming(stream, asked: true)
      actions.request(.next(stream, atMost: 65_536), Ticket(pieces))
    }
  }

  /// Writes a piece of streamed content; an empty one is the end.
  mutating func write(piece bytes: [UInt8], _ now: MonotonicTime, _ actions: inout Actions) {
    let isChunked = current.isChunked
    let before = actions.output.count
    actions.write { (output: inout [UInt8]) in
      if isChunked {
        output.append(contentsOf: String(bytes.count, radix: 16).utf8)
        output.append("\r\n")
        output.append(contentsOf: bytes)
        output.append("\r\n")
      } else {
        output.append(contentsOf: bytes)
      }
    }
    unsent += Int64(actions.output.count - before)
    if case .tunnel = input { moveDeadline(now, limits.tunnelTime, "tunnel", &actions) }
    if bytes.isEmpty { finishExchange(now, &actions) } else { continueOutput(now, &actions) }
  }

  /// The reply has been handed over. Goes on to the next request once this one's content has been read as well.
  mutating func finishExchange(_ now: MonotonicTime, _ actions: inout Actions) {
    output = .idle
    switch input {
    case .content(let reader):
      // Nobody learns more from what is left of the request, once the reply is complete.
      if !current.keepsAlive {
        close(&actions)
      } else if reader.discard == nil {
        actions.cancel(ticket)
        answerEarly(reader, now, &actions)
        if case .closed = input { close(&actions) }
      }
    case .complete where current.keepsAlive:
      input = .head
      moveDeadline(now, limits.idleTime, "idle", &actions)
    case .head: break
    case .complete, .tunnel, .closed: close(&actions)
    }
  }

  /// The reply comes before the request's content is there. A short rest is read and thrown away, a long one is not
  /// worth keeping the connection for.
  private mutating func answerEarly(_ reader: ContentReader, _ now: MonotonicTime, _ actions: inout Actions) {
    var reader = reader
    if case .length(let remaining) = reader.framing, remaining > limits.discardedContent { current.keepsAlive = false }
    // A client that was never told to go on may or may not send its content: nobody could tell where it ends.
    if current.awaitsContinue { current.keepsAlive = false }
    current.awaitsContinue = false
    guard current.keepsAlive else {
      input = .closed
      return
    }
    reader.discard = limits.discardedContent
    input = .content(reader)
  }
}

extension [UInt8] {
  /// `HTTP/1.1 200 OK CRLF`
  mutating func append(status: Status) {
    if status == .ok { return append("HTTP/1.1 200 OK\r\n") }
    append("HTTP/1.1 ")
    append(decimal: Int64(status.code))
    append(" ")
    append(status.reason)
    append("\r\n")
  }

  /// The fields that say where the content ends (RFC 9112 §6).
  mutating func append(framing length: Int64?, _ status: Status, isChunked: Bool) {
    if isChunked { return append("Transfer-Encoding: chunked\r\n") }
    guard let length, !status.forbidsContent else { return }
    append("Content-Length: ")
    append(decimal: length)
    append("\r\n")
  }
}
