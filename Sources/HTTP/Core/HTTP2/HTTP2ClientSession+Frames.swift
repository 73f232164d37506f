import WireKit

extension HTTP2ClientSession {
  /// Takes one whole frame; `offset` is where its payload stands in the input.
  mutating func take(
    _ header: FrameHeader, _ payload: RawSpan, _ offset: Int, _ actions: inout Actions
  ) throws(HTTP2Error) {
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
    case .data: try takeData(header, payload, offset, &actions)
    case .headers:
      let range = try payload.unpadded(header.flags, dependencyOf: header.stream)
      let whole = HTTP2ServerSession.Section(
        stream: header.stream, endStream: header.flags.contains(.endStream),
        bytes: payload.extracting(range).copied())
      if header.flags.contains(.endHeaders) { try take(whole, &actions) } else { section = whole }
    case .continuation:
      guard var whole = section else { throw .connection(.protocolError, "CONTINUATION without HEADERS") }
      section = nil
      whole.frames += 1
      whole.bytes.append(payload)
      guard whole.frames <= limits.continuations, whole.bytes.count <= limits.fieldSection else {
        throw .connection(.enhanceYourCalm, "field section too long")
      }
      if header.flags.contains(.endHeaders) { try take(whole, &actions) } else { section = whole }
    case .pushPromise: throw .connection(.protocolError, "PUSH_PROMISE though push is off")
    case .rstStream:
      guard payload.byteCount == 4 else { throw .connection(.frameSizeError, "RST_STREAM not of four octets") }
      end(header.stream, failure: "the server reset the stream, code \(payload.number(at: 0))", &actions)
    default: try takeControl(type, header, payload, &actions)
    }
  }

  private mutating func takeControl(
    _ type: FrameType?, _ header: FrameHeader, _ payload: RawSpan, _ actions: inout Actions
  ) throws(HTTP2Error) {
    switch type {
    case .settings:
      guard header.stream == 0 else { throw .connection(.protocolError, "SETTINGS on a stream") }
      if header.flags.contains(.ack) { return }
      let before = settings.initialWindow
      try settings.apply(payload)
      for index in streams.indices { streams[index].sendWindow += settings.initialWindow - before }
      actions.write { (output: inout [UInt8]) in output.append(frame: .settings, .ack, stream: 0, length: 0) }
      ask(&actions)
    case .ping:
      guard payload.byteCount == 8 else { throw .connection(.frameSizeError, "PING not of eight octets") }
      guard !header.flags.contains(.ack) else { return }
      let opaque = payload.copied()
      actions.write { (output: inout [UInt8]) in
        output.append(frame: .ping, .ack, stream: 0, length: 8)
        output.append(contentsOf: opaque)
      }
    case .goAway:
      guard payload.byteCount >= 8 else { throw .connection(.frameSizeError, "GOAWAY shorter than eight octets") }
      isLeaving = true
      let last = payload.number(at: 0) & 0x7FFF_FFFF
      for stream in streams where stream.id > last {
        end(stream.id, failure: "the server is leaving, code \(payload.number(at: 4))", &actions)
      }
      closeIfDone(&actions)
    case .windowUpdate:
      guard payload.byteCount == 4 else { throw .connection(.frameSizeError, "WINDOW_UPDATE not of four octets") }
      let increment = Int(payload.number(at: 0) & 0x7FFF_FFFF)
      if header.stream == 0 {
        sendWindow += increment
        guard sendWindow <= 0x7FFF_FFFF else { throw .connection(.flowControlError, "connection window overflows") }
      } else if let index = streams.firstIndex(where: { $0.id == header.stream }) {
        streams[index].sendWindow += increment
        guard streams[index].sendWindow <= 0x7FFF_FFFF else {
          throw .stream(header.stream, .flowControlError, "stream window overflows")
        }
      }
    default: break
    }
  }

  private mutating func takeData(
    _ header: FrameHeader, _ payload: RawSpan, _ offset: Int, _ actions: inout Actions
  ) throws(HTTP2Error) {
    guard header.stream != 0 else { throw .connection(.protocolError, "DATA on stream 0") }
    let content = try payload.unpadded(header.flags.subtracting(.priority), dependencyOf: header.stream)
    if payload.byteCount > 0 { actions.write(windowUpdate: payload.byteCount, stream: 0) }
    guard let index = streams.firstIndex(where: { $0.id == header.stream }) else { return }
    guard streams[index].hasHead else { throw .stream(header.stream, .protocolError, "DATA before HEADERS") }
    streams[index].received += Int64(content.count)
    let endStream = header.flags.contains(.endStream)
    if let expected = streams[index].expected,
      endStream ? streams[index].received != expected : streams[index].received > expected
    {
      throw .stream(header.stream, .protocolError, "content differs from Content-Length")
    }
    if !content.isEmpty {
      let start = offset + content.lowerBound
      actions.body(start..<(start + content.count), for: streams[index].ticket)
    }
    if endStream {
      end(header.stream, failure: nil, &actions)
    } else if payload.byteCount > 0 {
      actions.write(windowUpdate: payload.byteCount, stream: header.stream)
    }
  }

  private mutating func take(
    _ whole: HTTP2ServerSession.Section, _ actions: inout Actions
  ) throws(HTTP2Error) {
    var fields = Fields()
    let fits: Bool
    do throws(HPACKError) {
      let bounds = HPACKDecoder.Bounds(size: limits.head, fields: limits.fields)
      fits = try decoder.decode(whole.bytes.span.bytes, bounds: bounds, into: &fields)
    } catch {
      throw .connection(.compressionError, error.diagnosis)
    }
    guard let index = streams.firstIndex(where: { $0.id == whole.stream }) else {
      guard whole.stream & 1 == 1, whole.stream < nextStream else {
        throw .connection(.protocolError, "HEADERS on a stream that we did not open")
      }
      return
    }
    guard fits else { throw .stream(whole.stream, .cancel, "response fields too long") }
    if streams[index].hasHead {
      guard whole.endStream, HTTP2RequestHead.areValidTrailers(fields) else {
        throw .stream(whole.stream, .protocolError, "malformed trailers")
      }
    } else {
      try takeHead(fields, index, whole, &actions)
    }
    if whole.endStream { end(whole.stream, failure: nil, &actions) }
  }

  private mutating func takeHead(
    _ fields: Fields, _ index: Int, _ whole: HTTP2ServerSession.Section, _ actions: inout Actions
  ) throws(HTTP2Error) {
    var fields = fields
    guard let first = fields.entries.first, first.known == .pseudoStatus,
      let code = fields.bytes.span.bytes.extracting(first.value.bounds).decimal, code >= 100, code <= 599,
      HTTP2RequestHead.areValid(fields, from: 1)
    else { throw .stream(whole.stream, .protocolError, "malformed response") }
    fields.entries.removeFirst()
    let head = ResponseHead(version: .http2, status: Status(UInt16(code)), fields: fields)
    if head.status.isInformational {
      guard !whole.endStream else { throw .stream(whole.stream, .protocolError, "interim response ends the stream") }
    } else {
      streams[index].hasHead = true
      if !streams[index].isHead, !head.status.forbidsContent {
        streams[index].expected = fields.withValue(.contentLength) { $0.decimal } ?? nil
      }
    }
    actions.event(.head(head, streams[index].ticket))
  }
}
