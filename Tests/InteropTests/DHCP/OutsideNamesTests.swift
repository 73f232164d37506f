import Foundation
import NamesKit
import Testing

/// Names of leases at BIND and Knot, by signed updates.
@Suite(.serialized, .timeLimit(.minutes(4))) struct OutsideNamesTests {
  private static let secret = Data((0..<32).map { UInt8($0 &* 7 &+ 1) }).base64EncodedString()
  private static let port = "5354"

  /// A DNS server of somebody else in the server's namespace, with the zones `office.test` and 10.in-addr.arpa.
  private final class Primary {
    private let words: [String]
    private let namespace: String
    private let log: String
    private var child: Child?

    init(_ program: String, _ scratch: Scratch, _ namespace: String) throws {
      self.namespace = namespace
      log = "\(scratch.path)/\(program).log"
      let folder = "\(scratch.path)/\(program)"
      let soa = "@ IN SOA ns.office.test. hostmaster.office.test. ( 5 3600 600 604800 60 )\n@ IN NS ns.office.test.\n"
      _ = try scratch.put(
        Data("$TTL 300\n\(soa)ns IN A 10.9.0.1\nboss IN A 10.9.0.7\n".utf8), "\(program)/office.test.zone")
      _ = try scratch.put(
        Data("$TTL 300\n\(soa)101.0.9 IN PTR written.by.hand.\n".utf8), "\(program)/10.in-addr.arpa.zone")
      if program == "named" {
        let zones = ["office.test", "10.in-addr.arpa"].map {
          "zone \"\($0)\" { type primary; file \"\(folder)/\($0).zone\"; update-policy { grant dhcp zonesub ANY; }; };\n"
        }
        let file = try scratch.put(
          Data(
            """
            key "dhcp" { algorithm hmac-sha256; secret "\(secret)"; };
            options { directory "\(folder)"; pid-file none; listen-on port \(port) { 10.9.0.1; }; listen-on-v6 { none; };
              recursion no; dnssec-validation no; session-keyfile "\(folder)/session"; };
            controls { };
            \(zones.joined())
            """.utf8), "named/named.conf")
        words = ["named", "-g", "-c", file]
      } else {
        let zones = ["office.test", "10.in-addr.arpa"].map {
          "  - domain: \($0)\n    file: \($0).zone\n    acl: dhcp\n"
        }
        let file = try scratch.put(
          Data(
            """
            server:
              listen: 10.9.0.1@\(port)
              rundir: \(folder)
            key:
              - id: dhcp
                algorithm: hmac-sha256
                secret: \(secret)
            acl:
              - id: dhcp
                key: dhcp
                action: update
            database:
              storage: \(folder)
            template:
              - id: default
                storage: \(folder)
            zone:
            \(zones.joined())
            """.utf8), "knotd/knot.conf")
        words = ["knotd", "-c", file]
      }
      try start()
    }

    func start() throws {
      child = try Child(["ip", "netns", "exec", namespace] + words, output: log)
    }

    func stop() {
      child?.end(SIGTERM)
      child = nil
    }

    var text: String { String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self) }

    deinit { stop() }
  }

  private static func sections(_ scratch: Scratch) throws -> String {
    let key = try scratch.put(Data(secret.utf8), "secrets/dhcp")
    chmod(key, 0o600)
    return """
      [dhcp]
      on       = ["lan"]
      register = "office.test"
      probe    = false
      update   = [
        { zone = "office.test", to = "10.9.0.1:\(port)", key = "tsig:dhcp" },
        { zone = "10.in-addr.arpa", to = "10.9.0.1:\(port)", key = "tsig:dhcp" },
      ]

      [[dns.tsig]]
      name   = "dhcp"
      secret = "file:\(key)"

      [dhcp.subnet."10.9.0.0/24"]
      pool   = "10.9.0.100-10.9.0.109"
      router = "10.9.0.1"
      """
  }

  private static func dig(_ pair: NamespacePair, _ words: String...) throws -> String {
    try Command.run(
      ["ip", "netns", "exec", pair.server, "dig", "+short", "+tries=1", "+time=3", "@10.9.0.1", "-p", port] + words,
      seconds: 15
    ).output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private static func lease(_ pair: NamespacePair, _ scratch: Scratch, _ host: Int, _ name: String) throws -> String {
    try pair.onClient(["ip", "link", "set", "lan0", "address", "02:00:00:00:0a:0\(host)"])
    return try pair.onClient(
      [
        "busybox", "udhcpc", "-i", "lan0", "-f", "-q", "-n", "-s", try DHCPClientsTests.script(scratch), "-x",
        "hostname:\(name)",
      ], seconds: 30
    ).output
  }

  @Test(arguments: ["named", "knotd"]) func namesStandAtAnotherServer(program: String) throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    let primary = try Primary(program, scratch, pair.server)
    let server = try PortsideServer(try Self.sections(scratch), in: scratch, namespace: pair.server)
    let first = try Self.lease(pair, scratch, 0, "ann-pc")
    #expect(first.contains("lease of 10.9.0.100 obtained"), "\(first)")
    #expect(
      try within(30) { try Self.dig(pair, "ann-pc.office.test", "A") == "10.9.0.100" },
      "\(server.logText)\n\(primary.text)")
    #expect(try within(30) { try Self.dig(pair, "-x", "10.9.0.100") == "ann-pc.office.test." })
    #expect(try Self.dig(pair, "ann-pc.office.test", "DHCID").hasPrefix("AA"))

    // A person's record is never touched, neither the name's nor the address's.
    _ = try Self.lease(pair, scratch, 1, "boss")
    #expect(try within(30) { server.logText.contains("the name is another's at the DNS server") }, "\(server.logText)")
    #expect(try Self.dig(pair, "boss.office.test", "A") == "10.9.0.7")
    #expect(try Self.dig(pair, "boss.office.test", "DHCID").isEmpty)
    #expect(try Self.dig(pair, "-x", "10.9.0.101") == "written.by.hand.")

    // While the other server is away, and we are killed meanwhile, nothing is forgotten: neither a new name nor an ended one.
    primary.stop()
    let third = try Self.lease(pair, scratch, 2, "late")
    #expect(third.contains("lease of 10.9.0.102 obtained"), "\(third)")
    #expect(try server.portside("lease", "release", "10.9.0.100").status == 0)
    #expect(try within(30) { server.logText.contains("the DNS server cannot be told of names") }, "\(server.logText)")
    kill(try #require(try server.worker("names")), SIGKILL)
    try primary.start()
    #expect(
      try within(90) { try Self.dig(pair, "late.office.test", "A") == "10.9.0.102" }, "\(server.logText)")
    #expect(try within(60) { try Self.dig(pair, "ann-pc.office.test", "A").isEmpty }, "\(server.logText)")
    #expect(try within(30) { try Self.dig(pair, "ann-pc.office.test", "DHCID").isEmpty }, "\(server.logText)")
    #expect(try within(30) { try Self.dig(pair, "-x", "10.9.0.100").isEmpty })
    server.stop()
    primary.stop()
  }
}
