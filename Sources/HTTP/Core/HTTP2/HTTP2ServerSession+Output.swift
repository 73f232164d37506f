import WireKit

extension HTTP2ServerSession {
  public mutating func resume(
    _ reply: consuming HTTPAnswer, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    let id = UInt32(truncatingIfNeeded: ticket.number)
    let piece = UInt32(truncatingIfNeeded: ticket.number >> 32)
    guard !isClosed, let index = streams.index(of: id) else { return }
    if streams[index].isGone {
      // The handler of a stream that was reset has ended: its place is free.
      streams.remove(at: index)
      closeIfDone(&actions)
      return
    }
    switch reply {
    case .reply(let reply):
      guard piece == streams[index].lates, streams[index].isAwaiting else { return }
      if reply.status.isInformational, let later = reply.later {
        writeInterim(reply, later, index, &actions)
        break
      }
      streams[index].isAwaiting = false
      streams[index].readsOn = reply.readsOn
      streams[index].pieces = streams[index].lates
      write(reply, index, now, &actions)
    // Tunnels are HTTP/1's.
    case .delivered: return
    case .piece(let bytes):
      guard piece == streams[index].pieces else { return }
      take(piece: bytes, index, &actions)
    case .broken:
      if streams[index].isAwaiting {
        streams[index].isAwaiting = false
        write(HTTPReply(.internalServerError), index, now, &actions)
      } else {
        actions.write(reset: .internalError, stream: id)
        streams[index].output = .none
        forget(id, .resetByUs, &actions)
      }
    }
    pump(now, &actions)
    updateDeadline(now, &actions)
    closeIfDone(&actions)
  }

  /// Writes a reply's head and begins with its content.
  mutating func write(_ reply: HTTPReply, _ index: Int, _ now: MonotonicTime, _ actions: inout Actions) {
    let id = streams[index].id
    streams[index].isAwaiting = false
    let length = reply.content.count
    let hasContent = !streams[index].isHead && !reply.status.forbidsContent && length != 0
    _ = date.value(now)
    let moment = date.hpack
    let frameSize = min(settings.maximumFrameSize, Self.frameSize)
    let small = hasContent ? smallContent(reply.content, streams[index], frameSize) : nil
    let before = actions.output.count
    actions.write { (output: inout [UInt8]) in
      let start = output.count
      output.append(frame: .headers, stream: id, length: 0)
      HPACKEncoder.append(status: reply.status, to: &output)
      output.append(contentsOf: moment)
      if let prepared = reply.prepared { output.append(contentsOf: prepared.hpack) }
      if !reply.fields.isEmpty { HPACKEncoder.append(fields: reply.fields, to: &output) }
      if let length, !reply.status.forbidsContent { output.append(contentLength: length) }
      output.finishHeaders(from: start, stream: id, endStream: !hasContent, frameSize: frameSize)
      if let small {
        output.append(frame: .data, .endStream, stream: id, length: small.count)
        output.append(contentsOf: small)
      }
    }
    unsent += Int64(actions.output.count - before)
    progressed = true
    if reply.endsConnection, !isLeaving { goAway(.noError, "", &actions) }
    if let small { sendWindow -= small.count }
    guard hasContent, small == nil else { return endSending(index, &actions) }
    if case .stream(let stream, _) = reply.content {
      streams[index].output = .streaming(stream, ContentCursor(.none), asked: false)
      askForPiece(index, stream, &actions)
    } else {
      streams[index].output = .sending(ContentCursor(reply.content))
    }
    enqueue(id)
  }

  /// An interim reply: a HEADERS frame that ends nothing (RFC 9113 §8.1), and the one behind it is asked for.
  private mutating func writeInterim(
    _ reply: HTTPReply, _ later: any HTTPLateReply, _ index: Int, _ actions: inout Actions
  ) {
    let id = streams[index].id
    let frameSize = min(settings.maximumFrameSize, Self.frameSize)
    let before = actions.output.count
    actions.write { (output: inout [UInt8]) in
      let start = output.count
      output.append(frame: .headers, stream: id, length: 0)
      HPACKEncoder.append(status: reply.status, to: &output)
      if !reply.fields.isEmpty { HPACKEncoder.append(fields: reply.fields, to: &output) }
      output.finishHeaders(from: start, stream: id, endStream: false, frameSize: frameSize)
    }
    unsent += Int64(actions.output.count - before)
    streams[index].lates &+= 1
    actions.request(.later(later), Ticket(UInt64(streams[index].lates) << 32 | UInt64(id)))
  }

  /// Content that can go out at once and in one frame, past the queue.
  private func smallContent(_ content: ReplyContent, _ stream: HTTP2Stream, _ frameSize: Int) -> [UInt8]? {
    guard case .bytes(let bytes) = content, queue.isEmpty else { return nil }
    return bytes.count <= min(frameSize, stream.sendWindow, sendWindow) ? bytes : nil
  }

  // MARK: Turns

  mutating func enqueue(_ id: UInt32) {
    guard let index = streams.index(of: id), !streams[index].isQueued else { return }
    streams[index].isQueued = true
    queue.append(id)
  }

  /// Sends on, one frame a turn, as far as windows and bounds allow.
  mutating func pump(_ now: MonotonicTime, _ actions: inout Actions) {
    var turn = 0
    while turn < queue.count, unsent <= limits.pendingOutput, sendWindow > 0, !isClosed {
      let id = queue[turn]
      turn += 1
      guard let index = streams.index(of: id), streams[index].isQueued else { continue }
      streams[index].isQueued = false
      if sendFrame(index, &actions) {
        streams[index].isQueued = true
        queue.append(id)
      }
    }
    if turn > 0 { queue.removeSubrange(..<turn) }
    closeIfDone(&actions)
  }

  /// One frame of a stream. Returns whether it can go on.
  private mutating func sendFrame(_ index: Int, _ actions: inout Actions) -> Bool {
    let window = min(streams[index].sendWindow, sendWindow, min(settings.maximumFrameSize, Self.frameSize))
    switch streams[index].output {
    case .none: return false
    case .sending(var cursor):
      guard let slice = cursor.next(atMost: Int64(window)) else { return false }
      streams[index].output = .sending(cursor)
      send(slice, index, endStream: cursor.isAtEnd, &actions)
      if cursor.isAtEnd { endSending(index, &actions) }
      return !cursor.isAtEnd
    case .streaming(let stream, var cursor, let asked):
      guard let slice = cursor.next(atMost: Int64(window)) else { return false }
      streams[index].output = .streaming(stream, cursor, asked: asked)
      send(slice, index, endStream: false, &actions)
      if cursor.isAtEnd, !asked { askForPiece(index, stream, &actions) }
      return !cursor.isAtEnd
    }
  }

  private mutating func send(
    _ slice: ContentCursor.Slice, _ index: Int, endStream: Bool, _ actions: inout Actions
  ) {
    let id = streams[index].id
    let count = Int(slice.count)
    streams[index].sendWindow -= count
    sendWindow -= count
    unsent += Int64(count + FrameHeader.size)
    progressed = true
    actions.write { (output: inout [UInt8]) in
      output.append(frame: .data, endStream ? .endStream : [], stream: id, length: count)
      if case .bytes(let bytes, let range) = slice { output.append(contentsOf: bytes[range]) }
    }
    if case .content(let content, let range) = slice { actions.send(content, range) }
  }

  // MARK: Pieces

  private mutating func askForPiece(_ index: Int, _ stream: any HTTPContentStream, _ actions: inout Actions) {
    streams[index].pieces &+= 1
    let ticket = UInt64(streams[index].pieces) << 32 | UInt64(streams[index].id)
    if case .streaming(let stream, let cursor, _) = streams[index].output {
      streams[index].output = .streaming(stream, cursor, asked: true)
    }
    actions.request(.next(stream, atMost: 65_536), Ticket(ticket))
  }

  private mutating func take(piece bytes: [UInt8], _ index: Int, _ actions: inout Actions) {
    guard case .streaming(let stream, _, true) = streams[index].output else { return }
    let id = streams[index].id
    guard !bytes.isEmpty else {
      actions.write { (output: inout [UInt8]) in output.append(frame: .data, .endStream, stream: id, length: 0) }
      return endSending(index, &actions)
    }
    streams[index].output = .streaming(stream, ContentCursor(.bytes(bytes)), asked: false)
    enqueue(id)
  }

  // MARK: Ends

  /// Our side of the stream is complete. A client that still sends is told that nobody reads (RFC 9113 §8.1).
  private mutating func endSending(_ index: Int, _ actions: inout Actions) {
    streams[index].output = .none
    guard streams[index].isReceiving else { return finish(index, .ended, &actions) }
    if streams[index].readsOn { actions.cancel(Ticket(UInt64(streams[index].id))) }
    actions.write(reset: .noError, stream: streams[index].id)
    finish(index, .resetByUs, &actions)
  }

  /// Takes a stream out whose handler has answered.
  mutating func finish(_ index: Int, _ how: HTTP2Streams.Closing, _ actions: inout Actions) {
    streams.noteClosed(streams[index].id, how)
    streams.remove(at: index)
  }

  /// A stream error of the peer's (RFC 9113 §5.4.2).
  mutating func reset(
    _ id: UInt32, _ code: HTTP2ErrorCode, _ now: MonotonicTime, _ actions: inout Actions
  ) throws(HTTP2Error) {
    try budget.countReset(now, limits)
    actions.write(reset: code, stream: id)
    forget(id, .resetByUs, &actions)
  }

  /// The stream is over before its time. While its handler is alive, it keeps its place.
  mutating func forget(_ id: UInt32, _ how: HTTP2Streams.Closing, _ actions: inout Actions) {
    streams.noteClosed(id, how)
    guard let index = streams.index(of: id) else { return }
    cancelDemands(of: streams[index], &actions)
    var isAlive = streams[index].isAwaiting
    if case .streaming(_, _, true) = streams[index].output { isAlive = true }
    guard isAlive else { return streams.remove(at: index) }
    streams[index].isGone = true
    streams[index].isAwaiting = false
    streams[index].isReceiving = false
    streams[index].isQueued = false
    streams[index].output = .none
  }

  /// Withdraws what has been asked for a stream.
  func cancelDemands(of stream: HTTP2Stream, _ actions: inout Actions) {
    if stream.isAwaiting { actions.cancel(Ticket(UInt64(stream.lates) << 32 | UInt64(stream.id))) }
    if stream.readsOn || stream.lates > 0 { actions.cancel(Ticket(UInt64(stream.id))) }
    if case .streaming(_, _, true) = stream.output {
      actions.cancel(Ticket(UInt64(stream.pieces) << 32 | UInt64(stream.id)))
    }
  }
}

extension SessionActions {
  mutating func write(reset code: HTTP2ErrorCode, stream: UInt32) {
    write { (output: inout [UInt8]) in
      output.append(frame: .rstStream, stream: stream, length: 4)
      output.appendInteger(code.number)
    }
  }
}

extension [UInt8] {
  /// `content-length` as a literal without indexing; its digits are too few to gain by the Huffman code.
  mutating func append(contentLength length: Int64) {
    append(0x0F)
    append(0x0D)
    let start = count
    append(0)
    append(decimal: length)
    self[start] = UInt8(truncatingIfNeeded: count - start - 1)
  }
}
