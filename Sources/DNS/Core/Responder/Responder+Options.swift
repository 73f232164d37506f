import WireKit

/// The OPT record of a reply (RFC 6891): name of the server, cookie, reason.
extension Responder {
  /// Octets of the COOKIE option with both parts.
  static let cookieOptionLength = 4 + 8 + ServerCookies.length

  /// Looks at a cookie's second part, and prepares a new one.
  func checkCookie(_ request: inout ParsedRequest, _ bytes: RawSpan, _ origin: RequestOrigin?) {
    guard let cookies = settings.cookies, let origin, request.cookie + request.cookieLength <= bytes.byteCount else {
      return
    }
    let client = Self.uint64(bytes, request.cookie)
    if request.cookieLength == 8 + ServerCookies.length {
      request.hasServerCookie = cookies.isValid(
        client: client, head: Self.uint64(bytes, request.cookie + 8), tail: Self.uint64(bytes, request.cookie + 16),
        origin)
    }
    request.answersCookie = true
    request.clientCookie = client
    request.cookieTime = origin.time
    request.cookieHash = cookies.hash(client: client, time: origin.time, reserved: 0, origin.address)
  }

  @_lifetime(reply: copy reply)
  func writeOption(
    _ request: ParsedRequest, _ code: ResponseCode, _ extendedError: Int, into reply: inout FixedWriter
  ) -> Bool {
    let start = reply.count
    do throws(WireError) {
      try reply.writeInteger(UInt8(0))
      try reply.writeInteger(RecordType.opt.rawValue)
      try reply.writeInteger(UInt16(clamping: settings.udpLimit))
      try reply.writeInteger(UInt8(truncatingIfNeeded: code.rawValue >> 4))
      try reply.writeInteger(UInt8(0))
      try reply.writeInteger(UInt16(request.wantsDNSSEC ? 0x8000 : 0))
      let place = reply.count
      try reply.writeInteger(UInt16(0))
      if request.wantsIdentifier, !settings.identifier.isEmpty {
        try reply.writeInteger(EDNSOption.nsid)
        try reply.writeInteger(UInt16(clamping: settings.identifier.count))
        try reply.writeBytes(settings.identifier.span.bytes)
      }
      if request.answersCookie {
        try reply.writeInteger(EDNSOption.cookie)
        try reply.writeInteger(UInt16(8 + ServerCookies.length))
        try reply.writeInteger(request.clientCookie)
        try reply.writeInteger(UInt64(1) << 56 | UInt64(request.cookieTime))
        try reply.writeInteger(request.cookieHash)
      }
      if extendedError >= 0, reply.remaining >= 6 {
        try reply.writeInteger(EDNSOption.extendedError)
        try reply.writeInteger(UInt16(2))
        try reply.writeInteger(UInt16(clamping: extendedError))
      }
      if reply.count > place + 2 { reply.setInteger(UInt16(clamping: reply.count - place - 2), at: place) }
      return true
    } catch {
      reply.truncate(to: start)
      return false
    }
  }

  /// What makes answers alike: the set; the wildcard, whatever name it stood for; the zone, where there is no such name; for
  /// everything else the response code.
  func likeness(_ request: ParsedRequest, _ answer: borrowing Answer, _ code: ResponseCode) -> UInt32 {
    switch code {
    case .nxDomain: return answer.zoneHash ^ 0x5BD1_E995
    case .noError:
      let name = answer.wildcardHash != 0 ? answer.wildcardHash : answer.name.hashes[answer.name.labelCount]
      return name ^ UInt32(request.type.rawValue) &* 0x9E37_79B1
    default: return UInt32(code.rawValue) &+ 1
    }
  }

  /// Takes back all of a reply but header and question, and sets TC: for a client that is to come back over TCP.
  @_lifetime(reply: copy reply)
  public static func shorten(_ reply: inout FixedWriter) {
    guard reply.count >= Header.wireLength else { return }
    var end = Header.wireLength
    if uint16(reply.written, 4) == 1 {
      while let length = reply.written.byte(at: end), length != 0 { end += 1 + Int(length) }
      end += 5
    }
    guard end <= reply.count else { return }
    reply.truncate(to: end)
    reply.setInteger(uint16(reply.written, 2) | Header.Flags.truncated.rawValue, at: 2)
    for place in [6, 8, 10] { reply.setInteger(UInt16(0), at: place) }
  }

  @inline(__always)
  private static func uint64(_ bytes: RawSpan, _ offset: Int) -> UInt64 {
    UInt64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  @inline(__always)
  static func uint16(_ bytes: RawSpan, _ offset: Int) -> UInt16 {
    UInt16(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }
}
