import Testing

@testable import SSHCore

@Suite struct KnownHostsTests {
  private static func key() throws -> PublicKey { try PrivateKey(.ed25519).publicKey }

  @Test func namesPatternsAndPorts() throws {
    let (one, two) = (try Self.key(), try Self.key())
    let known = KnownHosts(
      """
      # a remark
      Srv.lab.test,192.0.2.7 \(one.line) with words
      *.acme.example,!bad.acme.example,s?.x \(two.line)
      [srv.lab.test]:2222\t\(two.line)
      @unknown-marker * \(one.line)
      broken
      """)
    #expect(known.judge(one, host: "srv.LAB.test", port: 22) == .known)
    #expect(known.judge(one, host: "192.0.2.7", port: 22) == .known)
    #expect(known.judge(two, host: "srv.lab.test", port: 22) == .changed)
    #expect(known.judge(two, host: "srv.lab.test", port: 2222) == .known)
    #expect(known.judge(one, host: "srv.lab.test", port: 2222) == .changed)
    #expect(known.judge(two, host: "a.b.acme.example", port: 22) == .known)
    #expect(known.judge(two, host: "bad.acme.example", port: 22) == .unknown)
    #expect(known.judge(two, host: "s1.x", port: 22) == .known)
    #expect(known.judge(two, host: "s12.x", port: 22) == .unknown)
    #expect(known.judge(try PrivateKey(.p256).publicKey, host: "srv.lab.test", port: 22) == .unknown)
    #expect(KnownHosts().judge(one, host: "srv.lab.test", port: 22) == .unknown)
  }

  /// Names as ssh-keygen -H has hashed them.
  @Test func hashedNames() throws {
    let key = try Self.key()
    let known = KnownHosts(
      """
      |1|zkfVDcL+yNxMBzMV+wA+SOW6P60=|yXVGLvkaY3+FNtcQ3EgizWYJZFU= \(key.line)
      |1|63bDOGSE8cnf6RUQN8pQxBM4NMI=|fGpHv8pQucOD/lrggumjiywLE94= \(key.line)
      |1|x|y \(key.line)
      |2|x \(key.line)
      """)
    #expect(known.judge(key, host: "srv.lab.test", port: 22) == .known)
    #expect(known.judge(key, host: "srv.lab.test", port: 2222) == .known)
    #expect(known.judge(key, host: "srv.lab.test", port: 2223) == .unknown)
  }

  @Test func aRevokedKeyIsRefusedHoweverWellItIsKnown() throws {
    let key = try Self.key()
    let known = KnownHosts("srv \(key.line)\n@revoked * \(key.line)\n")
    #expect(known.judge(key, host: "srv", port: 22) == .revoked)
  }

  @Test func certificatesByTheirAuthority() throws {
    let (authority, key) = (try PrivateKey(.p256), try PrivateKey(.ed25519))
    func judge(_ certificate: KeyCertificate, _ text: String, host: String = "srv", now: UInt64 = 50)
      -> KnownHosts.Judgement
    { KnownHosts(text).judge(certificate, host: host, port: 22, now: now) }
    let line = "@cert-authority srv,other \(authority.publicKey.line)\n"
    let good = try CertificateTests.hostCertificate(authority, key, principals: ["Srv"], after: 10, before: 100)
    #expect(judge(good, line) == .known)
    #expect(judge(good, line, now: 9) == .certificateIsNotFor)
    #expect(judge(good, line, now: 100) == .certificateIsNotFor)
    #expect(judge(good, line, host: "other") == .certificateIsNotFor)
    #expect(judge(good, line, host: "third") == .unknown)
    #expect(judge(good, "srv \(authority.publicKey.line)\n") == .unknown)
    #expect(judge(good, line + "@revoked * \(authority.publicKey.line)\n") == .revoked)
    #expect(judge(good, line + "@revoked srv \(key.publicKey.line)\n") == .revoked)
    // For every name there is, with a condition that nobody knows, or a user's.
    for wrong in [
      try CertificateTests.hostCertificate(authority, key, principals: []),
      try CertificateTests.hostCertificate(authority, key, principals: ["srv"], critical: [("new", "x")]),
      try CertificateTests.hostCertificate(authority, key, principals: ["srv"], kind: .user),
    ] { #expect(judge(wrong, line) == .certificateIsNotFor) }
  }

  @Test func whatIsKnownIsAskedForFirst() throws {
    let known = KnownHosts("srv \(try PrivateKey(.p256).publicKey.line)\n@cert-authority ca.x \(try Self.key().line)\n")
    let all = AlgorithmPreferences().hostKeys
    #expect(known.order(all, host: "srv", port: 22).first == "ecdsa-sha2-nistp256")
    #expect(Set(known.order(all, host: "srv", port: 22)) == Set(all))
    #expect(known.order(all, host: "ca.x", port: 22).first == "ssh-ed25519-cert-v01@openssh.com")
  }

  /// The server shows its certificate to a client that asks for one, also when keys change later.
  @Test(arguments: [true, false]) func aSessionByACertificate(_ isAccepted: Bool) throws {
    let (authority, key) = (try PrivateKey(.ed25519), try PrivateKey(.ed25519))
    let certificate = try CertificateTests.hostCertificate(authority, key, principals: ["srv"])
    var configuration = ServerSessionConfiguration(hostKeys: [key])
    configuration.hostCertificates = [certificate]
    var algorithms = AlgorithmPreferences()
    algorithms.hostKeys = KnownHosts("@cert-authority srv \(authority.publicKey.line)").order(
      algorithms.hostKeys, host: "srv", port: 22)
    let pair = try Pair(configuration: configuration, algorithms: algorithms)
    pair.outside.acceptsHostKey = isAccepted
    pair.outside.credentials = [Pair.password("secret")]
    pair.open()
    pair.talk()
    #expect(pair.outside.certificate == certificate)
    let isLoggedIn = pair.client.events.contains { if case .loggedIn = $0 { true } else { false } }
    #expect(isLoggedIn == isAccepted)
    guard isAccepted else { return }
    pair.tell(.rekey)
    pair.talk()
    #expect(pair.client.events.count { if case .keysExchanged = $0 { true } else { false } } == 2)
  }
}
