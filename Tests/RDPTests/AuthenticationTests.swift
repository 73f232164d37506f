import Testing

@testable import RDPCore

/// NTLM's ciphers and signatures against the published vectors.
struct AuthenticationVectorTests {
  static func bytes(_ hex: String) -> [UInt8] {
    let digits = hex.filter { !$0.isWhitespace }
    return stride(from: 0, to: digits.count, by: 2).map { index in
      let start = digits.index(digits.startIndex, offsetBy: index)
      return UInt8(digits[start...].prefix(2), radix: 16) ?? 0
    }
  }

  /// RFC 6229.
  @Test func rc4() {
    var cipher = RC4(key: [1, 2, 3, 4, 5])
    #expect(cipher.apply([UInt8](repeating: 0, count: 16)) == Self.bytes("b2396305f03dc027ccc3524a0a1118a8"))
    var long = RC4(key: Self.bytes("0102030405060708090a0b0c0d0e0f10"))
    #expect(long.apply([UInt8](repeating: 0, count: 16)) == Self.bytes("9ac7cc9a609d1ef7b2932899cde41b97"))
  }

  /// MS-NLMP 4.2.4.4: GSS_WrapEx of "Plaintext" with NTLMv2 and key exchange.
  @Test func sealing() {
    let key = [UInt8](repeating: 0x55, count: 16)
    var client = NTLMSession(sessionKey: key, flags: [.keyExchange, .extendedSecurity, .strong], isServer: false)
    let sealed = client.seal(UTF16Text.encode("Plaintext"))
    #expect(sealed == Self.bytes("010000007fb38ec5c55d497600000000 54e50165bf1936dc996020c1811b0f06fb5f"))
    var server = NTLMSession(sessionKey: key, flags: [.keyExchange, .extendedSecurity, .strong])
    #expect(server.open(sealed) == UTF16Text.encode("Plaintext"))
    #expect(server.open(sealed) == nil, "a replayed message")
  }

  @Test func requests() throws {
    var request = TSRequest()
    request.token = Array("token".utf8)
    request.publicKeyAuth = [UInt8](repeating: 7, count: 300)
    request.clientNonce = [UInt8](repeating: 9, count: 32)
    var bytes: [UInt8] = []
    request.encode(into: &bytes)
    let span = bytes.span.bytes
    let length = try TSRequest.length(in: span)
    let read = try TSRequest(span)
    #expect(length == bytes.count)
    #expect(read.token == request.token && read.publicKeyAuth == request.publicKeyAuth)
    #expect(read.clientNonce == request.clientNonce && read.version == 6)
    for end in 0..<bytes.count {
      let part = Array(bytes[..<end])
      let span = part.span.bytes
      let length = try TSRequest.length(in: span)
      #expect(length == nil)
      let isRefused = (try? TSRequest(span)) == nil
      #expect(isRefused, "cut at \(end)")
    }
  }

  /// What SPNEGO of a Windows client looks like: Kerberos first, NTLM second.
  @Test func spnegoAsksForNTLM() throws {
    var spnego = SPNEGO()
    let kerberos: [UInt8] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02]
    let ntlm: [UInt8] = [0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A]
    var token: [UInt8] = []
    token.appendBER(0x60) { body in
      body += [0x06, 0x06, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x02]
      body.appendBER(0xA0) {
        $0.appendBER(0x30) { fields in
          fields.appendBER(0xA0) { $0.appendBER(0x30) { $0 += kerberos + ntlm } }
          fields.appendBER(0xA2) { $0.appendBER(0x04) { $0 += [0x60, 0x01, 0x02] } }
        }
      }
    }
    let opened = try spnego.open(token)
    #expect(opened.inner == nil && spnego.isUsed)
    let answer = spnego.answer(nil)
    #expect(answer.starts(with: [0xA1]) && answer.suffix(ntlm.count).elementsEqual(ntlm))
  }
}
