import WireKit

/// SPNEGO (RFC 4178) around NTLM, as far as CredSSP needs it; tokens of bare NTLM pass as well.
struct SPNEGO: Sendable {
  private static let oid: [UInt8] = [0x06, 0x06, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x02]
  private static let ntlm: [UInt8] = [0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A]

  /// What a token held.
  struct Token: Sendable {
    /// The mechanism's own token, where there is one for NTLM.
    var inner: [UInt8]?
    var mechanismListCode: [UInt8]?
  }

  /// Whether the client speaks SPNEGO at all, or bare NTLM.
  private(set) var isUsed = false
  /// The DER of the mechanisms that the client offered, which its code vouches for.
  private(set) var mechanisms: [UInt8] = []
  private var hasAnswered = false

  /// Takes a token from the client.
  mutating func open(_ token: [UInt8]) throws(WireError) -> Token {
    if NTLMSignature.isNTLM(token) { return Token(inner: token) }
    isUsed = true
    let span = token.span.bytes
    var reader = WireReader(span)
    return reader.nextIs(0x60) ? try openInitial(&reader) : try Self.openResponse(&reader)
  }

  private mutating func openInitial(_ reader: inout WireReader) throws(WireError) -> Token {
    var body = WireReader(try reader.readBER(0x60, "GSS token"))
    guard try body.readBytes(Self.oid.count, "SPNEGO OID") == Self.oid else {
      throw WireError(.malformed, "SPNEGO OID")
    }
    var choice = WireReader(try body.readBER(0xA0, "NegTokenInit"))
    var fields = WireReader(try choice.readBER(0x30, "NegTokenInit"))
    let list = try fields.readBER(0xA0, "mechTypes")
    mechanisms = list.copied()
    var types = WireReader(list)
    let entries = try types.readBER(0x30, "mechTypes")
    var token: [UInt8]?
    while !fields.isAtEnd {
      guard fields.nextIs(0xA2) else {
        try Self.skip(&fields)
        continue
      }
      var wrapped = WireReader(try fields.readBER(0xA2, "mechToken"))
      token = try wrapped.readBER(0x04, "mechToken").copied()
    }
    guard Self.contains(entries.copied(), Self.ntlm) else { throw WireError(.unsupported, "no NTLM among mechanisms") }
    // The token is for the mechanism that the client likes best; where that is Kerberos, NTLM begins with the next one.
    return Token(inner: token.flatMap { NTLMSignature.isNTLM($0) ? $0 : nil })
  }

  private static func openResponse(_ reader: inout WireReader) throws(WireError) -> Token {
    var choice = WireReader(try reader.readBER(0xA1, "NegTokenResp"))
    var fields = WireReader(try choice.readBER(0x30, "NegTokenResp"))
    var token = Token()
    while !fields.isAtEnd {
      if fields.nextIs(0xA2) {
        var wrapped = WireReader(try fields.readBER(0xA2, "responseToken"))
        token.inner = try wrapped.readBER(0x04, "responseToken").copied()
      } else if fields.nextIs(0xA3) {
        var wrapped = WireReader(try fields.readBER(0xA3, "mechListMIC"))
        token.mechanismListCode = try wrapped.readBER(0x04, "mechListMIC").copied()
      } else {
        try skip(&fields)
      }
    }
    return token
  }

  private static func skip(_ reader: inout WireReader) throws(WireError) {
    try reader.skip(1, "tag")
    try reader.skip(try reader.readBERLength("length"), "field")
  }

  private static func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
    guard bytes.count >= part.count else { return false }
    return (0...bytes.count - part.count).contains { bytes[$0..<$0 + part.count].elementsEqual(part) }
  }

  /// The answer that goes on: with NTLM's challenge, or (`nil`) to ask for NTLM.
  mutating func answer(_ challenge: [UInt8]?) -> [UInt8] {
    guard isUsed else { return challenge ?? [] }
    let isFirst = !hasAnswered
    hasAnswered = true
    return Self.response(state: 1, mechanism: isFirst ? Self.ntlm : nil, token: challenge, code: nil)
  }

  /// The last answer, with the code over the mechanisms.
  static func completion(code: [UInt8]?) -> [UInt8] { response(state: 0, mechanism: nil, token: nil, code: code) }

  private static func response(state: UInt8, mechanism: [UInt8]?, token: [UInt8]?, code: [UInt8]?) -> [UInt8] {
    var output: [UInt8] = []
    output.appendBER(0xA1) { choice in
      choice.appendBER(0x30) { fields in
        fields.appendBER(0xA0) { $0 += [0x0A, 1, state] }
        if let mechanism { fields.appendBER(0xA1) { $0 += mechanism } }
        for (tag, value) in [(UInt16(0xA2), token), (0xA3, code)] {
          guard let value else { continue }
          fields.appendBER(tag) { $0.appendBER(0x04) { $0 += value } }
        }
      }
    }
    return output
  }
}
