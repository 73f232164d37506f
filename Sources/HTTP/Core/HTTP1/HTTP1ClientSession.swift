import WireKit

/// The client's end of an HTTP/1 connection (RFC 9112): one request after the other.
public struct HTTP1ClientSession: ~Copyable, StreamSession {
  public typealias Request = ClientDemand
  public typealias Reply = ClientCommand
  public typealias Body = Never
  public typealias Event = ClientEvent

  private enum State {
    /// The outside is asked for a request.
    case idle
    case head
    case content(remaining: Int64)
    case chunked(ChunkedDecoder)
    case untilClose
    /// The connection has left HTTP: what comes is the tunnel's.
    case tunnel
    case closed
  }

  /// What of the request's content is still to come.
  private enum Upload {
    case none
    case length(Int64)
    case chunked
  }

  private let limits: HTTPLimits
  private var state = State.idle
  private var scanner = HeadScanner()
  private var number: UInt64 = 0
  private var isHead = false
  private var upload = Upload.none
  private var asksUpgrade = false
  private var keepsAlive = true
  private var ticket: Ticket { Ticket(number) }

  public init(limits: HTTPLimits = HTTPLimits()) { self.limits = limits }

  public var maximumPendingInput: Int { max(limits.head, 65_536) }

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) { ask(&actions) }

  public mutating func resume(
    _ reply: consuming ClientCommand, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    guard ticket == self.ticket else { return }
    let reply = reply
    if case .piece(let bytes) = reply { return write(piece: bytes, &actions) }
    guard case .idle = state else { return }
    guard case .perform(let request) = reply else { return close(&actions) }
    guard request.isWritable else {
      actions.event(.failed(ticket, diagnosis: "a part of the request can't be written"))
      return ask(&actions)
    }
    isHead = request.method == .head
    asksUpgrade = request.upgrade != nil
    state = .head
    switch request.streaming {
    case nil, .length(0): upload = .none
    case .length(let length): upload = .length(length)
    case .unknown: upload = .chunked
    }
    actions.write { (output: inout [UInt8]) in
      output.append(request.method.text)
      output.append(" ")
      output.append(contentsOf: request.target.utf8)
      output.append(" HTTP/1.1\r\nHost: ")
      output.append(contentsOf: request.authority.utf8)
      output.append("\r\n")
      output.append(fields: request.fields)
      if let name = request.upgrade {
        output.append("Connection: Upgrade\r\nUpgrade: ")
        output.append(contentsOf: name.utf8)
        output.append("\r\n")
      }
      switch request.streaming {
      case nil: break
      case .length(let length):
        output.append("Content-Length: ")
        output.append(decimal: length)
        output.append("\r\n")
      case .unknown: output.append("Transfer-Encoding: chunked\r\n")
      }
      if request.streaming == nil, request.announcesLength {
        output.append("Content-Length: ")
        output.append(decimal: Int64(request.content.count))
        output.append("\r\n")
      }
      output.append("\r\n")
      output.append(contentsOf: request.content)
    }
  }

  /// Content in pieces, or a tunnel's bytes.
  private mutating func write(piece bytes: [UInt8], _ actions: inout Actions) {
    if case .tunnel = state {
      if bytes.isEmpty { close(&actions) } else { actions.write(bytes) }
      return
    }
    switch upload {
    case .none: break
    case .length(let left):
      // A message of another length than announced would be read as something else.
      guard Int64(bytes.count) <= left, !bytes.isEmpty else {
        return fail("the request's content has another length than announced", &actions)
      }
      actions.write(bytes)
      upload = left == Int64(bytes.count) ? .none : .length(left - Int64(bytes.count))
    case .chunked:
      actions.write { (output: inout [UInt8]) in
        output.append(contentsOf: String(bytes.count, radix: 16).utf8)
        output.append("\r\n")
        output.append(contentsOf: bytes)
        output.append("\r\n")
      }
      if bytes.isEmpty { upload = .none }
    }
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
    do throws(HTTPError) {
      while try take(input, &consumed, &actions) {}
    } catch {
      fail(error.diagnosis, &actions)
      return input.byteCount
    }
    return consumed
  }

  /// One step. Returns whether another may follow.
  private mutating func take(
    _ input: RawSpan, _ consumed: inout Int, _ actions: inout Actions
  ) throws(HTTPError) -> Bool {
    switch state {
    case .closed:
      consumed = input.byteCount
      return false
    case .idle:
      // Nothing was asked: what comes here is an answer to nothing, or a server's good-bye.
      if input.byteCount > consumed { throw HTTPError(.badGateway, "response without a request") }
      return false
    case .head: return try takeHead(input, &consumed, &actions)
    case .content(let remaining):
      let count = Int(min(remaining, Int64(input.byteCount - consumed)))
      guard count > 0 else { return false }
      actions.body(consumed..<(consumed + count), for: ticket)
      consumed += count
      state = .content(remaining: remaining - Int64(count))
      if remaining == Int64(count) { finish(&actions) }
    case .chunked(var decoder):
      while let range = try decoder.next(in: input, at: &consumed) { actions.body(range, for: ticket) }
      state = .chunked(decoder)
      guard decoder.isDone else { return false }
      finish(&actions)
    case .untilClose, .tunnel:
      if consumed < input.byteCount { actions.body(consumed..<input.byteCount, for: ticket) }
      consumed = input.byteCount
      return false
    }
    return true
  }

  private mutating func takeHead(
    _ input: RawSpan, _ consumed: inout Int, _ actions: inout Actions
  ) throws(HTTPError) -> Bool {
    let rest = input.extracting(consumed..<input.byteCount)
    guard let count = try scanner.end(in: rest, limits) else { return false }
    scanner.reset()
    consumed += count
    let head = try ResponseHeadParser.parse(rest.extracting(0..<count), limits)
    actions.event(.head(head, ticket))
    if head.status == .switchingProtocols {
      guard asksUpgrade else { throw HTTPError(.badGateway, "101 that nobody asked for") }
      keepsAlive = false
      state = .tunnel
      return true
    }
    guard !head.status.isInformational else { return true }
    let closes = head.fields.lists(.connection, "close")
    keepsAlive = !closes && (head.version == .http11 || head.fields.lists(.connection, "keep-alive"))
    switch try ResponseHeadParser.framing(head, isHead: isHead) {
    case .none, .length(0): finish(&actions)
    case .length(let length): state = .content(remaining: length)
    case .chunked: state = .chunked(ChunkedDecoder(limits))
    case .untilClose:
      keepsAlive = false
      state = .untilClose
    }
    return true
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    switch state {
    case .untilClose, .tunnel: finish(&actions)
    case .idle: close(&actions)
    case .head, .content, .chunked: fail("connection ended within a response", &actions)
    case .closed: break
    }
  }

  private mutating func ask(_ actions: inout Actions) {
    number &+= 1
    state = .idle
    actions.request(.next, ticket)
  }

  private mutating func finish(_ actions: inout Actions) {
    actions.bodyEnd(for: ticket)
    // A reply before the request's end: the rest of the request would be read as the next one.
    if case .none = upload {} else { keepsAlive = false }
    if keepsAlive { ask(&actions) } else { close(&actions) }
  }

  private mutating func fail(_ diagnosis: StaticString, _ actions: inout Actions) {
    if case .idle = state {
      actions.event(.connectionFailed(diagnosis: diagnosis.description))
    } else {
      actions.event(.failed(ticket, diagnosis: diagnosis.description))
    }
    state = .closed
    actions.close(.immediately)
  }

  private mutating func close(_ actions: inout Actions) {
    state = .closed
    actions.close()
  }
}
