import ACMECore
import Crypto
import Testing
import TokenCore
import _CryptoExtras

/// Tokens as issuers make them, and as forgers do.
struct SignedTokenTests {
  private let key = P256.Signing.PrivateKey()
  private let now: Int64 = 1_800_000_000

  private var claims: [String: JSONValue] {
    [
      "iss": "https://id.test", "aud": "mail", "exp": .number(now + 300), "iat": .number(now), "email": "ann@lab.test",
      "email_verified": true,
    ]
  }

  private func compact(
    _ claims: [String: JSONValue], header: JSONValue = ["alg": "ES256", "kid": "k1", "typ": "JWT"],
    sign: ([UInt8]) throws -> [UInt8]
  ) rethrows -> [UInt8] {
    let input = "\(Base64URL.encode(header.bytes)).\(Base64URL.encode(JSONValue.object(claims).bytes))"
    return Array("\(input).\(Base64URL.encode(try sign(Array(input.utf8))))".utf8)
  }

  private func token(_ claims: [String: JSONValue], header: JSONValue = ["alg": "ES256", "kid": "k1"]) throws -> [UInt8]
  {
    try compact(claims, header: header) { Array(try key.signature(for: $0).rawRepresentation) }
  }

  private func keys(_ more: [String: JSONValue] = [:], id: JSONValue? = "k1") throws -> KeySet {
    let point = Array(key.publicKey.rawRepresentation)
    var value: [String: JSONValue] = [
      "kty": "EC", "crv": "P-256", "x": .string(Base64URL.encode(point.prefix(32))),
      "y": .string(Base64URL.encode(point.suffix(32))),
    ]
    value["kid"] = id
    value.merge(more) { _, new in new }
    return try #require(
      KeySet(JSONValue.object(["keys": .array([["kty": "oct", "k": "AAAA"], .object(value)])]).bytes))
  }

  @Test func goodTokensCount() throws {
    let parsed = try #require(SignedToken(try token(claims)))
    #expect(parsed.issuer == "https://id.test" && parsed.keyID == "k1")
    let (named, nameless) = (try keys(), try keys(id: nil))
    #expect(parsed.isSigned(by: named) && parsed.isSigned(by: nameless))
    #expect(parsed.complaint(audience: ["other", "mail"], at: now) == nil)
    #expect(parsed.text(of: "email") == "ann@lab.test" && parsed.text(of: "sub") == nil && !parsed.hasSeveralFactors)
    var many = claims
    many["aud"] = ["web", "mail"]
    many["amr"] = ["pwd", "mfa"]
    let other = try #require(SignedToken(try token(many)))
    #expect(other.complaint(audience: ["mail"], at: now) == nil && other.hasSeveralFactors)
  }

  @Test func everyKindOfKey() throws {
    let edwards = Curve25519.Signing.PrivateKey()
    let set = try #require(
      KeySet(
        JSONValue.object([
          "keys": [
            ["kty": "OKP", "crv": "Ed25519", "x": .string(Base64URL.encode(edwards.publicKey.rawRepresentation))]
          ]
        ]).bytes))
    let signed = try compact(claims, header: ["alg": "EdDSA"]) { Array(try edwards.signature(for: $0)) }
    #expect(try #require(SignedToken(signed)).isSigned(by: set))
    let other = try #require(SignedToken(try token(claims)))
    #expect(!other.isSigned(by: set))
  }

  @Test func forgeriesDoNot() throws {
    let keys = try keys()
    // Another algorithm's name, none at all, the public key as a secret.
    for algorithm in ["none", "HS256", "RS256", "ES384"] {
      let forged = try token(claims, header: ["alg": .string(algorithm), "kid": "k1"])
      #expect(SignedToken(forged)?.isSigned(by: keys) != true)
    }
    #expect(SignedToken(Array("e30.e30.".utf8)) == nil)
    let good = try token(claims)
    for index in stride(from: 0, to: good.count, by: 3) {
      var changed = good
      changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
      guard changed != good, let parsed = SignedToken(changed) else { continue }
      #expect(!parsed.isSigned(by: keys), "changed at \(index)")
    }
    let (parsed, others) = (try #require(SignedToken(good)), try self.keys(id: "k2"))
    #expect(parsed.isSigned(by: keys) && !parsed.isSigned(by: others))
    let critical = try token(claims, header: ["alg": "ES256", "crit": ["b64"], "b64": false])
    let logOut = try token(claims, header: ["alg": "ES256", "typ": "logout+jwt"])
    #expect(SignedToken(critical) == nil && SignedToken(logOut) == nil)
    #expect(SignedToken([UInt8](repeating: 0x2E, count: 20_000)) == nil && SignedToken([]) == nil)
  }

  @Test func timeAndAudience() throws {
    func complaint(
      at time: Int64? = nil, _ change: (inout [String: JSONValue]) -> Void
    ) throws -> SignedToken.Complaint? {
      var changed = claims
      change(&changed)
      return try #require(SignedToken(try token(changed))).complaint(audience: ["mail"], at: time ?? now)
    }
    let otherAudience = try complaint { $0["aud"] = "web" }
    let noAudience = try complaint { $0["aud"] = nil }
    #expect(otherAudience == .otherAudience && noAudience == .otherAudience)
    let endless = try complaint { $0["exp"] = nil }
    let veryLong = try complaint { $0["exp"] = .number(.max) }
    #expect(endless == .endless && veryLong == nil)
    let justNot = try complaint(at: now + 359) { _ in }
    let expired = try complaint(at: now + 360) { _ in }
    #expect(justNot == nil && expired == .expired)
    let early = try complaint { $0["nbf"] = .number(now + 61) }
    let soon = try complaint { $0["nbf"] = "soon" }
    #expect(early == .early && soon == .malformed)
  }

  @Test func unverifiedAddressesAreNobodys() throws {
    var changed = claims
    changed["email_verified"] = false
    let unverified = try #require(SignedToken(try token(changed)))
    changed["email_verified"] = nil
    let unsaid = try #require(SignedToken(try token(changed)))
    #expect(unverified.text(of: "email") == nil && unsaid.text(of: "email") == "ann@lab.test")
  }

  @Test func keysThatAreForSomethingElse() throws {
    let (encrypting, signing) = (try keys(["use": "enc"]), try keys(["key_ops": ["sign"]]))
    let otherAlgorithm = try keys(["alg": "ES384"])
    #expect(encrypting.isEmpty && signing.isEmpty && otherAlgorithm.isEmpty)
    let good = try keys(["use": "sig", "alg": "ES256", "key_ops": ["verify"]])
    #expect(good.mayHave("k1") && !good.mayHave("k2"))
    #expect(KeySet(Array("[]".utf8)) == nil && KeySet(Array(#"{"keys": []}"#.utf8))?.isEmpty == true)
  }
}
