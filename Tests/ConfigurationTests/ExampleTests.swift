import Configuration
import Foundation
import Testing
import WireKit

/// The files that must load as they are.
@Suite struct ExampleTests {
  @Test func theExampleForASmallOfficeHasNoFinding() throws {
    let loaded = load(try fixture("example.toml"))
    #expect(loaded.findings.map(loaded.describe) == [])
    let configuration = try #require(loaded.configuration)
    #expect(configuration.server.hostname.description == "srv.acme.example")
    #expect(configuration.server.key == .credential("portside.kek"))
    #expect(configuration.smtp.maxSize.bytes == 35_000_000)
    #expect(configuration.auth.penalty.max == .seconds(600))
    #expect(configuration.dns.transfer.first?.to?.address == IPAddress(198, 51, 100, 9))
    #expect(configuration.dhcp.subnet.count == 1)
    #expect(configuration.dhcp.subnet.values.first?.lease == .seconds(8 * 3600))
    #expect(configuration.http.sites.count == 3)
    #expect(configuration.ftp.passive.ports.count == 20)
    #expect(!configuration.telnet.isActive)
    #expect(configuration.rdp.session == .console)
  }

  @Test func theAnnotatedExampleHasNoFinding() throws {
    let loaded = load(ConfigurationDocumentation.annotatedExample())
    #expect(loaded.findings.map(loaded.describe) == [])
  }

  @Test func emptyIsAConfigurationThatListensNowhere() throws {
    let loaded = load("")
    #expect(loaded.findings.isEmpty)
    #expect(try #require(loaded.configuration).listeners().isEmpty)
    #expect(loaded.configuration == PortsideConfiguration())
  }
}
