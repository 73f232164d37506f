import Services
import Testing
import WireKit

@testable import Gate

/// MD4 against RFC 1320 §A.5, NTLMv2 against MS-NLMP 4.2.4.
struct NTLMTests {
  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  @Test(arguments: [
    ("", "31d6cfe0d16ae931b73c59d7e0c089c0"), ("a", "bde52cb31de33e46245e05fbdbd6fb24"),
    ("abc", "a448017aaf21d8525fc10ae87aa6729d"), ("message digest", "d9130a8164549fe818874806e1c7014b"),
    (
      "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
      "e33b4ddc9c38f2199c3e7b164fcc0536"
    ),
  ]) func md4(_ text: String, _ digest: String) {
    #expect(hex(MD4.hash(Array(text.utf8))) == digest)
  }

  private var attempt: NTLMAttempt {
    let info = "02000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000"
    let challenge = "01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000" + info
    func bytes(_ text: String) -> [UInt8] {
      stride(from: 0, to: text.count, by: 2).compactMap { UInt8(text.dropFirst($0).prefix(2), radix: 16) }
    }
    return NTLMAttempt(
      user: "User", domain: "Domain", serverChallenge: bytes("0123456789abcdef"),
      proof: bytes("68cd0ab851e51c96aabc927bebef6a1c"), clientChallenge: bytes(challenge), service: .rdp,
      peer: Endpoint(IPAddress(192, 0, 2, 1), 1))
  }

  @Test func version2() throws {
    let secret = NTLMSecret(password: Secret("Password"))
    #expect(hex(secret.hash.withBytes { $0 }) == "a4f49c406510bdcab6824ee7c30fd852")
    let key = try #require(secret.sessionBaseKey(for: attempt))
    #expect(hex(key.withBytes { $0 }) == "8de40ccadbc14a82f15cb0ad0de95ca3")
    var other = attempt
    other.user = "user"
    #expect(secret.sessionBaseKey(for: other) != nil, "the user's case does not matter")
    other.domain = "domain"
    #expect(secret.sessionBaseKey(for: other) == nil, "the domain's does")
    #expect(NTLMSecret(password: Secret("password")).sessionBaseKey(for: attempt) == nil)
  }
}
