import Testing

@testable import SSHCore

@Suite struct CertificateTests {
  /// A certificate that the authority signs; the change is made before that.
  private static func certificate(
    _ authority: PrivateKey, _ key: PrivateKey, principals: [String] = ["ann"],
    critical: [(String, String)] = [], extensions: [String] = ["permit-pty"], after: UInt64 = 0, before: UInt64 = .max,
    kind: KeyCertificate.Kind = .user
  ) throws -> [UInt8] {
    var blob: [UInt8] = []
    blob.appendString("ssh-ed25519-cert-v01@openssh.com")
    blob.appendString([UInt8](repeating: 7, count: 32))
    blob.appendString(key.publicKey.blob.suffix(32))
    blob.appendInteger(UInt64(42))
    blob.appendInteger(kind.rawValue)
    blob.appendString("ann's")
    var list: [UInt8] = []
    for name in principals { list.appendString(name) }
    blob.appendString(list)
    blob.appendInteger(after)
    blob.appendInteger(before)
    list = []
    for (name, value) in critical {
      var inner: [UInt8] = []
      inner.appendString(value)
      list.appendString(name)
      list.appendString(inner)
    }
    blob.appendString(list)
    list = []
    for name in extensions {
      list.appendString(name)
      list.appendString("")
    }
    blob.appendString(list)
    blob.appendString("")
    blob.appendString(authority.publicKey.blob)
    blob.appendString(try authority.sign(blob, algorithm: authority.algorithms[0]))
    return blob
  }

  static func hostCertificate(
    _ authority: PrivateKey, _ key: PrivateKey, principals: [String], critical: [(String, String)] = [],
    after: UInt64 = 0, before: UInt64 = .max, kind: KeyCertificate.Kind = .host
  ) throws -> KeyCertificate {
    try KeyCertificate(
      blob: certificate(
        authority, key, principals: principals, critical: critical, extensions: [], after: after, before: before,
        kind: kind))
  }

  @Test func whatItSays() throws {
    let (authority, key) = (try PrivateKey(.p256), try PrivateKey(.ed25519))
    let blob = try Self.certificate(
      authority, key, principals: ["ann", "bob"],
      critical: [("force-command", "id -u"), ("source-address", "10.0.0.0/8")])
    let certificate = try KeyCertificate(blob: blob)
    #expect(certificate.key == key.publicKey && certificate.authority == authority.publicKey)
    #expect(certificate.serial == 42 && certificate.identifier == "ann's" && certificate.principals == ["ann", "bob"])
    #expect(certificate.restrictions == "restrict,pty,command=\"id -u\",from=\"10.0.0.0/8\"")
    let restrictions = try #require(KeyRestrictions(certificate.restrictions ?? "x"))
    #expect(restrictions.allowsTerminals && !restrictions.allowsForwarding && restrictions.command == "id -u")
  }

  /// An option that isn't understood, or that would not stay in its marks, makes it useless.
  @Test(arguments: [("verify-required", ""), ("force-command", "echo \"x\""), ("force-command", "a\\"), ("new", "x")])
  func criticalOptions(_ name: String, _ value: String) throws {
    let blob = try Self.certificate(try PrivateKey(.ed25519), try PrivateKey(.ed25519), critical: [(name, value)])
    #expect(try KeyCertificate(blob: blob).restrictions == nil)
  }

  @Test func everyChangedByteBreaksIt() throws {
    let blob = try Self.certificate(try PrivateKey(.ed25519), try PrivateKey(.ed25519))
    for index in blob.indices {
      var changed = blob
      changed[index] ^= 1
      #expect(throws: (any Error).self, "byte \(index)") { try KeyCertificate(blob: changed) }
    }
    for count in 0..<blob.count {
      #expect(throws: (any Error).self) { try KeyCertificate(blob: Array(blob.prefix(count))) }
    }
    #expect(throws: (any Error).self) { try KeyCertificate(blob: blob + [0]) }
  }

  /// The outside is asked about the certificate as a whole; what signs is its key, by the key's own algorithm.
  @Test func logsIn() throws {
    let (authority, key) = (try PrivateKey(.ed25519), try PrivateKey(.ed25519))
    let blob = try Self.certificate(authority, key)
    let other = try PrivateKey(.ed25519)
    for (signer, isRight) in [(key, true), (authority, false), (other, false)] {
      let client = try RawClient()
      client.outside.key = key
      try client.handshake()
      try client.requestService()
      var request = RawClient.request("publickey")
      request.append(1)
      request.appendString("ssh-ed25519-cert-v01@openssh.com")
      request.appendString(blob)
      var signed: [UInt8] = []
      signed.appendString(client.transport.sessionID)
      request.appendString(try signer.sign(signed + request, algorithm: "ssh-ed25519"))
      try client.send(request)
      let blobs = client.outside.proofs.compactMap { proof -> [UInt8]? in
        if case .publicKey(let blob) = proof.kind { return blob }
        return nil
      }
      #expect(blobs == (isRight ? [blob] : []))
    }
  }
}
