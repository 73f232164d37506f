import Foundation
import NamesKit
import Testing

/// Real clients in a network namespace of their own, over a veth cable. Needs root, as namespaces do.
@Suite(.serialized, .timeLimit(.minutes(3))) struct DHCPClientsTests {
  static let common = [
    "dhcp", "--listen", "0.0.0.0:67", "--subnet", "10.9.0.0/24", "--pool", "10.9.0.100-10.9.0.103", "--option",
    "routers=10.9.0.1", "--option", "domain-search=lab.test,example.org", "--lease", "300",
  ]

  /// What `udhcpc` and `dhclient` call to set the address, and a file for what they told it.
  static func script(_ scratch: Scratch, interface: String = "lan0") throws -> String {
    let text = """
      #!/bin/sh
      env >> \(scratch.path)/told
      case "$1$reason" in
      bound|renew|BOUND|RENEW|REBIND|REBOOT)
        ip addr flush dev \(interface); ip addr add "${ip:-$new_ip_address}/24" dev \(interface);;
      deconfig|EXPIRE|FAIL|RELEASE) ip addr flush dev \(interface);;
      esac
      exit 0
      """
    let path = try scratch.put(Data(text.utf8), "script")
    try Command.run(["chmod", "755", path])
    return path
  }

  static func told(_ scratch: Scratch) -> String {
    (try? scratch.get("told")).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  @Test func udhcpcTakesAndReleases() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    let server = try NamesServer(Self.common + ["--store", "\(scratch.path)/db"], namespace: pair.server)
    let script = try Self.script(scratch)
    let result = try pair.onClient([
      "busybox", "udhcpc", "-i", "lan0", "-f", "-q", "-n", "-R", "-s", script, "-O", "search",
    ])
    #expect(result.status == 0, "\(result.output)")
    #expect(result.output.contains("lease of 10.9.0.100 obtained from 10.9.0.1, lease time 300"), "\(result.output)")
    #expect(Self.told(scratch).contains("search=lab.test example.org"))
    #expect(Self.told(scratch).contains("router=10.9.0.1"))
    server.stop()
  }

  @Test func dhclientTakesRebootsAndReleases() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    let server = try NamesServer(Self.common + ["--store", "\(scratch.path)/db"], namespace: pair.server)
    let files = [
      "-v", "-sf", try Self.script(scratch), "-lf", "\(scratch.path)/leases", "-pf", "\(scratch.path)/pid", "-cf",
      "/dev/null",
    ]
    let first = try pair.onClient(["dhclient", "-1"] + files + ["lan0"])
    #expect(first.output.contains("DHCPACK of 10.9.0.100 from 10.9.0.1"), "\(first.output)")
    #expect(try pair.addresses() == ["10.9.0.100"])
    // Ended without a release, and begun anew with what it remembers: INIT-REBOOT.
    try pair.onClient(["dhclient", "-x"] + files + ["lan0"])
    let second = try pair.onClient(["dhclient", "-1"] + files + ["lan0"])
    #expect(second.output.contains("DHCPREQUEST for 10.9.0.100"), "\(second.output)")
    #expect(!second.output.contains("DHCPDISCOVER"), "\(second.output)")
    #expect(second.output.contains("DHCPACK of 10.9.0.100"), "\(second.output)")
    let released = try pair.onClient(["dhclient", "-r"] + files + ["lan0"])
    #expect(released.output.contains("DHCPRELEASE of 10.9.0.100"), "\(released.output)")
    #expect(try pair.addresses().isEmpty)
    server.stop()
  }

  /// It remembers an address of a network that is not this one: NAK, then a new address.
  @Test func dhclientIsToldThatItHasMoved() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    let server = try NamesServer(Self.common + ["--store", "\(scratch.path)/db"], namespace: pair.server)
    let lease = """
      lease {
        interface "lan0";
        fixed-address 192.168.77.7;
        option subnet-mask 255.255.255.0;
        option dhcp-lease-time 86400;
        option dhcp-message-type 5;
        option dhcp-server-identifier 192.168.77.1;
        renew 0 2037/01/01 00:00:00;
        rebind 0 2037/01/01 00:00:00;
        expire 0 2037/01/01 00:00:00;
      }

      """
    let leases = try scratch.put(Data(lease.utf8), "leases")
    let files = [
      "-v", "-sf", try Self.script(scratch), "-lf", leases, "-pf", "\(scratch.path)/pid", "-cf", "/dev/null",
    ]
    let result = try pair.onClient(["dhclient", "-1"] + files + ["lan0"])
    #expect(result.output.contains("DHCPNAK from 10.9.0.1"), "\(result.output)")
    #expect(try pair.addresses() == ["10.9.0.100"])
    try pair.onClient(["dhclient", "-x"] + files + ["lan0"])
    server.stop()
  }

  @Test func dhcpcdIsBoundAtOnce() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    let server = try NamesServer(Self.common + ["--store", "\(scratch.path)/db"], namespace: pair.server)
    let result = try pair.onClient(["dhcpcd", "-4", "-1", "-d", "-B", "--noarp", "-c", "/bin/true", "lan0"])
    #expect(result.output.contains("leased 10.9.0.100 for 300 seconds"), "\(result.output)")
    #expect(try pair.addresses() == ["10.9.0.100"])
    server.stop()
  }

  /// udhcpc tries the address by ARP and finds the server's own neighbour there.
  @Test func udhcpcDeclinesWhatAnotherHas() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    // The server's side answers for .100 as a stranger would; no probe is made, so the client must find out.
    try Command.run(["ip", "-n", pair.server, "address", "add", "10.9.0.100/32", "dev", "lo"])
    let server = try NamesServer(Self.common + ["--store", "\(scratch.path)/db"], namespace: pair.server)
    let result = try pair.onClient([
      "busybox", "udhcpc", "-i", "lan0", "-f", "-q", "-a", "-s", try Self.script(scratch), "-t", "5", "-T", "2",
      "-A", "2",
    ])
    #expect(result.output.contains("declin"), "\(result.output)")
    #expect(result.output.contains("lease of 10.9.0.101 obtained"), "\(result.output)")
    server.stop()
  }

  /// The same stranger, found by the server before it offers.
  @Test func theServerProbesBeforeItOffers() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    try Command.run(["ip", "-n", pair.server, "address", "add", "10.9.0.100/32", "dev", "lo"])
    let server = try NamesServer(Self.common + ["--store", "\(scratch.path)/db", "--probe"], namespace: pair.server)
    let result = try pair.onClient([
      "busybox", "udhcpc", "-i", "lan0", "-f", "-q", "-n", "-s", try Self.script(scratch), "-t", "6", "-T", "2",
    ])
    #expect(result.output.contains("lease of 10.9.0.101 obtained"), "\(result.output)")
    server.stop()
  }

  /// The server dies without a word; what it has promised stands.
  @Test func leasesSurviveKill() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    let arguments = Self.common + ["--store", "\(scratch.path)/db"]
    let script = try Self.script(scratch)
    let ask = { (mac: String) throws -> String in
      try pair.onClient(["ip", "link", "set", "lan0", "address", mac])
      return try pair.onClient(["busybox", "udhcpc", "-i", "lan0", "-f", "-q", "-n", "-s", script]).output
    }
    var server = try NamesServer(arguments, namespace: pair.server)
    for host in 0...3 {
      let output = try ask("02:00:00:00:00:0\(host)")
      #expect(output.contains("lease of 10.9.0.10\(host) obtained"), "\(output)")
      server.stop(kill: true)
      server = try NamesServer(arguments, namespace: pair.server)
    }
    #expect(try ask("02:00:00:00:00:02").contains("lease of 10.9.0.102 obtained"))
    try pair.onClient(["ip", "link", "set", "lan0", "address", "02:00:00:00:00:09"])
    let exhausted = try pair.onClient([
      "busybox", "udhcpc", "-i", "lan0", "-f", "-q", "-n", "-t", "2", "-T", "1", "-s", script,
    ])
    #expect(exhausted.status != 0, "\(exhausted.output)")
    server.stop()
  }

  /// perfdhcp as a relay: many clients, every ACK durable.
  @Test func perfdhcpFindsNoLossThroughARelay() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    try pair.onClient(["ip", "address", "add", "10.9.0.2/24", "dev", "lan0"])
    let server = try NamesServer(
      [
        "dhcp", "--listen", "0.0.0.0:67", "--subnet", "10.9.0.0/16", "--pool", "10.9.4.0-10.9.200.255", "--store",
        "\(scratch.path)/db", "--circuit-limit", "100000",
      ], namespace: pair.server)
    let result = try pair.onClient(
      ["perfdhcp", "-4", "-d", "5", "-r", "100", "-R", "500", "-n", "500", "-W", "2000000", "10.9.0.1"], seconds: 90)
    // It may send one or two more than it was told.
    #expect(result.output.contains("received packets: 50"), "\(result.output)")
    #expect(result.output.components(separatedBy: "drops: 0").count == 3, "\(result.output)")
    server.stop()
  }
}
