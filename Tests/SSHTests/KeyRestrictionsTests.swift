import Testing

@testable import SSHCore

@Suite struct KeyRestrictionsTests {
  private static func grant(_ options: String) throws -> Grant {
    var grant = Grant(account: "ann", allowsConnecting: true, allowsListening: true)
    grant.restrict(by: try #require(KeyRestrictions(options)))
    return grant
  }

  @Test(arguments: [
    ("", true, true), ("restrict", false, false), ("restrict,pty", true, false), ("no-pty", false, true),
    ("restrict,port-forwarding", false, true), ("no-port-forwarding", true, false),
    ("from=\"10.0.0.0/8\",expiry-time=\"20300101\",no-X11-forwarding,no-agent-forwarding", true, true),
  ])
  func whatIsLeft(_ options: String, _ terminals: Bool, _ forwarding: Bool) throws {
    let grant = try Self.grant(options)
    #expect(grant.allowsTerminals == terminals)
    #expect(grant.allowsConnecting == forwarding && grant.allowsListening == forwarding)
  }

  /// An option that nobody knows may be a restriction.
  @Test(arguments: [
    "unknown", "verify-required", "cert-authority", "command", "command=x", "pty,", ",pty", "permitopen=\"22\"",
    "permitopen=\"a:x\"", "permitopen=\"a:70000\"", "command=\"open", "pty=\"yes\"", "permitlisten=\"x\"",
  ])
  func whatIsNoOption(_ options: String) { #expect(KeyRestrictions(options) == nil) }

  @Test func commandsKeepTheirMarks() throws {
    #expect(try Self.grant("command=\"echo \\\"a,b\\\" \\\\ ü\",restrict").forcedCommand == "echo \"a,b\" \\\\ ü")
  }

  @Test func placesOfForwarding() throws {
    let grant = try Self.grant("permitopen=\"db.lab.test:5432\",permitopen=\"[::1]:*\",permitlisten=\"8080\"")
    #expect(grant.allowsConnecting(to: "DB.lab.test", 5432) && !grant.allowsConnecting(to: "db.lab.test", 22))
    #expect(grant.allowsConnecting(to: "::1", 9) && !grant.allowsConnecting(to: "127.0.0.1", 9))
    #expect(grant.allowsListening(on: "localhost", 8080) && !grant.allowsListening(on: "localhost", 8081))
    #expect(try !Self.grant("restrict,permitopen=\"a:1\"").allowsConnecting(to: "a", 1))
  }
}
