import WireKit

/// Answers requests from zones: a function from a request's octets to a reply's, without I/O, allocation or suspension.
///
/// It is the authoritative algorithm of RFC 1034 §4.3.2 with wildcards (RFC 4592), DNAME (RFC 6672), negative answers
/// (RFC 2308), EDNS (RFC 6891) and minimal ANY (RFC 8482).
public struct Responder: Sendable {
  private let zones: ZoneSet
  private var catalog: ZoneCatalog
  private var generation: UInt64 = 0
  public let settings: ResponderSettings

  /// A responder for what `zones` holds; each thread and each connection has its own.
  public init(zones: ZoneSet, settings: ResponderSettings = ResponderSettings()) {
    self.zones = zones
    self.settings = settings
    catalog = zones.current
    zones.refresh(&catalog, &generation)
  }

  /// Takes over zones that were replaced meanwhile. Call it once for each batch of requests.
  @inline(__always)
  public mutating func refresh() { zones.refresh(&catalog, &generation) }

  /// Writes the reply to one request. `nil` means silence: what came was a reply itself, or no message at all.
  /// - Parameters:
  ///   - origin: Who asks; without it cookies are left unanswered.
  ///   - reply: Empty; at least 512 octets of room for UDP, 65,535 for streams.
  @_lifetime(reply: copy reply)
  public func respond(
    to request: RawSpan, over transport: DNSTransport, from origin: RequestOrigin? = nil, into reply: inout FixedWriter
  ) -> ResponderResult? {
    guard request.byteCount >= Header.wireLength, reply.remaining >= 512 else { return nil }
    var parsed = ParsedRequest()
    parsed.id = Self.uint16(request, 0)
    parsed.bits = Self.uint16(request, 2)
    // A reply to a reply would be the start of a loop between two servers.
    guard parsed.bits & Header.Flags.response.rawValue == 0 else { return nil }
    var answer = Answer()
    let opcode = Opcode(rawValue: UInt8(truncatingIfNeeded: parsed.bits >> 11 & 15))
    guard opcode == .query else {
      parsed.hasOtherPurpose = opcode == .notify || opcode == .update
      return finish(parsed, answer, .notImp, question: 0, into: &reply)
    }
    guard Self.uint16(request, 4) == 1, let nameEnd = answer.name.read(question: request, at: Header.wireLength),
      nameEnd + 4 <= request.byteCount
    else { return finish(parsed, answer, .formErr, question: 0, into: &reply) }
    parsed.type = RecordType(rawValue: Self.uint16(request, nameEnd))
    parsed.recordClass = Self.uint16(request, nameEnd + 2)
    parsed.questionEnd = nameEnd + 4
    let isReadable = parsed.readRecords(request)
    // The question goes back as it came, with the letters' case that the client may check (0x20).
    do throws(WireError) {
      try reply.writeBytes(request.extracting(0..<parsed.questionEnd), "question")
    } catch {
      return nil
    }
    guard isReadable else { return finish(parsed, answer, .formErr, question: 1, into: &reply) }
    if parsed.cookieLength > 0 { checkCookie(&parsed, request, origin) }
    guard parsed.version == 0 else { return finish(parsed, answer, .badVers, question: 1, into: &reply) }
    if settings.requiresCookies, transport == .udp, parsed.answersCookie, !parsed.hasServerCookie {
      return finish(parsed, answer, .badCookie, question: 1, into: &reply)
    }
    reply.setLimit(limit(parsed, transport, reply.limit))
    let code = answerQuestion(parsed, &answer, into: &reply)
    reply.setLimit(transport == .udp ? max(512, min(parsed.udpSize, settings.udpLimit)) : 65535)
    return finish(parsed, answer, code, question: 1, into: &reply)
  }

  /// What answer and authority may fill: the transport's limit without the OPT record that comes last.
  private func limit(_ request: ParsedRequest, _ transport: DNSTransport, _ room: Int) -> Int {
    let whole =
      transport == .udp ? min(room, max(512, min(request.udpSize, settings.udpLimit))) : min(room, 65535)
    return request.hasEDNS ? whole - optionLength(request) : whole
  }

  private func optionLength(_ request: ParsedRequest) -> Int {
    11 + (request.wantsIdentifier && !settings.identifier.isEmpty ? 4 + settings.identifier.count : 0)
      + (request.answersCookie ? Self.cookieOptionLength : 0)
  }

  @_lifetime(reply: copy reply)
  private func answerQuestion(
    _ request: ParsedRequest, _ answer: inout Answer, into reply: inout FixedWriter
  ) -> ResponseCode {
    let type = request.type
    guard request.recordClass == RecordClass.in.rawValue || request.recordClass == RecordClass.any.rawValue else {
      guard request.recordClass == RecordClass.ch.rawValue else { return .refused }
      return answerChaos(request, &answer, into: &reply)
    }
    if type.isMeta, type != .any {
      switch type {
      case .axfr, .ixfr: return .refused
      case .maila, .mailb: return .notImp
      default: return .formErr
      }
    }
    var limit = answer.name.labelCount
    // DS belongs to the parent's side of a cut (RFC 4035 §3.1.4.1).
    if type == .ds, let own = catalog.find(answer.name, labels: limit), own.apexLabels == limit, limit > 0,
      catalog.find(answer.name, labels: limit - 1) != nil
    {
      limit -= 1
    }
    guard let zone = catalog.find(answer.name, labels: limit) else {
      answer.leadsOutside = true
      answer.extendedError = Int(ExtendedError.notAuthoritative)
      return .refused
    }
    answer.zoneHash = answer.name.hashes[zone.apexLabels]
    guard !zone.isUnavailable else {
      answer.extendedError = Int(ExtendedError.notReady)
      return .servFail
    }
    answer.isAuthoritative = true
    answer.wantsDNSSEC = request.wantsDNSSEC
    return withExtendedLifetime(catalog) {
      resolve(type, in: zone, &answer, into: &reply)
    }
  }

  /// The zone of ours that a name lies in.
  @inline(__always)
  func zoneOf(_ name: borrowing QueryName) -> ZoneView? { catalog.find(name, labels: name.labelCount) }

  /// Writes the header and the OPT record around what stands in the reply.
  @_lifetime(reply: copy reply)
  private func finish(
    _ request: ParsedRequest, _ answer: borrowing Answer, _ code: ResponseCode, question: UInt16,
    into reply: inout FixedWriter
  ) -> ResponderResult? {
    if reply.count < Header.wireLength {
      for _ in 0..<6 {
        guard (try? reply.writeInteger(UInt16(0))) != nil else { return nil }
      }
    }
    var bits = request.bits & 0x7910 | Header.Flags.response.rawValue | code.rawValue & 15
    if answer.isAuthoritative { bits |= Header.Flags.authoritative.rawValue }
    if answer.isTruncated { bits |= Header.Flags.truncated.rawValue }
    reply.setInteger(request.id, at: 0)
    reply.setInteger(bits, at: 2)
    reply.setInteger(question, at: 4)
    reply.setInteger(answer.answers, at: 6)
    reply.setInteger(answer.authorities, at: 8)
    var additionals = answer.additionals
    if request.hasEDNS, writeOption(request, code, answer.extendedError, into: &reply) { additionals += 1 }
    reply.setInteger(additionals, at: 10)
    return ResponderResult(
      responseCode: UInt8(truncatingIfNeeded: code.rawValue), isTruncated: answer.isTruncated,
      type: request.type.rawValue,
      leadsOutside: answer.leadsOutside && request.bits & Header.Flags.recursionDesired.rawValue != 0,
      isTransaction: request.isTransaction, likeness: likeness(request, answer, code),
      hasServerCookie: request.hasServerCookie)
  }

  /// `version.bind` and its like (RFC 4892); refused unless configured.
  @_lifetime(reply: copy reply)
  private func answerChaos(
    _ request: ParsedRequest, _ answer: inout Answer, into reply: inout FixedWriter
  ) -> ResponseCode {
    guard request.type == .txt || request.type == .any else { return .refused }
    let text: String?
    if answer.name.isEqual("\u{7}version\u{4}bind\0") || answer.name.isEqual("\u{7}version\u{6}server\0") {
      text = settings.version
    } else if answer.name.isEqual("\u{8}hostname\u{4}bind\0") || answer.name.isEqual("\u{2}id\u{6}server\0") {
      text = settings.hostname
    } else {
      text = nil
    }
    guard let text else { return .refused }
    let string = Array(text.utf8.prefix(255))
    let start = reply.count
    do throws(WireError) {
      try reply.writeInteger(UInt16(0xC00C))
      try reply.writeInteger(RecordType.txt.rawValue)
      try reply.writeInteger(RecordClass.ch.rawValue)
      try reply.writeInteger(UInt32(0))
      try reply.writeInteger(UInt16(string.count + 1))
      try reply.writeInteger(UInt8(string.count))
      try reply.writeBytes(string.span.bytes)
      answer.answers += 1
      answer.isAuthoritative = true
    } catch {
      reply.truncate(to: start)
      answer.isTruncated = true
    }
    return .noError
  }
}
