import Foundation
import NamesKit
import Testing

/// Real clients of DHCPv6 and a real relay against the running program.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ServedV6Tests {
  static let sections = """
    [dhcp]
    on       = ["lan"]
    register = "lab.test"
    probe    = false
    v6_port  = 547

    [dhcp.subnet."10.9.0.0/24"]
    pool = "10.9.0.100-10.9.0.103"

    [dhcp.subnet."fd00:9::/64"]
    pool     = "fd00:9::1000-fd00:9::1fff"
    dns      = ["fd00:9::1"]
    lease    = "10m"
    delegate = "fd00:20::/48"
    advertise = "managed"

    [dhcp.subnet."fd00:8::/64"]
    pool     = "fd00:8::1000-fd00:8::1fff"

    [dhcp.reserve]
    desk = { mac = "02:00:00:00:00:66", ip = "fd00:9::66" }
    """

  private static func serve(_ pair: NamespacePair, _ scratch: Scratch) throws -> PortsideServer {
    try Command.run(["ip", "-n", pair.server, "address", "add", "fd00:9::1/64", "dev", "lan0", "nodad"])
    // Their link-local addresses are proved unique first, which takes up to two seconds.
    for name in [pair.server, pair.client] {
      #expect(
        try within(5) {
          !(try Command.run(["ip", "-n", name, "-6", "address", "show", "dev", "lan0"])).output.contains("tentative")
        })
    }
    return try PortsideServer(sections, in: scratch, namespace: pair.server, lan: ["10.9.0.1", "fd00:9::1"])
  }

  private static func dhclient(_ scratch: Scratch, _ words: [String]) throws -> [String] {
    let script = try scratch.put(Data("#!/bin/sh\nexit 0\n".utf8), "script6")
    chmod(script, 0o755)
    let file = try scratch.put(
      Data("send fqdn.encoded on;\nsend fqdn.server-update on;\nsend fqdn.fqdn \"six.lab.test.\";\n".utf8), "six.conf")
    return ["dhclient", "-6"] + words + [
      "-v", "-sf", script, "-lf", "\(scratch.path)/leases6", "-pf", "\(scratch.path)/pid6", "-cf", file, "lan0",
    ]
  }

  @Test func anAddressIsANameUntilItIsGivenBack() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    let server = try Self.serve(pair, scratch)
    let taken = try pair.onClient(try Self.dhclient(scratch, ["-1"]), seconds: 30)
    #expect(taken.output.contains("IAADDR fd00:9::1"), "\(taken.output)\n\(server.logText)")
    let address = try pair.dig("six.lab.test", "AAAA")
    #expect(address.hasPrefix("fd00:9::1"), "\(address)")
    #expect(try server.portside("lease", "list").output.contains(address))
    let released = try pair.onClient(try Self.dhclient(scratch, ["-r"]), seconds: 30)
    #expect(released.output.contains("Release"), "\(released.output)")
    #expect(try within(5) { try pair.dig("six.lab.test", "AAAA").isEmpty })
    let prefix = try pair.onClient(try Self.dhclient(scratch, ["-P", "-1"]), seconds: 30)
    #expect(prefix.output.contains("IAPREFIX fd00:20:") && prefix.output.contains("::/56"), "\(prefix.output)")
    server.stop()
  }

  /// dhcpcd waits for the flag M of a router advertisement before it asks by DHCPv6.
  @Test func dhcpcdHasBothFamiliesUnderOneName() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    try pair.onClient(["ip", "link", "set", "lan0", "address", "02:00:00:00:00:77"])
    let server = try Self.serve(pair, scratch)
    // A machine that has never been here: with a lease of an earlier run it would only have its address confirmed.
    for name in ["lan0.lease", "lan0.lease6"] { try? FileManager.default.removeItem(atPath: "/var/lib/dhcpcd/\(name)") }
    let file = try scratch.put(
      Data("duid ll\nhostname both\nfqdn both\noption rapid_commit\nnoarp\n".utf8), "dhcpcd.conf")
    let client = try Child(
      [
        "ip", "netns", "exec", pair.client, "dhcpcd", "-f", file, "-d", "-B", "-c", "/bin/true", "-h", "both", "lan0",
      ], output: "\(scratch.path)/dhcpcd")
    defer { client.end(SIGKILL) }
    let said = { String(decoding: (try? scratch.get("dhcpcd")) ?? Data(), as: UTF8.self) }
    #expect(try within(20) { try pair.dig("both.lab.test", "A") == "10.9.0.100" }, "\(said())\n\(server.logText)")
    #expect(
      try within(20) { try pair.dig("both.lab.test", "AAAA").hasPrefix("fd00:9::1") }, "\(said())\n\(server.logText)")
    server.stop()
  }

  /// The kernel alone makes an address of what is advertised.
  @Test func aHostWithoutAnyClientMakesItsAddress() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    try Command.run(["ip", "-n", pair.server, "address", "add", "fd00:9::1/64", "dev", "lan0", "nodad"])
    let sections = """
      [dhcp]
      on      = ["lan"]
      v6_port = 547

      [dhcp.subnet."fd00:9::/64"]
      router    = "fd00:9::1"
      dns       = ["fd00:9::1"]
      advertise = "stateless"
      """
    let server = try PortsideServer(sections, in: scratch, namespace: pair.server, lan: ["10.9.0.1", "fd00:9::1"])
    let hasAddress = try within(25) {
      try pair.onClient(["ip", "-6", "address", "show", "dev", "lan0"]).output.contains("inet6 fd00:9::")
    }
    let addresses = try pair.onClient(["ip", "-6", "address"]).output
    #expect(hasAddress, "\(addresses)\n\(server.logText)")
    let routes = try pair.onClient(["ip", "-6", "route"]).output
    #expect(routes.contains("default via fe80:"), "\(routes)")
    // The way out that goes away says so.
    server.stop()
    #expect(try within(5) { !(try pair.onClient(["ip", "-6", "route"])).output.contains("default via fe80:") })
  }

  @Test func aReservedMachineAndARelaysSubnet() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    try pair.onClient(["ip", "link", "set", "lan0", "address", "02:00:00:00:00:66"])
    let server = try Self.serve(pair, scratch)
    let taken = try pair.onClient(try Self.dhclient(scratch, ["-1", "-D", "LL"]), seconds: 30)
    #expect(taken.output.contains("IAADDR fd00:9::66"), "\(taken.output)\n\(server.logText)")
    #expect(try pair.dig("desk.lab.test", "AAAA") == "fd00:9::66")
    // A network behind ISC's relay, which the pair's client now is.
    let far = "dhcp-\(String(UUID().uuidString.prefix(4)).lowercased())-f6"
    defer { Namespaces.remove(far) }
    for words in [
      ["netns", "add", far],
      ["link", "add", "far0", "netns", pair.client, "type", "veth", "peer", "name", "lan0", "netns", far],
      ["-n", pair.client, "address", "add", "fd00:8::1/64", "dev", "far0", "nodad"],
      ["-n", pair.client, "address", "add", "fd00:9::2/64", "dev", "lan0", "nodad"],
      ["-n", pair.client, "link", "set", "far0", "up"], ["-n", far, "link", "set", "lan0", "up"],
    ] {
      let result = try Command.run(["ip"] + words, seconds: 10)
      #expect(result.status == 0, "\(words): \(result.output)")
    }
    for name in [pair.client, far] {
      #expect(
        try within(5) {
          !(try Command.run(["ip", "-n", name, "-6", "address"])).output.contains("tentative")
        })
    }
    let relay = try Child(
      ["ip", "netns", "exec", pair.client, "dhcrelay", "-6", "-d", "-l", "far0", "-u", "fd00:9::1%lan0"],
      output: "\(scratch.path)/relay6")
    defer { relay.end(SIGKILL) }
    usleep(700_000)
    let own = try Scratch()
    let result = try Command.run(["ip", "netns", "exec", far] + (try Self.dhclient(own, ["-1"])), seconds: 30)
    let said = String(decoding: (try? scratch.get("relay6")) ?? Data(), as: UTF8.self)
    #expect(result.output.contains("IAADDR fd00:8::1"), "\(result.output)\n\(said)\n\(server.logText)")
    server.stop()
  }
}
