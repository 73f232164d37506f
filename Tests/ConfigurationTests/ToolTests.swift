import Configuration
import Foundation
import Services
import Testing
import WireKit

/// explain, diff, export, and the pages.
@Suite struct ToolTests {
  @Test func aKeyIsExplained() throws {
    let loaded = load("[smtp]\nmax_size = \"10MB\"\n", ["PORTSIDE_IMAP_PORT": "10143"])
    let size = try loaded.explain("smtp.max_size").get()
    #expect(
      size.description == """
        smtp.max_size: The largest message.
          64 kB is the least that RFC 5321 §4.5.3.1.7 allows.
          type:    size
          bounds:  64kB to 1GB
          default: "35MB"
          example: max_size = "35MB"
          variable: PORTSIDE_SMTP_MAX_SIZE
          since:   0.1
          value:   "10MB" (portside.toml:2:12)
        """)
    #expect(try loaded.explain("imap.port").get().source == .environment("PORTSIDE_IMAP_PORT"))
    #expect(try loaded.explain("pop3.port").get().source == .default)
    #expect(try loaded.explain("pop3.port").get().value == .integer(110))
    #expect(try loaded.explain("smtp").get().value != nil)
  }

  @Test func keysBelowFreeNamesAreExplained() throws {
    let loaded = load(try fixture("example.toml"))
    let pool = try loaded.explain("dhcp.subnet.\"192.168.10.0/24\".pool").get()
    #expect(pool.value == .string("192.168.10.100-192.168.10.199"))
    #expect(pool.source == .file(name: "portside.toml", line: 42, column: 10))
    #expect(try loaded.explain("dhcp.subnet.any.lease").get().key.typeName == "duration")
    #expect(try loaded.explain("listen.lan").get().value == .list([.string("192.168.10.2"), .string("fd00:10::2")]))
    #expect(try loaded.explain("http.sites.\"x\".root").get().key.name == "root")
  }

  @Test(arguments: [
    ("smtp.max_sise", "did you mean max_size?"), ("http.max_size", "did you mean tftp.max_size, smtp.max_size?"),
    ("smpt.on", "did you mean smtp?"), ("", "such as smtp.max_size"), ("a..b", "such as smtp.max_size"),
    ("[", "such as smtp.max_size"),
  ]) func aWrongKeyHasAHint(_ key: String, _ hint: String) {
    guard case .failure(let error) = load("").explain(key) else {
      Issue.record("\(key) is explained")
      return
    }
    #expect(error.hint == hint)
  }

  @Test func theEffectiveConfigurationLoadsAgain() throws {
    for text in [try fixture("example.toml"), ConfigurationDocumentation.annotatedExample(), ""] {
      let configuration = try #require(load(text).configuration)
      let exported = configuration.exportTOML()
      let again = load(exported)
      #expect(again.findings.map(again.describe) == [])
      #expect(again.configuration == configuration)
      #expect(again.configuration?.exportTOML() == exported)
      let json = try JSONSerialization.jsonObject(with: Data(configuration.exportJSON().utf8)) as? [String: Any]
      #expect(json?.count == 22)
    }
  }

  @Test func workersGetItAsJSON() throws {
    for text in [try fixture("example.toml"), ConfigurationDocumentation.annotatedExample()] {
      let configuration = try #require(load(text).configuration)
      let data = try JSONEncoder().encode(configuration)
      #expect(try JSONDecoder().decode(PortsideConfiguration.self, from: data) == configuration)
    }
  }

  @Test func differencesNameTheServicesTheyConcern() throws {
    let text = try fixture("example.toml")
    let old = try #require(load(text).configuration)
    func difference(_ edit: (inout PortsideConfiguration) -> Void) -> ConfigurationDifference {
      var new = old
      edit(&new)
      return ConfigurationDifference(from: old, to: new)
    }
    #expect(difference { _ in }.isEmpty)
    let size = difference { $0.smtp.maxSize = ByteSize(bytes: 10_000_000) }
    #expect(size.description == "- smtp.max_size = \"35MB\"\n+ smtp.max_size = \"10MB\"")
    #expect(size.affectedServices == [.smtp, .submission, .submissions, .lmtp])
    #expect(size.needsRestart.isEmpty)
    let site = difference { $0.http.sites.removeAll() }
    #expect(site.affectedServices == [.http, .https])
    #expect(site.changes.count == 3)
    let wan = difference { $0.listen[ConfigurationName("wan")!] = [IPAddress(203, 0, 113, 8)] }
    #expect(
      wan.affectedServices == [.dns, .dot, .smtp, .submission, .submissions, .lmtp, .imap, .imaps, .http, .https])
    let data = difference { $0.server.store = .postgres("postgres://a@/b") }
    #expect(data.needsRestart.map(\.description) == ["server.store"])
    #expect(data.affectedServices.isEmpty)
    #expect(
      difference { $0.telnet.port = .number(2323) }.affectedServices.isEmpty, "Telnet runs neither before nor after")
    #expect(difference { $0.telnet.enabled = true }.affectedServices == [.telnet])
    let subnet = difference { $0.dhcp.subnet.removeAll() }
    #expect(subnet.affectedServices == [.dhcp])
    #expect(subnet.changes.allSatisfy { $0.new == nil })
    #expect(!difference { $0.tls.minimumVersion = .v1_3 }.affectedServices.contains(.ssh))
    #expect(difference { $0.limits.connections = 5 }.affectedServices.contains(.ssh))
  }

  @Test func everySocketIsListed() throws {
    let configuration = try #require(
      load(
        "[listen]\na = [\"127.0.0.1\", \"::1\"]\n[dns]\non = [\"a\"]\nport = 10053\n[http]\non = [\"a\"]\ntls_port = \"off\"\nport = 0\n[ssh]\non = [\"a\"]\nenabled = false\n"
      )
      .configuration)
    let listeners = configuration.listeners().map { "\($0.service) \($0.transport) \($0.endpoint) \($0.tls)" }
    #expect(
      listeners == [
        "dns udp 127.0.0.1:10053 none", "dns tcp 127.0.0.1:10053 none", "dns udp [::1]:10053 none",
        "dns tcp [::1]:10053 none", "dot tcp 127.0.0.1:853 implicit", "dot tcp [::1]:853 implicit",
        "http tcp 127.0.0.1:0 none", "http tcp [::1]:0 none",
      ])
  }

  @Test func plainTextIsForLoopbackAndNamedNetworks() throws {
    var section = IMAPSection()
    #expect(!section.acceptsPlaintext(from: IPAddress(127, 0, 0, 1)))
    section.plaintext = true
    section.plaintextNetworks = [try IPNetwork(configuration: "10.0.0.0/8")]
    #expect(section.acceptsPlaintext(from: IPAddress(127, 0, 0, 1)))
    #expect(section.acceptsPlaintext(from: IPAddress(10, 1, 2, 3)))
    #expect(!section.acceptsPlaintext(from: IPAddress(192, 0, 2, 1)))
  }

  /// A value that was put together in a program is checked like one from a file.
  @Test func programsCanValidateToo() {
    var configuration = PortsideConfiguration()
    configuration.imap.idleTimeout = .seconds(1)
    configuration.dns.on = [ConfigurationName("lan")!]
    #expect(
      configuration.validate().map { "\($0.path): \($0.message)" } == [
        "imap.idle_timeout: 1s is out of range: 30m to 1d", "dns.on[0]: \"lan\" is no group of [listen]",
      ])
  }

  /// With UPDATE_DOCS set, the pages are written instead.
  @Test func thePagesAreUpToDate() throws {
    let project = fixtures.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    for (path, text) in ConfigurationDocumentation.files() {
      let file = project.appending(path: path)
      if ProcessInfo.processInfo.environment["UPDATE_DOCS"] != nil {
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: file, atomically: true, encoding: .utf8)
      }
      #expect(try String(contentsOf: file, encoding: .utf8) == text, "\(path) is not what the schema says")
      #expect(ConfigurationDocumentation.files()[path] == text)
    }
  }
}
