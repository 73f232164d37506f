import Foundation
import Services
import Testing
import X509

@testable import Certificates

/// What the internal authority issues, judged by openssl(1), Python's ssl and curl.
@Suite struct PrivateAuthorityTests {
  let directory: TemporaryDirectory
  let now = WallTime.now
  init() throws { directory = try TemporaryDirectory() }

  func names(_ texts: String...) throws -> [CertificateName] { try texts.map { try #require(CertificateName($0)) } }

  /// Issues, and writes `ca.pem`, `leaf.pem`, `chain.pem` (leaf and intermediate) and `key.pem`.
  @discardableResult
  func issue(_ authority: PrivateAuthority, _ names: [CertificateName], now: WallTime? = nil) throws -> [Certificate] {
    let key = ServerKey.generate()
    let chain = try authority.issue(names: names, key: key, now: now ?? self.now)
    try directory.write("ca.pem", authority.rootPEM)
    try directory.write("leaf.pem", RecordCodec.pem([chain[0]]))
    try directory.write("inter.pem", RecordCodec.pem([chain[1]]))
    try directory.write("chain.pem", RecordCodec.pem(chain))
    try directory.write("key.pem", PEMBlock(label: "PRIVATE KEY", bytes: key.pkcs8.withBytes { $0 }).text)
    return try chain.map { try Certificate(derEncoded: $0) }
  }

  static let strict = "verify -x509_strict -purpose sslserver -CAfile ca.pem -untrusted inter.pem"

  @Test func satisfiesOpenSSLsStrictRules() throws {
    let authority = try PrivateAuthority.make(name: "lab.test", now: now)
    try issue(authority, names("imap.lab.test", "*.web.lab.test", "192.0.2.1", "2001:db8::1"))
    try openssl(directory, "verify -x509_strict -CAfile ca.pem ca.pem")
    try openssl(directory, "verify -x509_strict -CAfile ca.pem inter.pem")
    for name in ["imap.lab.test", "a.web.lab.test"] {
      try openssl(directory, "\(Self.strict) -verify_hostname \(name) leaf.pem")
    }
    for address in ["192.0.2.1", "2001:db8::1"] {
      try openssl(directory, "\(Self.strict) -verify_ip \(address) leaf.pem")
    }
    let other = try run(
      directory,
      ["openssl"] + "\(Self.strict) -verify_hostname pop3.lab.test leaf.pem".split(separator: " ").map(String.init))
    #expect(other.status != 0)
  }

  @Test func hasTheFieldsThatClientsLookAt() throws {
    let authority = try PrivateAuthority.make(name: "lab.test", now: now)
    let chain = try issue(authority, names("imap.lab.test"))
    let leaf = try openssl(directory, "x509 -in leaf.pem -noout -text").text
    for expected in [
      "CA:FALSE", "X509v3 Key Usage: critical\n                Digital Signature\n", "TLS Web Server Authentication",
      "DNS:imap.lab.test", "X509v3 Authority Key Identifier", "X509v3 Subject Key Identifier", "ecdsa-with-SHA256",
      "NIST CURVE: P-256",
    ] { #expect(leaf.contains(expected), "\(expected)") }
    #expect(try openssl(directory, "x509 -in ca.pem -noout -text").text.contains("CA:TRUE, pathlen:1"))
    #expect(try openssl(directory, "x509 -in inter.pem -noout -text").text.contains("CA:TRUE, pathlen:0"))
    #expect(chain[0].serialNumber.bytes.count == 20)
    #expect(chain[0].serialNumber != (try issue(authority, names("imap.lab.test")))[0].serialNumber)
    #expect(chain[0].notBefore < now)
    #expect(chain[0].notAfter == WallTime(seconds: (now + .days(90)).seconds))
    #expect(authority.rootEnd == WallTime(seconds: (now + .days(3650)).seconds))
  }

  @Test func putsALongNameIntoTheAlternativesOnly() throws {
    let authority = try PrivateAuthority.make(name: "lab.test", now: now)
    let long = String(repeating: "a", count: 60) + ".lab.test"
    let chain = try issue(authority, names(long))
    #expect(chain[0].subject.isEmpty)
    #expect(
      try openssl(directory, "x509 -in leaf.pem -noout -text").text.contains("Subject Alternative Name: critical"))
    try openssl(directory, "\(Self.strict) -verify_hostname \(long) leaf.pem")
  }

  @Test func takesNamesOfAnyLengthAndScript() throws {
    for name in [String(repeating: "Ö", count: 300), "", "a,b+c=\"d\""] {
      let authority = try PrivateAuthority.make(name: name, now: now)
      try issue(authority, names("imap.lab.test"))
      try openssl(directory, "\(Self.strict) leaf.pem")
    }
  }

  @Test func neverOutlivesItsIssuers() throws {
    var authority = try PrivateAuthority.make(name: "lab.test", now: now)
    let late = now + .days(PrivateAuthority.rootDays - 10)
    #expect(throws: AuthorityError.self) {
      try authority.issue(names: names("a.lab.test"), key: .generate(), now: late)
    }
    try authority.renewIntermediate(now: late)
    let chain = try authority.issue(names: names("a.lab.test"), key: .generate(), now: late)
    for der in chain { #expect(try Certificate(derEncoded: der).notAfter == authority.rootEnd) }
    let after = authority.rootEnd + .days(1)
    #expect(throws: AuthorityError.ended(authority.rootEnd)) { try authority.renewIntermediate(now: after) }
    #expect(throws: AuthorityError.ended(authority.rootEnd)) {
      try authority.issue(names: names("a.lab.test"), key: .generate(), now: after)
    }
  }

  @Test func renewsTheIntermediateWithAThirdOfItsLifeLeft() throws {
    var authority = try PrivateAuthority.make(name: "lab.test", now: now)
    #expect(!authority.needsIntermediate(now: now + .days(700)))
    let due = now + .days(PrivateAuthority.intermediateDays * 2 / 3 + 1)
    #expect(authority.needsIntermediate(now: due))
    let former = authority.intermediate.certificate
    try authority.renewIntermediate(now: due)
    #expect(authority.intermediate.certificate.subject != former.subject)
    try issue(authority, names("imap.lab.test"), now: due)
    try openssl(directory, "\(Self.strict) -attime \(due.seconds) leaf.pem")
  }

  @Test(arguments: [0, -1, 398, .max]) func boundsTheLifetime(days: Int) throws {
    let authority = try PrivateAuthority.make(name: "lab.test", now: now)
    #expect(throws: AuthorityError.wrongLifetime(days)) {
      try authority.issue(names: names("a.test.lab"), key: .generate(), days: days, now: now)
    }
    #expect(throws: AuthorityError.noNames) { try authority.issue(names: [], key: .generate(), now: now) }
  }

  @Test func isAcceptedByPythonAndCurl() throws {
    try issue(PrivateAuthority.make(name: "lab.test", now: now), names("imap.lab.test", "127.0.0.1"))
    try directory.write("client.py", Self.clientScript)
    let result = try run(directory, ["python3", "client.py"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.text == "python imap.lab.test: TLSv1.3\npython 127.0.0.1: TLSv1.3\ncurl: hello\ncurl, no CA: 60\n")
  }

  /// A TLS server on an ephemeral port of loopback; Python's own client with all checks, then curl.
  static let clientScript = """
    import socket, ssl, subprocess, threading
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("chain.pem", "key.pem")
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    def serve():
      while True:
        plain, _ = listener.accept()
        try:
          with context.wrap_socket(plain, server_side=True) as tls:
            tls.recv(4096)
            tls.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nhello")
        except (ssl.SSLError, OSError):
          pass
    threading.Thread(target=serve, daemon=True).start()
    client = ssl.create_default_context(cafile="ca.pem")
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    for name in ["imap.lab.test", "127.0.0.1"]:
      with socket.create_connection(("127.0.0.1", port)) as plain:
        with client.wrap_socket(plain, server_hostname=name) as tls:
          print(f"python {name}: {tls.version()}")
          tls.sendall(b"x")
    url = f"https://imap.lab.test:{port}/"
    curl = ["curl", "-sS", "--max-time", "20", "--noproxy", "*", "--resolve", f"imap.lab.test:{port}:127.0.0.1", url]
    print("curl:", subprocess.run(curl + ["--cacert", "ca.pem"], capture_output=True, text=True, check=True).stdout)
    print("curl, no CA:", subprocess.run(curl, capture_output=True).returncode)
    """
}
