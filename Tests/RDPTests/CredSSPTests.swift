import Crypto
import Testing

@testable import RDPCore

/// CredSSP with a client of our own: every version, and what a man in the middle would try.
struct CredSSPTests {
  private static let baseKey = (1...16).map { UInt8($0) }
  private static let serverKey = Array("the server's key".utf8)

  /// A client's side, with the secrets that make it misbehave.
  private struct Client {
    var version: UInt32 = 6
    var publicKey = CredSSPTests.serverKey
    var seesAnotherNonce = false
    var changesMessages = false
    var exported = [UInt8](repeating: 0x55, count: 16)

    static let flags: UInt32 = 0xE208_8237

    func negotiate() -> [UInt8] {
      NTLMSignature.bytes + [1, 0, 0, 0] + NTLMSession.littleEndian(Self.flags) + [UInt8](repeating: 0, count: 24)
    }

    /// The third message; the proof is whatever, as the verdict is given by the test.
    func authenticate(_ negotiate: [UInt8], _ challenge: [UInt8]) -> [UInt8] {
      let info: [UInt8] = [6, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0]
      let response =
        [UInt8](repeating: 3, count: 16) + [1, 1] + [UInt8](repeating: 0, count: 26) + info + [0, 0, 0, 0]
      let user = UTF16Text.encode("ann")
      var cipher = RC4(key: CredSSPTests.baseKey)
      let sessionKey = cipher.apply(exported)
      var message = NTLMSignature.bytes + [3, 0, 0, 0]
      var payload: [UInt8] = []
      func field(_ bytes: [UInt8]) {
        let length = [UInt8(bytes.count & 0xFF), UInt8(bytes.count >> 8)]
        message += length + length + NTLMSession.littleEndian(UInt32(88 + payload.count))
        payload += bytes
      }
      field([])
      field(response)
      field([])
      field(user)
      field([])
      field(sessionKey)
      message += NTLMSession.littleEndian(Self.flags) + [UInt8](repeating: 0, count: 8)
      let whole = message + [UInt8](repeating: 0, count: 16) + payload
      let code = NTLMSession.hmac(exported, (changesMessages ? [0] : negotiate) + challenge + whole)
      return message + code + payload
    }
  }

  private func send(_ request: TSRequest, to server: inout CredSSPServer) -> CredSSPServer.Outcome {
    var bytes: [UInt8] = []
    request.encode(into: &bytes)
    return server.receive(bytes.span.bytes)
  }

  /// The whole exchange; what it came to.
  private func run(_ client: Client, verdict: [UInt8]? = CredSSPTests.baseKey) throws -> String {
    var server = CredSSPServer(
      publicKey: Self.serverKey,
      challenge: NTLMChallenge(
        flags: [], serverChallenge: (0..<8).map { $0 }, computer: "SRV", hostname: "srv.lab.test", timestamp: 1))
    var request = TSRequest()
    request.version = client.version
    request.token = client.negotiate()
    guard case .send(let answer) = send(request, to: &server), let challenge = answer.token else {
      return "no challenge"
    }
    let nonce = [UInt8](repeating: 4, count: 32)
    request.token = client.authenticate(client.negotiate(), challenge)
    request.clientNonce =
      client.version >= 5 ? (client.seesAnotherNonce ? [UInt8](repeating: 5, count: 32) : nonce) : nil
    var session = NTLMSession(
      sessionKey: client.exported, flags: NTLMFlags(rawValue: Client.flags), isServer: false)
    request.publicKeyAuth = session.seal(
      client.version >= 5 ? CredSSPServer.bindingHash("Client-To-Server", nonce, client.publicKey) : client.publicKey)
    guard case .judge(let claim) = send(request, to: &server), claim.user == "ann" else { return "no claim" }
    switch server.judged(verdict) {
    case .send(let bound):
      guard let sealed = bound.publicKeyAuth, let opened = session.open(sealed) else { return "no binding" }
      let expected =
        client.version >= 5
        ? CredSSPServer.bindingHash("Server-To-Client", nonce, client.publicKey)
        : [client.publicKey[0] &+ 1] + client.publicKey.dropFirst()
      guard opened == expected else { return "another binding" }
    case .fail(let answer, let reason): return "\(reason) \(answer?.errorCode.map { String($0, radix: 16) } ?? "-")"
    default: return "?"
    }
    var last = TSRequest()
    last.version = client.version
    var credentials: [UInt8] = []
    credentials.appendBER(0x30) { fields in
      fields.appendBER(0xA0) { $0.appendBERInteger(1) }
      fields.appendBER(0xA1) { $0.appendBER(0x04) { $0 += [0x30, 0] } }
    }
    last.authInfo = session.seal(credentials)
    guard case .done = send(last, to: &server) else { return "credentials refused" }
    return "done"
  }

  @Test(arguments: [2, 3, 4, 5, 6] as [UInt32]) func everyVersion(_ version: UInt32) throws {
    #expect(try run(Client(version: version)) == "done")
  }

  @Test func refusals() throws {
    #expect(try run(Client(version: 6), verdict: nil) == "log-in refused c000006d")
    #expect(try run(Client(version: 2), verdict: nil) == "log-in refused -")
    #expect(try run(Client(version: 1)) == "no challenge")
  }

  /// The key that TLS was set up with is another one: somebody sits in between (CVE-2018-0886).
  @Test(arguments: [2, 3, 4, 5, 6] as [UInt32]) func anotherServersKey(_ version: UInt32) throws {
    let outcome = try run(Client(version: version, publicKey: Array("of another server".utf8)))
    #expect(outcome.hasPrefix("pubKeyAuth is for another server's key"), "\(outcome)")
  }

  @Test func anotherNonceAndChangedMessages() throws {
    #expect(try run(Client(seesAnotherNonce: true)).hasPrefix("pubKeyAuth is for another"))
    #expect(try run(Client(changesMessages: true)).hasPrefix("the messages were changed"))
    // The client has another session key: nothing that it sealed is genuine.
    #expect(try run(Client(), verdict: [UInt8](repeating: 9, count: 16)).hasPrefix("the messages were changed"))
  }
}
