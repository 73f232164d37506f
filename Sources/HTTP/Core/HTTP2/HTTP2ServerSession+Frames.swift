import WireKit

extension HTTP2ServerSession {
  /// Takes one whole frame.
  mutating func take(
    _ header: FrameHeader, _ input: RawSpan, _ range: Range<Int>, _ now: MonotonicTime, _ actions: inout Actions
  ) throws(HTTP2Error) {
    let payload = input.extracting(range)
    let type = FrameType(rawValue: header.type)
    if !hasSettings {
      guard type == .settings, !header.flags.contains(.ack) else {
        throw .connection(.protocolError, "first frame is not SETTINGS")
      }
      hasSettings = true
    }
    if let section, type != .continuation || header.stream != section.stream {
      throw .connection(.protocolError, "frame within a field section")
    }
    switch type {
    case .data: try takeData(header, payload, range.lowerBound, now, &actions)
    case .headers: try takeHeaders(header, payload, now, &actions)
    case .priority: try takePriority(header, payload, now)
    case .rstStream: try takeReset(header, payload, now, &actions)
    case .settings: try takeSettings(header, payload, now, &actions)
    case .pushPromise: throw .connection(.protocolError, "PUSH_PROMISE from a client")
    case .ping: try takePing(header, payload, now, &actions)
    case .goAway: try takeGoAway(header, payload, &actions)
    case .windowUpdate: try takeWindowUpdate(header, payload, now)
    case .continuation: try takeContinuation(header, payload, now, &actions)
    case nil: try budget.countIdle(now, limits)
    }
  }

  private mutating func takeData(
    _ header: FrameHeader, _ payload: RawSpan, _ offset: Int, _ now: MonotonicTime, _ actions: inout Actions
  ) throws(HTTP2Error) {
    guard header.stream != 0 else { throw .connection(.protocolError, "DATA on stream 0") }
    guard header.stream <= lastStream else { throw .connection(.protocolError, "DATA on an idle stream") }
    let content = try payload.unpadded(header.flags.subtracting(.priority), dependencyOf: header.stream)
    // The whole payload counts, padding included, whatever becomes of it (§6.9.1).
    receiveWindow -= payload.byteCount
    guard receiveWindow >= 0 else { throw .connection(.flowControlError, "connection window exceeded") }
    returnConnectionWindow(payload.byteCount, &actions)
    let endStream = header.flags.contains(.endStream)
    if content.isEmpty, !endStream { try budget.countIdle(now, limits) }
    guard let index = streams.index(of: header.stream), !streams[index].isGone else {
      return try judgeClosed(header.stream)
    }
    guard streams[index].isReceiving else {
      throw .stream(header.stream, .streamClosed, "DATA after END_STREAM")
    }
    streams[index].receiveWindow -= payload.byteCount
    guard streams[index].receiveWindow >= 0 else {
      throw .stream(header.stream, .flowControlError, "stream window exceeded")
    }
    streams[index].received += Int64(content.count)
    let received = streams[index].received
    if let expected = streams[index].expected, endStream ? received != expected : received > expected {
      throw .stream(header.stream, .protocolError, "content differs from Content-Length")
    }
    guard received <= limits.content else { throw .stream(header.stream, .cancel, "content above the limit") }
    progressed = true
    if !content.isEmpty, streams[index].isAwaiting || streams[index].readsOn {
      let start = offset + content.lowerBound
      actions.body(start..<(start + content.count), for: Ticket(UInt64(header.stream)))
    }
    if endStream { return endReceiving(index, &actions) }
    returnStreamWindow(index, payload.byteCount, &actions)
  }

  /// A frame for a stream that is no more (§5.1, "closed").
  func judgeClosed(_ id: UInt32) throws(HTTP2Error) {
    switch streams.closing(of: id) {
    case .resetByUs: break
    case .resetByPeer: throw .stream(id, .streamClosed, "frame after RST_STREAM")
    case .ended: throw .connection(.streamClosed, "frame after END_STREAM")
    case nil: throw .connection(.streamClosed, "frame for a stream closed long ago")
    }
  }

  /// The client's side of the stream is complete.
  mutating func endReceiving(_ index: Int, _ actions: inout Actions) {
    streams[index].isReceiving = false
    if streams[index].isAwaiting || streams[index].readsOn {
      actions.bodyEnd(for: Ticket(UInt64(streams[index].id)))
      if streams[index].isAwaiting { return }
    }
    if !streams[index].output.isActive { finish(index, .ended, &actions) }
  }

  private mutating func takePriority(
    _ header: FrameHeader, _ payload: RawSpan, _ now: MonotonicTime
  ) throws(HTTP2Error) {
    guard header.stream != 0 else { throw .connection(.protocolError, "PRIORITY on stream 0") }
    let isKnown = streams.index(of: header.stream) != nil
    guard payload.byteCount == 5 else {
      throw isKnown
        ? .stream(header.stream, .frameSizeError, "PRIORITY not of five octets")
        : .connection(.frameSizeError, "PRIORITY not of five octets")
    }
    guard payload.number(at: 0) & 0x7FFF_FFFF != header.stream else {
      throw isKnown
        ? .stream(header.stream, .protocolError, "stream depends on itself")
        : .connection(.protocolError, "stream depends on itself")
    }
    try budget.countIdle(now, limits)
  }

  private mutating func takeReset(
    _ header: FrameHeader, _ payload: RawSpan, _ now: MonotonicTime, _ actions: inout Actions
  ) throws(HTTP2Error) {
    guard header.stream != 0 else { throw .connection(.protocolError, "RST_STREAM on stream 0") }
    guard payload.byteCount == 4 else { throw .connection(.frameSizeError, "RST_STREAM not of four octets") }
    guard header.stream <= lastStream else { throw .connection(.protocolError, "RST_STREAM on an idle stream") }
    guard let index = streams.index(of: header.stream), !streams[index].isGone else {
      return try budget.countIdle(now, limits)
    }
    try budget.countReset(now, limits)
    forget(streams[index].id, .resetByPeer, &actions)
    closeIfDone(&actions)
  }

  private mutating func takeSettings(
    _ header: FrameHeader, _ payload: RawSpan, _ now: MonotonicTime, _ actions: inout Actions
  ) throws(HTTP2Error) {
    guard header.stream == 0 else { throw .connection(.protocolError, "SETTINGS on a stream") }
    if header.flags.contains(.ack) {
      guard payload.byteCount == 0 else { throw .connection(.frameSizeError, "SETTINGS ack with a payload") }
      return try budget.countIdle(now, limits)
    }
    try budget.countIdle(now, limits)
    let before = settings.initialWindow
    try settings.apply(payload)
    if settings.initialWindow != before {
      guard streams.shiftSendWindows(by: settings.initialWindow - before) else {
        throw .connection(.flowControlError, "INITIAL_WINDOW_SIZE overflows a window")
      }
      for id in streams.unqueued() { enqueue(id) }
    }
    actions.write { (output: inout [UInt8]) in output.append(frame: .settings, .ack, stream: 0, length: 0) }
  }

  private mutating func takePing(
    _ header: FrameHeader, _ payload: RawSpan, _ now: MonotonicTime, _ actions: inout Actions
  ) throws(HTTP2Error) {
    guard header.stream == 0 else { throw .connection(.protocolError, "PING on a stream") }
    guard payload.byteCount == 8 else { throw .connection(.frameSizeError, "PING not of eight octets") }
    try budget.countIdle(now, limits)
    guard !header.flags.contains(.ack) else { return }
    let opaque = payload.copied()
    actions.write { (output: inout [UInt8]) in
      output.append(frame: .ping, .ack, stream: 0, length: 8)
      output.append(contentsOf: opaque)
    }
  }

  private mutating func takeGoAway(
    _ header: FrameHeader, _ payload: RawSpan, _ actions: inout Actions
  ) throws(HTTP2Error) {
    guard header.stream == 0 else { throw .connection(.protocolError, "GOAWAY on a stream") }
    guard payload.byteCount >= 8 else { throw .connection(.frameSizeError, "GOAWAY shorter than eight octets") }
    actions.event(.goneAway(code: payload.number(at: 4)))
    isLeaving = true
    closeIfDone(&actions)
  }

  private mutating func takeWindowUpdate(
    _ header: FrameHeader, _ payload: RawSpan, _ now: MonotonicTime
  ) throws(HTTP2Error) {
    guard payload.byteCount == 4 else { throw .connection(.frameSizeError, "WINDOW_UPDATE not of four octets") }
    let increment = Int(payload.number(at: 0) & 0x7FFF_FFFF)
    // Many small steps make us send many small frames.
    if increment < 1024 { try budget.countIdle(now, limits) }
    guard header.stream != 0 else {
      guard increment > 0 else { throw .connection(.protocolError, "WINDOW_UPDATE of zero") }
      sendWindow += increment
      guard sendWindow <= 0x7FFF_FFFF else { throw .connection(.flowControlError, "connection window overflows") }
      return
    }
    guard header.stream <= lastStream else { throw .connection(.protocolError, "WINDOW_UPDATE on an idle stream") }
    guard let index = streams.index(of: header.stream), !streams[index].isGone else { return }
    guard increment > 0 else { throw .stream(header.stream, .protocolError, "WINDOW_UPDATE of zero") }
    streams[index].sendWindow += increment
    guard streams[index].sendWindow <= 0x7FFF_FFFF else {
      throw .stream(header.stream, .flowControlError, "stream window overflows")
    }
    if streams[index].output.isActive { enqueue(header.stream) }
  }

  // MARK: Our windows

  /// Opens the connection's window again in large steps. Bytes count as dealt with when they are handed on: the driver
  /// stops reading when what waits behind it grows.
  private mutating func returnConnectionWindow(_ count: Int, _ actions: inout Actions) {
    unreturned += count
    guard unreturned >= limits.window else { return }
    actions.write(windowUpdate: unreturned, stream: 0)
    receiveWindow += unreturned
    unreturned = 0
  }

  private mutating func returnStreamWindow(_ index: Int, _ count: Int, _ actions: inout Actions) {
    streams[index].unreturned += count
    guard streams[index].unreturned >= limits.window / 2 else { return }
    actions.write(windowUpdate: streams[index].unreturned, stream: streams[index].id)
    streams[index].receiveWindow += streams[index].unreturned
    streams[index].unreturned = 0
  }
}

extension SessionActions {
  mutating func write(windowUpdate increment: Int, stream: UInt32) {
    write { (output: inout [UInt8]) in
      output.append(frame: .windowUpdate, stream: stream, length: 4)
      output.appendInteger(UInt32(clamping: increment))
    }
  }
}
