import WireKit

/// The client's end of an HTTP/2 connection (RFC 9113): several requests at a time, no push.
public struct HTTP2ClientSession: ~Copyable, StreamSession {
  public typealias Request = ClientDemand
  public typealias Reply = ClientCommand
  public typealias Body = Never
  public typealias Event = ClientEvent

  struct Stream: Sendable {
    let id: UInt32
    let ticket: Ticket
    let isHead: Bool
    var hasHead = false
    var sendWindow: Int
    var content: ContentCursor
    var expected: Int64?
    var received: Int64 = 0
  }

  static var window: Int { 1 << 20 }

  let limits: HTTPLimits
  var settings = HTTP2Settings()
  var decoder = HPACKDecoder()
  var streams: [Stream] = []
  var section: HTTP2ServerSession.Section?
  var hasSettings = false
  var isClosed = false
  /// No new requests: the outside has none, or the server wants none.
  var isLeaving = false
  /// Whether the outside is asked for a request.
  var isAsking = false
  var nextStream: UInt32 = 1
  var number: UInt64 = 0
  var sendWindow = 65_535

  public init(limits: HTTPLimits = HTTPLimits()) { self.limits = limits }

  public var maximumPendingInput: Int { 131_072 }

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    actions.write { (output: inout [UInt8]) in
      output.append(HTTP2Settings.clientPreface)
      output.append(frame: .settings, stream: 0, length: 12)
      output.append(setting: 0x2, 0)
      output.append(setting: 0x4, UInt32(clamping: Self.window))
      output.append(frame: .windowUpdate, stream: 0, length: 4)
      output.appendInteger(UInt32(clamping: Self.window))
    }
    ask(&actions)
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    if isClosed { return input.byteCount }
    var consumed = 0
    do throws(HTTP2Error) {
      while !isClosed {
        let rest = input.extracting(consumed..<input.byteCount)
        guard let header = FrameHeader(rest) else { break }
        guard header.length <= 16_384 else { throw .connection(.frameSizeError, "frame too large") }
        guard rest.byteCount >= FrameHeader.size + header.length else { break }
        let start = consumed + FrameHeader.size
        consumed = start + header.length
        do throws(HTTP2Error) {
          try take(header, input.extracting(start..<consumed), start, &actions)
        } catch {
          guard case .stream(let id) = error.scope else { throw error }
          actions.write(reset: error.code, stream: id)
          end(id, failure: error.diagnosis.description, &actions)
        }
      }
    } catch {
      fail(error, &actions)
      return input.byteCount
    }
    sendContent(&actions)
    return isClosed ? input.byteCount : consumed
  }

  public mutating func resume(
    _ reply: consuming ClientCommand, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    guard isAsking, ticket.number == number, !isClosed else { return }
    isAsking = false
    guard case .perform(let request) = reply else {
      isLeaving = true
      return closeIfDone(&actions)
    }
    guard request.isWritable, !request.needsHTTP1 else {
      actions.event(.failed(ticket, diagnosis: "a part of the request can't be written"))
      return ask(&actions)
    }
    begin(request, ticket, &actions)
    sendContent(&actions)
    ask(&actions)
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    guard !isClosed else { return }
    for stream in streams { actions.event(.failed(stream.ticket, diagnosis: "connection ended")) }
    streams.removeAll()
    close(&actions)
  }

  public mutating func outputDrained(now: MonotonicTime, into actions: inout Actions) {
    if !isClosed { sendContent(&actions) }
  }

  // MARK: Requests

  mutating func ask(_ actions: inout Actions) {
    guard !isAsking, !isLeaving, !isClosed, streams.count < min(settings.maximumStreams, 100),
      nextStream < 0x7FFF_FFFF
    else { return }
    isAsking = true
    number &+= 1
    actions.request(.next, Ticket(number))
  }

  private mutating func begin(_ request: ClientRequest, _ ticket: Ticket, _ actions: inout Actions) {
    let id = nextStream
    nextStream += 2
    let hasContent = !request.content.isEmpty
    let frameSize = settings.maximumFrameSize
    streams.append(
      Stream(
        id: id, ticket: ticket, isHead: request.method == .head, sendWindow: settings.initialWindow,
        content: ContentCursor(.bytes(request.content))))
    actions.write { (output: inout [UInt8]) in
      let start = output.count
      output.append(frame: .headers, stream: id, length: 0)
      request.method.text.withUTF8Buffer { HPACKEncoder.append(.pseudoMethod, value: $0.span.bytes, to: &output) }
      output.append(request.isSecure ? 0x87 : 0x86)
      HPACKEncoder.append(.pseudoAuthority, value: Array(request.authority.utf8).span.bytes, to: &output)
      HPACKEncoder.append(.pseudoPath, value: Array(request.target.utf8).span.bytes, to: &output)
      HPACKEncoder.append(fields: request.fields, to: &output)
      if request.announcesLength { output.append(contentLength: Int64(request.content.count)) }
      output.finishHeaders(from: start, stream: id, endStream: !hasContent, frameSize: frameSize)
    }
  }

  /// Sends what the windows allow of the requests' contents.
  mutating func sendContent(_ actions: inout Actions) {
    for index in streams.indices {
      while sendWindow > 0, !streams[index].content.isAtEnd {
        let window = min(streams[index].sendWindow, sendWindow, settings.maximumFrameSize)
        guard let slice = streams[index].content.next(atMost: Int64(window)), case .bytes(let bytes, let range) = slice
        else { break }
        let (id, isLast) = (streams[index].id, streams[index].content.isAtEnd)
        streams[index].sendWindow -= range.count
        sendWindow -= range.count
        actions.write { (output: inout [UInt8]) in
          output.append(frame: .data, isLast ? .endStream : [], stream: id, length: range.count)
          output.append(contentsOf: bytes[range])
        }
      }
    }
  }

  // MARK: Ends

  mutating func end(_ id: UInt32, failure: String?, _ actions: inout Actions) {
    guard let index = streams.firstIndex(where: { $0.id == id }) else { return }
    let stream = streams.remove(at: index)
    if let failure {
      actions.event(.failed(stream.ticket, diagnosis: failure))
    } else {
      actions.bodyEnd(for: stream.ticket)
    }
    ask(&actions)
    closeIfDone(&actions)
  }

  private mutating func fail(_ error: HTTP2Error, _ actions: inout Actions) {
    let diagnosis = error.diagnosis
    actions.write { (output: inout [UInt8]) in
      output.append(frame: .goAway, stream: 0, length: 8)
      output.appendInteger(UInt32(0))
      output.appendInteger(error.code.number)
    }
    for stream in streams { actions.event(.failed(stream.ticket, diagnosis: diagnosis.description)) }
    streams.removeAll()
    actions.event(.connectionFailed(diagnosis: diagnosis.description))
    close(&actions)
  }

  mutating func closeIfDone(_ actions: inout Actions) {
    if isLeaving, streams.isEmpty, !isClosed { close(&actions) }
  }

  private mutating func close(_ actions: inout Actions) {
    isClosed = true
    actions.close()
  }
}
