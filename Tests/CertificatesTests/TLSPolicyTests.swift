import Foundation
import Services
import Testing

@Suite struct TLSPolicyTests {
  @Test func isWhatTheDocumentationSays() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appendingPathComponent("docs/certificates.md"), encoding: .utf8)
    #expect(page.contains(TLSPolicy.standard.markdown))
  }

  @Test func openSSLKnowsEverySuite() throws {
    let directory = try TemporaryDirectory()
    let policy = TLSPolicy.standard
    let listed = try openssl(
      directory, "ciphers -tls1_2 -s -ciphersuites TLS_AES_128_GCM_SHA256 -V \(policy.openSSLCipherString)"
    ).text
    for suite in policy.cipherSuites where suite.version == .tls12 {
      let number = String(suite.number, radix: 16, uppercase: true)
      let code = "0x\(number.prefix(2)),0x\(number.suffix(2))"
      #expect(listed.split(separator: "\n").contains { $0.contains(code) && $0.contains(" \(suite.openSSLName) ") })
    }
  }

  @Test func hasForwardSecrecyAndAuthenticatedEncryptionOnly() {
    for suite in TLSPolicy.standard.cipherSuites {
      #expect(suite.version == .tls13 || suite.name.hasPrefix("ECDHE_"))
      #expect(suite.name.contains("_GCM_") || suite.name.contains("POLY1305"))
    }
  }
}
