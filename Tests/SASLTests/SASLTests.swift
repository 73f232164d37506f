import SASLCore
import Testing

struct SASLTests {
  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  private func challenge(_ step: SASLServerExchange.Step) -> String? {
    guard case .challenge(let bytes) = step else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func failure(_ step: SASLServerExchange.Step) -> SASLFailure? {
    guard case .failed(let failure) = step else { return nil }
    return failure
  }

  @Test func plainIsTakenApart() {
    var exchange = SASLServerExchange(.plain)
    guard case .question(.password(let proof)) = exchange.begin(bytes("\u{0}tim\u{0}tanstaaftanstaaf")) else {
      Issue.record("no question")
      return
    }
    #expect(proof.name == "tim" && proof.authorization.isEmpty)
    #expect(proof.password.bytes == bytes("tanstaaftanstaaf"))
    #expect("\(proof)".contains("tanstaaf") == false, "a password shows in a description")
    guard case .granted("tim@lab.test") = exchange.resume(.granted(account: "tim@lab.test")) else {
      Issue.record("not granted")
      return
    }
    var second = SASLServerExchange(.plain)
    #expect(challenge(second.begin(nil)) == "")
    guard case .question = second.receive(bytes("Ursel\u{0}Kurt\u{0}xipj3plmq")) else {
      Issue.record("no question")
      return
    }
    #expect(failure(second.resume(.failed(.denied))) == .denied)
  }

  @Test(arguments: ["", "tim", "a\u{0}tim", "\u{0}\u{0}pw", "\u{0}tim\u{0}", "\u{0}tim\u{0}p\u{0}w"])
  func brokenPlainIsRefused(_ message: String) {
    var exchange = SASLServerExchange(.plain)
    #expect(failure(exchange.begin(bytes(message))) == .malformed)
  }

  @Test func loginAsksTwice() {
    var exchange = SASLServerExchange(.login)
    #expect(challenge(exchange.begin(nil)) == "Username:")
    #expect(challenge(exchange.receive(bytes("ann"))) == "Password:")
    guard case .question(.password(let proof)) = exchange.receive(bytes("secret word")) else {
      Issue.record("no question")
      return
    }
    #expect(proof.name == "ann" && proof.password.bytes == bytes("secret word"))
    // Some clients send the name with the command.
    var second = SASLServerExchange(.login)
    #expect(challenge(second.begin(bytes("ann"))) == "Password:")
  }

  /// The exchange of RFC 7677 §3, word for word, in both roles.
  @Test func scramGoesAsInTheRFC() {
    var client = SASLClientExchange(
      .scramSHA256, credential: .password(name: "user", SASLSecret(bytes("pencil"))), nonce: "rOprNGfwEbeRWgbNEkqO")
    var server = SASLServerExchange(.scramSHA256)
    let first = client.initialResponse() ?? []
    #expect(String(decoding: first, as: UTF8.self) == "n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
    guard case .question(.scramParameters("user")) = server.begin(first) else {
      Issue.record("no question")
      return
    }
    let salt = Base64.decode(bytes("W22ZaJ0SNY7soEsUEjb6gQ==")) ?? []
    let serverFirst = server.resume(
      .scramParameters(.init(salt: salt, iterations: 4096, nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")))
    #expect(
      challenge(serverFirst)
        == "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    let final = client.respond(to: bytes(challenge(serverFirst) ?? "")) ?? []
    #expect(
      String(decoding: final, as: UTF8.self)
        == "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    guard case .question(.scramProof(let proof)) = server.receive(final) else {
      Issue.record("no question")
      return
    }
    #expect(proof.proof == Base64.decode(bytes("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")))
    let signature = Base64.decode(bytes("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="))
    let last = server.resume(.granted(account: "user@lab.test", serverSignature: signature))
    #expect(challenge(last) == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    #expect(!client.isServerTrusted)
    #expect(client.respond(to: bytes(challenge(last) ?? "")) == [])
    #expect(client.isServerTrusted)
    guard case .granted("user@lab.test") = server.receive([]) else {
      Issue.record("not granted")
      return
    }
  }

  @Test func theBindingBinds() {
    let binding = ChannelBinding(name: "tls-exporter", data: [1, 2, 3, 4])
    for (data, isRight) in [([1, 2, 3, 4] as [UInt8], true), ([1, 2, 3, 5], false)] {
      var client = SASLClientExchange(
        .scramSHA256Plus, credential: .password(name: "user", SASLSecret(bytes("pencil"))),
        binding: ChannelBinding(name: "tls-exporter", data: data), nonce: "abcdefgh")
      var server = SASLServerExchange(.scramSHA256Plus, binding: binding)
      guard case .question = server.begin(client.initialResponse()) else {
        Issue.record("no question")
        return
      }
      let first = server.resume(.scramParameters(.init(salt: [1], iterations: 4096, nonce: "xyz")))
      let step = server.receive(client.respond(to: bytes(challenge(first) ?? "")) ?? [])
      if case .question(.scramProof) = step {
        #expect(isRight)
      } else {
        #expect(!isRight && failure(step) == .malformed)
      }
    }
    // A client that believes that the bound form was not offered, where it was, is being lied to (RFC 5802 §6).
    var downgraded = SASLServerExchange(.scramSHA256, binding: binding)
    #expect(failure(downgraded.begin(bytes("y,,n=user,r=abcdefgh"))) == .malformed)
    var honest = SASLServerExchange(.scramSHA256)
    guard case .question = honest.begin(bytes("y,,n=user,r=abcdefgh")) else {
      Issue.record("no question")
      return
    }
  }

  @Test(arguments: [
    "", "n", "n,,", "n,,n=,r=abcdefgh", "n,,n=a=2D,r=abcdefgh", "n,,m=x,n=a,r=abcdefgh", "n,a,n=a,r=abcdefgh",
    "n,,n=a,r=", "p=tls-unique,,n=a,r=abcdefgh", "x,,n=a,r=abcdefgh", "n,,n=a,r=ab cdefgh",
  ])
  func brokenSCRAMIsRefused(_ message: String) {
    var exchange = SASLServerExchange(.scramSHA256)
    #expect(failure(exchange.begin(bytes(message))) == .malformed)
  }

  @Test func tokensAreTakenApart() {
    var exchange = SASLServerExchange(.oauthBearer)
    let message = "n,a=user@example.com,\u{1}host=server.example.com\u{1}port=143\u{1}auth=Bearer vF9dft4qmT\u{1}\u{1}"
    guard case .question(.token(let token)) = exchange.begin(bytes(message)) else {
      Issue.record("no question")
      return
    }
    #expect(token.name == "user@example.com" && token.token.bytes == bytes("vF9dft4qmT"))
    #expect(challenge(exchange.resume(.failed(.denied))) == #"{"status":"invalid_token"}"#)
    #expect(failure(exchange.receive([1])) == .denied)
    var google = SASLServerExchange(.xoauth2)
    guard case .question(.token(let other)) = google.begin(bytes("user=a@b.c\u{1}auth=Bearer tok\u{1}\u{1}")) else {
      Issue.record("no question")
      return
    }
    #expect(other.name == "a@b.c" && other.token.bytes == bytes("tok"))
    #expect(BearerToken(oauthBearer: other.oauthBearer(host: "h", port: 1)) == other)
    #expect(BearerToken(xoauth2: other.xoauth2) == other)
  }

  @Test(arguments: ["", "f", "fo", "foo", "foob", "fooba", "foobar"])
  func base64GoesBothWays(_ text: String) {
    #expect(Base64.decode(Base64.encode(bytes(text))) == bytes(text))
  }

  @Test(arguments: ["A", "AB", "ABC", "A===", "AB=C", "QR==", "QUI", "Zm9v\n", "Zm 9v", "====", "Zm9vYmF="])
  func brokenBase64IsRefused(_ text: String) {
    #expect(Base64.decode(bytes(text)) == nil)
  }
}
