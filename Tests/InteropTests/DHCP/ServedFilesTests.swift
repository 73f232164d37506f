import Foundation
import NamesKit
import Testing

/// Real TFTP clients, both ways, and relays, against the running program.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ServedFilesTests {
  /// A machine with a lease may save its configuration, under its lease's name; a stranger may not.
  @Test func whoHasALeaseSavesItsConfiguration() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    let server = try PortsideServer(ServedNamesTests.sections, in: scratch, namespace: pair.server)
    let config = try scratch.put(Data("hostname r1\n".utf8), "r1-confg")
    try pair.onClient(["ip", "address", "add", "10.9.0.50/24", "dev", "lan0"])
    let stranger = try pair.onClient(["curl", "-sS", "-T", config, "tftp://10.9.0.1/r1-confg"], seconds: 20)
    #expect(stranger.status != 0 && scratch.files("backups").isEmpty, "\(stranger.output)")
    let taken = try pair.onClient(
      [
        "busybox", "udhcpc", "-i", "lan0", "-f", "-q", "-n", "-x", "hostname:r1", "-s",
        try DHCPClientsTests.script(scratch),
      ], seconds: 30)
    #expect(taken.output.contains("lease of 10.9.0.100 obtained"), "\(taken.output)")
    let clients: [(name: String, put: [String], get: [String])] = [
      (
        "curl", ["curl", "-sS", "-T", config, "tftp://10.9.0.1/by-curl"],
        ["curl", "-sS", "-o", "\(scratch.path)/curl", "tftp://10.9.0.1/boot.ipxe"]
      ),
      (
        "tftp-hpa", ["tftp", "-m", "binary", "10.9.0.1", "-c", "put", config, "by-tftp-hpa"],
        ["tftp", "-m", "binary", "10.9.0.1", "-c", "get", "boot.ipxe", "\(scratch.path)/tftp-hpa"]
      ),
      (
        "atftp", ["atftp", "-p", "-l", config, "-r", "by-atftp", "10.9.0.1"],
        ["atftp", "-g", "-r", "boot.ipxe", "-l", "\(scratch.path)/atftp", "10.9.0.1"]
      ),
      (
        "busybox", ["busybox", "tftp", "-p", "-l", config, "-r", "by-busybox", "10.9.0.1"],
        ["busybox", "tftp", "-g", "-r", "boot.ipxe", "-l", "\(scratch.path)/busybox", "10.9.0.1"]
      ),
    ]
    for client in clients {
      let put = try pair.onClient(client.put, seconds: 20)
      #expect(put.status == 0, "\(client.name): \(put.output)")
      let versions = scratch.files("backups/r1/by-\(client.name)")
      #expect(versions.count == 1, "\(client.name): \(scratch.files("backups"))")
      for version in versions { #expect(try scratch.get(version) == Data("hostname r1\n".utf8)) }
      let get = try pair.onClient(client.get, seconds: 20)
      #expect(get.status == 0, "\(client.name): \(get.output)")
      #expect(try scratch.get(client.name) == Data("#!ipxe\necho by TFTP\n".utf8), "\(client.name)")
    }
    #expect(try server.portside("config-backup", "list", "r1").output.contains("by-atftp"))
    server.stop()
  }

  /// Two networks behind ISC's relay, in one process as one port has it, each with a subnet of its own; the relay says by option 82 which port it is.
  @Test func twoRelaysEachGetTheirOwnSubnet() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    let tag = String(UUID().uuidString.prefix(4)).lowercased()
    let far = ["dhcp-\(tag)-f1", "dhcp-\(tag)-f2"]
    defer { far.forEach { Namespaces.remove($0) } }
    // The pair's client is the router with both relays.
    let router = pair.client
    var commands = [
      ["-n", router, "address", "add", "10.9.0.2/24", "dev", "lan0"],
      ["-n", pair.server, "route", "add", "10.9.0.0/16", "via", "10.9.0.2"],
    ]
    for (index, name) in far.enumerated() {
      let net = index + 1
      commands += [
        ["netns", "add", name],
        ["link", "add", "far\(net)", "netns", router, "type", "veth", "peer", "name", "lan0", "netns", name],
        ["-n", router, "address", "add", "10.9.\(net).1/24", "dev", "far\(net)"],
        ["-n", router, "link", "set", "far\(net)", "up"], ["-n", name, "link", "set", "lan0", "up"],
        ["-n", name, "link", "set", "lo", "up"],
      ]
    }
    for words in commands {
      let result = try Command.run(["ip"] + words, seconds: 10)
      #expect(result.status == 0, "\(words): \(result.output)")
    }
    try pair.onClient(["sysctl", "-w", "net.ipv4.ip_forward=1"])
    let subnets = (1...2).map { net in
      """
      [dhcp.subnet."10.9.\(net).0/24"]
      pool   = "10.9.\(net).100-10.9.\(net).101"
      router = "10.9.\(net).1"
      lease  = "1m"
      """
    }
    let sections =
      "[dhcp]\non = [\"lan\"]\nregister = \"lab.test\"\nprobe = false\n\n" + subnets.joined(separator: "\n")
    let server = try PortsideServer(sections, in: scratch, namespace: pair.server)
    let relay = try Child(
      [
        "ip", "netns", "exec", router, "dhcrelay", "-4", "-d", "-a", "-id", "far1", "-id", "far2", "-iu", "lan0",
        "10.9.0.1",
      ], output: "\(scratch.path)/relay")
    defer { relay.end(SIGKILL) }
    usleep(500_000)
    for (index, name) in far.enumerated() {
      let result = try Command.run(
        [
          "ip", "netns", "exec", name, "busybox", "udhcpc", "-i", "lan0", "-f", "-q", "-n", "-x",
          "hostname:far\(index)",
          "-s", try DHCPClientsTests.script(scratch),
        ], seconds: 30)
      #expect(result.output.contains("lease of 10.9.\(index + 1).100 obtained"), "\(result.output)\n\(server.logText)")
      #expect(try pair.dig("far\(index).lab.test", "A") == "10.9.\(index + 1).100")
    }
    server.stop()
  }
}
