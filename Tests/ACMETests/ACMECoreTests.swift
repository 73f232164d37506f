@testable import ACMECore
import Testing

@Suite struct ACMECoreTests {
  @Test func jsonThatIsReadAndWritten() throws {
    let text = #"{"b":[1,-2,0,true,null,"\u00e4\ud83d\ude00\n"],"a":{}}"#
    let value = try #require(JSONValue(Array(text.utf8)))
    #expect(value["b"]?.array?.last == .string("ä😀\n") && value["a"] == .object([:]))
    #expect(JSONValue(value.bytes) == value)
    #expect(String(decoding: value.bytes, as: UTF8.self) == #"{"a":{},"b":[1,-2,0,true,null,"ä😀\u000a"]}"#)
  }

  @Test(arguments: [
    "", "{", "[1,]", #"{"a":1,"a":2}"#, "01", "1.5", "1e3", "--1", "nul", #""\ud800""#, #""\x""#, "\"\n\"", "1 2",
    "{\"a\" 1}", "99999999999999999999", String(repeating: "[", count: 40) + String(repeating: "]", count: 40),
  ]) func jsonThatIsRefused(_ text: String) { #expect(JSONValue(Array(text.utf8)) == nil) }

  /// RFC 7638 §3.1.
  @Test func thumbprintOfTheStandardsExample() throws {
    let key = """
      {"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZ\
      CiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6q\
      MQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",\
      "e":"AQAB","alg":"RS256","kid":"2011-04-29"}
      """
    let value = try #require(JSONValue(Array(key.utf8)))
    #expect(JSONWebKey(value)?.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
  }

  @Test func keysThatAreRefused() {
    let point = Base64URL.encode([UInt8](repeating: 1, count: 32))
    for value in [
      ["kty": "EC", "crv": "P-256", "x": .string(point), "y": .string(point)],
      ["kty": "RSA", "n": .string(Base64URL.encode([UInt8](repeating: 0xFF, count: 128))), "e": "AQAB"],
      ["kty": "oct", "k": .string(point)], ["kty": "RSA", "n": "", "e": ""], [:],
    ] as [JSONValue] { #expect(JSONWebKey(value) == nil, "\(value)") }
  }

  @Test func whatIsSignedIsVerifiedAndNothingElse() throws {
    let key = AccountKey()
    let url = "https://a.test/new-order"
    let content = try key.sign(["x": 1], url: url, nonce: "n", account: nil)
    let signed = try #require(SignedRequest(content))
    #expect(signed.signer == .key(key.publicKey) && signed.nonce == "n" && signed.url == url)
    #expect(signed.isSigned(by: key.publicKey) && !signed.isSigned(by: AccountKey().publicKey))
    #expect(JSONValue(signed.payload) == ["x": 1])
    let byAccount = try #require(SignedRequest(try key.sign(nil, url: url, nonce: nil, account: "https://a.test/1")))
    #expect(byAccount.signer == .account("https://a.test/1") && byAccount.payload.isEmpty)
    let again = try #require(AccountKey(key.octets))
    #expect(again.publicKey == key.publicKey)
    // One octet of the payload changed.
    guard case .object(var fields)? = JSONValue(content) else { return }
    fields["payload"] = .string(Base64URL.encode(#"{"x":2}"#.utf8))
    #expect(try #require(SignedRequest(JSONValue.object(fields).bytes)).isSigned(by: key.publicKey) == false)
    fields["header"] = [:]
    #expect(SignedRequest(JSONValue.object(fields).bytes) == nil)
  }

  @Test func theExternalBindingIsThatOfItsSecret() throws {
    let key = AccountKey()
    let binding = try key.externalBinding(keyID: "k", secret: [1, 2, 3], url: "https://a.test/new-account")
    let signed = try #require(SignedRequest(binding.bytes))
    #expect(signed.signer == .account("k") && signed.isSigned(bySecret: [1, 2, 3]) && !signed.isSigned(bySecret: [1]))
    #expect(JSONValue(signed.payload).flatMap { JSONWebKey($0) } == key.publicKey)
  }

  @Test func times() {
    for (text, seconds) in [
      ("1970-01-01T00:00:00Z", 0), ("2000-02-29T12:00:00.5Z", 951_825_600),
      ("2026-11-25T17:00:00+01:00", 1_795_622_400),
    ] as [(String, Int64)] { #expect(TimeText.seconds(text) == seconds, "\(text)") }
    for seconds in [0, 951_825_600, 4_102_444_799, 1_795_622_400] as [Int64] {
      #expect(TimeText.seconds(TimeText.text(seconds)) == seconds)
    }
    for text in ["", "2026-13-01T00:00:00Z", "2026-01-01 00:00:00", "2026-01-01T00:00:00", "2026-01-01T25:00:00Z"] {
      #expect(TimeText.seconds(text) == nil)
    }
  }
}
