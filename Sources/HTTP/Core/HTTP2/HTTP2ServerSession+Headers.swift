import WireKit

extension HTTP2ServerSession {
  mutating func takeHeaders(
    _ header: FrameHeader, _ payload: RawSpan, _ now: MonotonicTime, _ actions: inout Actions
  ) throws(HTTP2Error) {
    let id = header.stream
    guard id & 1 == 1 else { throw .connection(.protocolError, "HEADERS on an even stream") }
    let range = try payload.unpadded(header.flags, dependencyOf: id)
    if id <= lastStream, streams.index(of: id) == nil, streams.closing(of: id) == nil {
      throw .connection(.protocolError, "stream number not above the last")
    }
    let endStream = header.flags.contains(.endStream)
    let fragment = payload.extracting(range)
    if header.flags.contains(.endHeaders) {
      return try takeSection(fragment, id, endStream, now, &actions)
    }
    section = Section(stream: id, endStream: endStream, bytes: fragment.copied())
  }

  mutating func takeContinuation(
    _ header: FrameHeader, _ payload: RawSpan, _ now: MonotonicTime, _ actions: inout Actions
  ) throws(HTTP2Error) {
    guard var whole = section else { throw .connection(.protocolError, "CONTINUATION without HEADERS") }
    section = nil
    whole.frames += 1
    whole.bytes.append(payload)
    guard whole.frames <= limits.continuations, whole.bytes.count <= limits.fieldSection else {
      throw .connection(.enhanceYourCalm, "field section too long")
    }
    guard header.flags.contains(.endHeaders) else {
      section = whole
      return
    }
    try takeSection(whole.bytes.span.bytes, whole.stream, whole.endStream, now, &actions)
  }

  /// A whole field section: a request, or trailers.
  private mutating func takeSection(
    _ bytes: RawSpan, _ id: UInt32, _ endStream: Bool, _ now: MonotonicTime, _ actions: inout Actions
  ) throws(HTTP2Error) {
    var fields = Fields()
    fields.bytes.reserveCapacity(bytes.byteCount * 2)
    fields.entries.reserveCapacity(12)
    let fits: Bool
    do throws(HPACKError) {
      // Also for streams that are refused: the decoder must see everything (§4.3).
      fits = try decoder.decode(bytes, bounds: .init(size: limits.head, fields: limits.fields), into: &fields)
    } catch {
      throw .connection(.compressionError, error.diagnosis)
    }
    if id <= lastStream { return try takeTrailers(fields, id, endStream, now, &actions) }
    lastStream = id
    guard !isLeaving else { return streams.noteClosed(id, .resetByUs) }
    guard streams.count < limits.streams else {
      throw .stream(id, .refusedStream, "more streams than allowed")
    }
    guard fits else {
      return try refuse(id, endStream, HTTPError(.headerFieldsTooLarge, "fields too long"), now, &actions)
    }
    guard let request = HTTP2RequestHead.request(fields, endStream: endStream, isSecure: configuration.isSecure) else {
      actions.event(.refused(HTTPError(.badRequest, "malformed HTTP/2 request")))
      throw .stream(id, .protocolError, "malformed request")
    }
    var expected: Int64?
    if case .length(let length) = request.content {
      expected = length
      guard length <= limits.content else {
        return try refuse(id, endStream, HTTPError(.contentTooLarge, "Content-Length above the limit"), now, &actions)
      }
    }
    open(id, isReceiving: !endStream, isHead: request.method == .head, expected: expected)
    requests += 1
    actions.request(.respond(request), Ticket(UInt64(id)))
    if endStream { actions.bodyEnd(for: Ticket(UInt64(id))) }
    if requests >= limits.requests { goAway(.noError, "", &actions) }
  }

  private mutating func open(_ id: UInt32, isReceiving: Bool, isHead: Bool, expected: Int64?) {
    streams.append(
      HTTP2Stream(
        id: id, isReceiving: isReceiving, isHead: isHead, sendWindow: settings.initialWindow,
        receiveWindow: limits.window, expected: expected))
  }

  /// Answers a request without asking anybody.
  private mutating func refuse(
    _ id: UInt32, _ endStream: Bool, _ error: HTTPError, _ now: MonotonicTime, _ actions: inout Actions
  ) throws(HTTP2Error) {
    actions.event(.refused(error))
    open(id, isReceiving: !endStream, isHead: false, expected: nil)
    try budget.countReset(now, limits)
    guard let index = streams.index(of: id) else { return }
    write(HTTPReply(error.status), index, now, &actions)
  }

  /// A second field section on a stream. It ends the stream and has no pseudo-fields (§8.1); its fields are dropped.
  private mutating func takeTrailers(
    _ fields: Fields, _ id: UInt32, _ endStream: Bool, _ now: MonotonicTime, _ actions: inout Actions
  ) throws(HTTP2Error) {
    guard let index = streams.index(of: id), !streams[index].isGone else { return try judgeClosed(id) }
    guard streams[index].isReceiving else { throw .stream(id, .streamClosed, "HEADERS after END_STREAM") }
    guard endStream else { throw .stream(id, .protocolError, "trailers without END_STREAM") }
    guard HTTP2RequestHead.areValidTrailers(fields) else { throw .stream(id, .protocolError, "malformed trailers") }
    if let expected = streams[index].expected, streams[index].received != expected {
      throw .stream(id, .protocolError, "content differs from Content-Length")
    }
    endReceiving(index, &actions)
  }
}
