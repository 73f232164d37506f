import TestKit
import Testing
import WireKit

@testable import SSHCore

@Suite struct AuthenticationTests {
  private static func pair(_ policy: AuthenticationPolicy = .init()) throws -> Pair {
    try Pair(configuration: ServerSessionConfiguration(hostKeys: [PrivateKey(.ed25519)], policy: policy))
  }

  @Test func wrongPasswordsEndAfterTheLimit() throws {
    let pair = try Self.pair()
    pair.outside.credentials = (0..<10).map { _ in Pair.password("wrong") }
    pair.open()
    pair.talk()
    #expect(!pair.isLoggedIn)
    #expect(pair.outside.proofs.count == 6)
    #expect(pair.serverEnd == "too many attempts to log in")
  }

  @Test func codeByKeyboardInteractive() throws {
    let pair = try Self.pair()
    pair.outside.code = Array("123456".utf8)
    pair.outside.credentials = [.keyboardInteractive]
    pair.outside.answers = [Credential(Array("secret".utf8)), Credential(Array("123456".utf8))]
    pair.open()
    pair.talk()
    #expect(pair.isLoggedIn)
  }

  /// The password was right: the code is asked for by keyboard-interactive, and the password is not asked for again.
  @Test func codeAfterPassword() throws {
    let pair = try Self.pair()
    pair.outside.code = Array("123456".utf8)
    pair.outside.credentials = [Pair.password("secret"), .keyboardInteractive]
    pair.outside.answers = [Credential(Array("123456".utf8))]
    pair.open()
    pair.talk()
    #expect(pair.isLoggedIn)
  }

  @Test func wrongCodeIsRefused() throws {
    let pair = try Self.pair()
    pair.outside.code = Array("123456".utf8)
    pair.outside.credentials = [Pair.password("secret"), .keyboardInteractive]
    pair.outside.answers = [Credential(Array("000000".utf8))]
    pair.open()
    pair.talk()
    #expect(!pair.isLoggedIn)
  }

  @Test func requiredCombinationNeedsBoth() throws {
    let policy = AuthenticationPolicy(ways: [[.publicKey, .password]])
    let key = try PrivateKey(.ed25519)
    let both = try Self.pair(policy)
    both.outside.key = key
    both.outside.credentials = [.publicKey(key), Pair.password("secret")]
    both.open()
    both.talk()
    #expect(both.isLoggedIn)
    for credential in [ClientCredential.publicKey(key), Pair.password("secret")] {
      let one = try Self.pair(policy)
      one.outside.key = key
      one.outside.credentials = [credential]
      one.open()
      one.talk()
      #expect(!one.isLoggedIn)
    }
  }

  @Test func anotherKeysSignatureIsRefused() throws {
    let pair = try Self.pair()
    pair.outside.key = try PrivateKey(.ed25519)
    pair.outside.credentials = [.publicKey(try PrivateKey(.ed25519))]
    pair.open()
    pair.talk()
    #expect(!pair.isLoggedIn)
  }

  @Test func bannerIsShown() throws {
    let pair = try Self.pair(AuthenticationPolicy(banner: "Authorised use only\r\n"))
    pair.outside.credentials = [Pair.password("secret")]
    pair.open()
    pair.talk()
    #expect(pair.client.events.contains { if case .banner("Authorised use only\r\n") = $0 { true } else { false } })
  }

  @Test func aHostKeyThatIsNotAcceptedEndsTheClient() throws {
    let pair = try Self.pair()
    pair.outside.acceptsHostKey = false
    pair.open()
    pair.talk()
    #expect(pair.client.close != nil)
    #expect(pair.outside.proofs.isEmpty)
  }
}
