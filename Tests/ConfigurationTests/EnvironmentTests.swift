import Configuration
import Testing

@Suite struct EnvironmentTests {
  @Test func scalarKeysAreOverridden() throws {
    let loaded = load(
      "[smtp]\nmax_size = \"35MB\"\n[telnet]\n[imap]\nport = 143\n",
      [
        "PORTSIDE_SMTP_MAX_SIZE": "10MB", "PORTSIDE_TELNET_ENABLED": "true", "PORTSIDE_IMAP_PORT": "10143",
        "PORTSIDE_POP3_PORT": "off", "PORTSIDE_AUTH_PENALTY_MAX": "20m", "PORTSIDE_FTP_PASSIVE_PORTS": "40000-40009",
        "PORTSIDE_DNS_UDP_SIZE": "1400", "PATH": "/bin",
      ])
    #expect(loaded.findings.map(loaded.describe) == [])
    let configuration = try #require(loaded.configuration)
    #expect(configuration.smtp.maxSize.bytes == 10_000_000)
    #expect(configuration.telnet.enabled)
    #expect(configuration.imap.port == .number(10143))
    #expect(configuration.pop3.port == .off)
    #expect(configuration.auth.penalty.max == .seconds(1200))
    #expect(configuration.ftp.passive.ports.lowest == 40000)
    #expect(configuration.dns.udpSize == 1400)
  }

  @Test(arguments: [
    (
      "PORTSIDE_SMTP_MAX_SIZE", "10",
      "PORTSIDE_SMTP_MAX_SIZE: error: smtp.max_size: expected a size such as \"35MB\" or \"1GiB\", found \"10\"; add a unit: \"10MB\", \"10kB\" or \"10B\""
    ),
    ("PORTSIDE_SMTP_MAX_SIZE", "1kB", "PORTSIDE_SMTP_MAX_SIZE: error: smtp.max_size: 1kB is out of range: 64kB to 1GB"),
    (
      "PORTSIDE_SMTP_MAX_SISE", "10MB",
      "PORTSIDE_SMTP_MAX_SISE: error: unknown variable; did you mean PORTSIDE_SMTP_MAX_SIZE?"
    ),
    ("PORTSIDE_X", "secret", "PORTSIDE_X: error: unknown variable"),
    (
      "PORTSIDE_DNS_ZONES", "a",
      "PORTSIDE_DNS_ZONES: error: dns.zones is a list of zones or tables: only single values can be set by the environment"
    ),
    (
      "PORTSIDE_LISTEN", "a",
      "PORTSIDE_LISTEN: error: listen is a table from name to list of addresses: only single values can be set by the environment"
    ),
    (
      "PORTSIDE_TELNET_ENABLED", "yes",
      "PORTSIDE_TELNET_ENABLED: error: telnet.enabled: expected true or false, found a string; without quotes"
    ),
    (
      "PORTSIDE_DNS_UDP_SIZE", "x",
      "PORTSIDE_DNS_UDP_SIZE: error: dns.udp_size: expected an integer from 512 to 4096, found a string; without quotes"
    ),
    (
      "PORTSIDE_TLS_ISSUER", "files",
      "PORTSIDE_TLS_ISSUER: error: tls.issuer: \"files\" needs tls.certificates; such as certificates = [{ chain = \"/etc/portside/srv.pem\", key = \"file:/etc/portside/srv.key\" }]"
    ),
  ]) func theVariableIsNamed(_ name: String, _ text: String, _ expected: String) {
    #expect(findings("", [name: text]) == [expected])
  }

  @Test func anIgnoredVariableIsNone() {
    let loader = ConfigurationLoader(ignoredVariables: ["PORTSIDE_CONFIG"])
    #expect(loader.load("", name: "x", environment: ["PORTSIDE_CONFIG": "/etc/p.toml"]).findings.isEmpty)
  }

  @Test func theFilesFindingsComeFirst() {
    #expect(
      findings("[smtp]\nmax_size = 1\n", ["PORTSIDE_A": "", "PORTSIDE_IMAP_PORT": "x"]).map { $0.prefix(12) }
        == ["2:12: error:", "PORTSIDE_A: ", "PORTSIDE_IMA"])
  }

  /// The variable of every key is its own: `a_b.c` and `a.b_c` would share one.
  @Test func noTwoKeysShareAVariable() throws {
    let variables = try allScalarKeys().map { key -> String in
      guard case .success(let explanation) = load("").explain(key) else { throw TextError(key) }
      return try #require(explanation.variable)
    }
    #expect(variables.count > 80)
    #expect(Set(variables).count == variables.count)
  }

  /// `section.key` and `section.table.key` of everything that is one value and has a default.
  private func allScalarKeys() throws -> [String] {
    func keys(_ value: PlainValue, _ path: String) -> [String] {
      guard case .table(let entries) = value else {
        if case .list = value { return [] }
        return [path]
      }
      return entries.flatMap { keys($0.value, path.isEmpty ? $0.key : "\(path).\($0.key)") }
    }
    return keys(PortsideConfiguration().plain, "")
  }
}
