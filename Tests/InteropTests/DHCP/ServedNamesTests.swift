import Foundation
import NamesKit
import Testing

/// Real clients and the running program: leases, their names in DNS, and the commands beside them.
@Suite(.serialized, .timeLimit(.minutes(4))) struct ServedNamesTests {
  static let sections = """
    [dhcp]
    on       = ["lan"]
    register = "lab.test"
    probe    = false

    [dhcp.subnet."10.9.0.0/24"]
    pool    = "10.9.0.100-10.9.0.103"
    router  = "10.9.0.1"
    dns     = ["10.9.0.1"]
    lease   = "1m"
    options = { domain-search = ["lab.test"], tftp-server-address = ["10.9.0.1"] }

    [dhcp.reserve]
    printer = { mac = "02:00:00:00:00:20", ip = "10.9.0.20" }
    """

  private static func udhcpc(_ pair: NamespacePair, _ scratch: Scratch, _ more: [String]) throws -> String {
    try pair.onClient(
      ["busybox", "udhcpc", "-i", "lan0", "-f", "-q", "-n", "-s", try DHCPClientsTests.script(scratch)] + more,
      seconds: 30
    ).output
  }

  @Test func aLeaseIsANameUntilItIsGivenBack() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    let server = try PortsideServer(Self.sections, in: scratch, namespace: pair.server)
    let serial = { try Int(pair.dig("lab.test", "SOA").split(separator: " ")[2]) ?? 0 }
    let before = try serial()
    let files = [
      "-v", "-sf", try DHCPClientsTests.script(scratch), "-lf", "\(scratch.path)/leases", "-pf",
      "\(scratch.path)/pid", "-cf", try scratch.put(Data("send host-name \"Ann-PC\";\n".utf8), "dhclient.conf"),
    ]
    let taken = try pair.onClient(["dhclient", "-1"] + files + ["lan0"], seconds: 30)
    #expect(taken.output.contains("DHCPACK of 10.9.0.100"), "\(taken.output)\n\(server.logText)")
    #expect(try pair.dig("ann-pc.lab.test", "A") == "10.9.0.100")
    #expect(try pair.dig("-x", "10.9.0.100") == "ann-pc.lab.test.")
    #expect(try pair.dig("ann-pc.lab.test", "DHCID").hasPrefix("AA"))
    #expect(try serial() > before)
    let list = try server.portside("lease", "list")
    #expect(list.output.contains("10.9.0.100") && list.output.contains("Ann-PC"), "\(list.output)")
    let released = try pair.onClient(["dhclient", "-r"] + files + ["lan0"], seconds: 30)
    #expect(released.output.contains("DHCPRELEASE of 10.9.0.100"), "\(released.output)")
    #expect(try within(5) { try pair.dig("ann-pc.lab.test", "A").isEmpty })
    #expect(try pair.dig("-x", "10.9.0.100").isEmpty)
    #expect(try pair.dig("ann-pc.lab.test", "DHCID").isEmpty)
    // dhcpcd, by its full name (option 81), and a renewal.
    let other = try pair.onClient(
      ["dhcpcd", "-4", "-1", "-B", "--noarp", "-c", "/bin/true", "-h", "bob", "-F", "both", "lan0"], seconds: 30)
    #expect(other.output.contains("leased 10.9.0.101"), "\(other.output)")
    #expect(try pair.dig("bob.lab.test", "A") == "10.9.0.101")
    server.stop()
  }

  @Test func whatAPersonWroteIsNeverTouched() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    let server = try PortsideServer(Self.sections, in: scratch, namespace: pair.server)
    // The zone file has `boss`: whoever calls itself so gets an address and no name.
    let boss = try Self.udhcpc(pair, scratch, ["-x", "hostname:boss"])
    #expect(boss.contains("lease of 10.9.0.100 obtained"), "\(boss)")
    #expect(try pair.dig("boss.lab.test", "A") == "10.9.0.7")
    #expect(try pair.dig("boss.lab.test", "DHCID").isEmpty)
    // Two clients with one name: the first one keeps it.
    try pair.onClient(["ip", "link", "set", "lan0", "address", "02:00:00:00:00:31"])
    _ = try Self.udhcpc(pair, scratch, ["-x", "hostname:twin"])
    try pair.onClient(["ip", "link", "set", "lan0", "address", "02:00:00:00:00:32"])
    _ = try Self.udhcpc(pair, scratch, ["-x", "hostname:twin"])
    #expect(try pair.dig("twin.lab.test", "A") == "10.9.0.101")
    #expect(server.logText.contains("the name belongs to another client"))
    // A reserved machine has the reservation's name, whatever it calls itself.
    try pair.onClient(["ip", "link", "set", "lan0", "address", "02:00:00:00:00:20"])
    let printer = try Self.udhcpc(pair, scratch, ["-x", "hostname:boss"])
    #expect(printer.contains("lease of 10.9.0.20 obtained"), "\(printer)")
    #expect(try pair.dig("printer.lab.test", "A") == "10.9.0.20")
    server.stop()
  }

  @Test func theCommandLineReservesReleasesAndImports() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    let server = try PortsideServer(Self.sections, in: scratch, namespace: pair.server)
    #expect(try server.portside("lease", "reserve", "desk", "10.9.0.44", "--mac", "02:00:00:00:00:44").status == 0)
    #expect(try server.portside("lease", "reserve", "far", "10.8.0.4", "--mac", "02:00:00:00:00:45").status == 1)
    sleep(2)
    try pair.onClient(["ip", "link", "set", "lan0", "address", "02:00:00:00:00:44"])
    let desk = try Self.udhcpc(pair, scratch, [])
    #expect(desk.contains("lease of 10.9.0.44 obtained"), "\(desk)\n\(server.logText)")
    #expect(try pair.dig("desk.lab.test", "A") == "10.9.0.44")
    let released = try server.portside("lease", "release", "10.9.0.44")
    #expect(released.status == 0, "\(released.output)")
    #expect(try within(5) { try pair.dig("desk.lab.test", "A").isEmpty })
    // dnsmasq's leases: the client finds its old address, under its old name.
    let end = Int(Date().timeIntervalSince1970) + 3_600
    let file = try scratch.put(
      Data("\(end) 02:00:00:00:00:51 10.9.0.103 old-pc *\n\(end) 02:00:00:00:00:52 10.7.0.9 far *\n".utf8), "dnsmasq")
    let imported = try server.portside("lease", "import", file)
    #expect(imported.output.contains("1 leases and 0 reservations taken over"), "\(imported.output)")
    #expect(imported.output.contains("10.7.0.9: in no subnet"), "\(imported.output)")
    #expect(try within(5) { try pair.dig("old-pc.lab.test", "A") == "10.9.0.103" })
    try pair.onClient(["ip", "link", "set", "lan0", "address", "02:00:00:00:00:51"])
    #expect(try Self.udhcpc(pair, scratch, []).contains("lease of 10.9.0.103 obtained"))
    let exported = try server.portside("lease", "export")
    #expect(exported.output.contains("10.9.0.103,02:00:00:00:00:51"), "\(exported.output)")
    server.stop()
  }

  /// The worker dies, and is back with leases, names and a serial that is no lower.
  @Test func namesAndSerialsSurviveTheWorker() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    let server = try PortsideServer(Self.sections, in: scratch, namespace: pair.server)
    _ = try Self.udhcpc(pair, scratch, ["-x", "hostname:stays"])
    #expect(try pair.dig("stays.lab.test", "A") == "10.9.0.100")
    let serial = { try Int(pair.dig("lab.test", "SOA").split(separator: " ").dropFirst(2).first ?? "0") ?? 0 }
    let before = try serial()
    let pid = try #require(try server.worker("names"))
    kill(pid, SIGKILL)
    #expect(try within(10) { try pair.dig("stays.lab.test", "A") == "10.9.0.100" })
    #expect(try serial() > before)
    // What it had promised stands: another machine gets another address.
    try pair.onClient(["ip", "link", "set", "lan0", "address", "02:00:00:00:00:61"])
    #expect(try Self.udhcpc(pair, scratch, []).contains("lease of 10.9.0.101 obtained"))
    server.stop()
  }

  @Test func checkFindsAnotherServerAndAFullPool() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    let server = try PortsideServer(Self.sections, in: scratch, namespace: pair.server)
    let good = try server.portside("check")
    #expect(good.output.contains("dhcp on lan0: no other DHCP server answers"), "\(good.output)")
    #expect(good.output.contains("PASS  dhcp udp 10.9.0.1:67"), "\(good.output)")
    for host in 0...3 {
      try pair.onClient(["ip", "link", "set", "lan0", "address", "02:00:00:00:00:7\(host)"])
      _ = try Self.udhcpc(pair, scratch, [])
    }
    try pair.onClient(["ip", "address", "flush", "dev", "lan0"])
    try pair.onClient(["ip", "address", "add", "10.9.0.2/24", "dev", "lan0"])
    let stranger = try NamesServer(
      [
        "dhcp", "--listen", "0.0.0.0:67", "--subnet", "10.9.0.0/24", "--pool", "10.9.0.200-10.9.0.203", "--store",
        "\(scratch.path)/stranger",
      ], namespace: pair.client)
    let bad = try server.portside("check")
    #expect(bad.output.contains("another DHCP server answers: 10.9.0.2"), "\(bad.output)")
    #expect(bad.output.contains("nearly full: 4 of 4"), "\(bad.output)")
    // Our own has nothing to give: the stranger's answer is none of ours.
    #expect(bad.output.contains("FAIL  dhcp udp 10.9.0.1:67: no offer"), "\(bad.output)")
    stranger.stop()
    server.stop()
  }
}
