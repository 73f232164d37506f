import WireKit

/// The flags of NTLM (MS-NLMP 2.2.2.5).
struct NTLMFlags: OptionSet, Sendable, Hashable {
  let rawValue: UInt32
  static let unicode = NTLMFlags(rawValue: 0x0000_0001)
  static let requestTarget = NTLMFlags(rawValue: 0x0000_0004)
  static let sign = NTLMFlags(rawValue: 0x0000_0010)
  static let seal = NTLMFlags(rawValue: 0x0000_0020)
  static let ntlm = NTLMFlags(rawValue: 0x0000_0200)
  static let alwaysSign = NTLMFlags(rawValue: 0x0000_8000)
  static let targetIsServer = NTLMFlags(rawValue: 0x0002_0000)
  static let extendedSecurity = NTLMFlags(rawValue: 0x0008_0000)
  static let targetInfo = NTLMFlags(rawValue: 0x0080_0000)
  static let version = NTLMFlags(rawValue: 0x0200_0000)
  static let strong = NTLMFlags(rawValue: 0x2000_0000)
  static let keyExchange = NTLMFlags(rawValue: 0x4000_0000)
  static let weak = NTLMFlags(rawValue: 0x8000_0000)

  /// Without these there is no NTLMv2 session of 128 bits, and nothing less is spoken.
  static let required: NTLMFlags = [.unicode, .extendedSecurity, .strong]
}

/// "NTLMSSP" with its NUL, then the type of the message.
enum NTLMSignature {
  static let bytes = Array("NTLMSSP\0".utf8)

  static func isNTLM(_ token: [UInt8]) -> Bool { token.starts(with: bytes) }

  @_lifetime(copy token)
  static func open(_ token: RawSpan, type: UInt32) throws(WireError) -> WireReader {
    var reader = WireReader(token)
    guard try reader.readBytes(8, "NTLM signature") == bytes else { throw WireError(.malformed, "NTLM signature") }
    guard try reader.readLittleEndian("NTLM type", as: UInt32.self) == type else {
      throw WireError(.malformed, "NTLM type", at: 8)
    }
    return reader
  }
}

/// The first message, from the client (2.2.1.1): of it only the flags matter.
struct NTLMNegotiate: Sendable {
  var flags: NTLMFlags

  init(_ token: RawSpan) throws(WireError) {
    var reader = try NTLMSignature.open(token, type: 1)
    flags = NTLMFlags(rawValue: try reader.readLittleEndian("NTLM flags"))
  }
}

/// The second message, from the server (2.2.1.2).
struct NTLMChallenge: Sendable {
  var flags: NTLMFlags
  var serverChallenge: [UInt8]
  /// The server's name, in capitals and without dots, as old clients show it; and its full name.
  var computer: String
  var hostname: String
  /// 100 ns since 1601: with it the client vouches for the whole exchange (MIC).
  var timestamp: UInt64

  /// What of the client's flags the server agrees to.
  static func agreed(_ flags: NTLMFlags) -> NTLMFlags {
    flags.intersection([.unicode, .sign, .seal, .alwaysSign, .extendedSecurity, .strong, .keyExchange, .weak, .version])
      .union([.ntlm, .targetInfo, .targetIsServer, .requestTarget])
  }

  func encode() -> [UInt8] {
    let name = UTF16Text.encode(computer)
    var info: [UInt8] = []
    for (id, value) in [
      (2, name), (1, name), (4, UTF16Text.encode(hostname)), (3, UTF16Text.encode(hostname)), (7, timestampBytes),
      (0, []),
    ] as [(UInt16, [UInt8])] {
      info.appendLittleEndian(id)
      info.appendLittleEndian(UInt16(clamping: value.count))
      info += value
    }
    var message = NTLMSignature.bytes
    message.appendLittleEndian(UInt32(2))
    let payload = 56
    Self.field(name.count, at: payload, into: &message)
    message.appendLittleEndian(flags.rawValue)
    message += serverChallenge + [UInt8](repeating: 0, count: 8)
    Self.field(info.count, at: payload + name.count, into: &message)
    // A version, for debugging only: 10.0, NTLMSSP_REVISION_W2K3.
    message += [10, 0, 0, 0, 0, 0, 0, 15]
    return message + name + info
  }

  private var timestampBytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: timestamp >> (8 * UInt64($0))) } }

  private static func field(_ length: Int, at offset: Int, into message: inout [UInt8]) {
    message.appendLittleEndian(UInt16(clamping: length))
    message.appendLittleEndian(UInt16(clamping: length))
    message.appendLittleEndian(UInt32(clamping: offset))
  }
}

/// The third message, from the client (2.2.1.3).
struct NTLMAuthenticate: Sendable {
  var flags: NTLMFlags
  var domain: String
  var user: String
  /// NTProofStr, 16 bytes, and the client's challenge that it was made over (2.2.2.8).
  var proof: [UInt8]
  var clientChallenge: [UInt8]
  var encryptedSessionKey: [UInt8]
  /// The code over all three messages, where the client's challenge says that there is one.
  var integrityCode: [UInt8]?

  /// Where the code stands in the message.
  static let integrityCodeRange = 72..<88

  init(_ token: RawSpan) throws(WireError) {
    var reader = try NTLMSignature.open(token, type: 3)
    try reader.skip(8, "LM response")
    let response = try Self.field(&reader, token, limit: 8192, "NT response")
    let domain = try Self.field(&reader, token, limit: 1024, "domain")
    let user = try Self.field(&reader, token, limit: 1024, "user")
    try reader.skip(8, "workstation")
    encryptedSessionKey = try Self.field(&reader, token, limit: 16, "session key")
    flags = NTLMFlags(rawValue: try reader.readLittleEndian("NTLM flags"))
    self.domain = UTF16Text.decode(domain.span.bytes)
    self.user = UTF16Text.decode(user.span.bytes)
    // NTLMv1's 24 bytes are no answer here, nor is an anonymous log-in's nothing.
    guard response.count >= 16 + 28 else { throw WireError(.unsupported, "NT response") }
    proof = Array(response[..<16])
    clientChallenge = Array(response[16...])
    let vouches = try Self.vouches(clientChallenge)
    let range = Self.integrityCodeRange
    if vouches {
      guard token.byteCount >= range.upperBound else { throw WireError(.truncated, "MIC") }
      integrityCode = token.extracting(range).copied()
    }
  }

  private static func field(
    _ reader: inout WireReader, _ token: RawSpan, limit: Int, _ subject: StaticString
  ) throws(WireError) -> [UInt8] {
    let length: UInt16 = try reader.readLittleEndian(subject)
    try reader.skip(2, subject)
    let offset = try Unverified(reader.readLittleEndian(subject, as: UInt32.self))
      .verified(atMost: token.byteCount, subject)
    guard length <= limit, token.byteCount - offset >= Int(length) else { throw WireError(.outOfBounds, subject) }
    return token.extracting(offset..<offset + Int(length)).copied()
  }

  /// Whether MsvAvFlags in the client's challenge says that there is a code over the messages (2.2.2.1, bit 1).
  private static func vouches(_ challenge: [UInt8]) throws(WireError) -> Bool {
    let span = challenge.span.bytes
    var reader = WireReader(span)
    try reader.skip(28, "client challenge")
    while reader.remaining >= 4 {
      let id: UInt16 = try reader.readLittleEndian("AV id")
      let length: UInt16 = try reader.readLittleEndian("AV length")
      let value = try reader.readBytes(Int(length), "AV value")
      if id == 0 { return false }
      if id == 6, let first = value.first { return first & 2 != 0 }
    }
    return false
  }
}
