import Foundation
import NamesKit
import Testing

/// What is asked of the server besides leases: renewals at its word, questions of access devices, and our own probes.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ServedWordsTests {
  private static let sections = """
    [dhcp]
    on          = ["lan"]
    register    = "lab.test"
    probe       = false
    v6_port     = 547
    lease_query = ["10.9.0.2/32"]

    [dhcp.subnet."10.9.0.0/24"]
    pool = "10.9.0.100-10.9.0.103"

    [dhcp.subnet."fd00:9::/64"]
    pool    = "fd00:9::1000-fd00:9::1fff"
    dns     = ["fd00:9::1"]
    options = { new-tzdb-timezone = ["Europe/Berlin"], sip-server-dns = ["a.lab.test", "b.lab.test"] }
    """

  private static func serve(_ pair: NamespacePair, _ scratch: Scratch) throws -> PortsideServer {
    try Command.run(["ip", "-n", pair.server, "address", "add", "fd00:9::1/64", "dev", "lan0", "nodad"])
    #expect(
      try within(5) {
        !(try Command.run(["ip", "-n", pair.server, "-6", "address", "show", "dev", "lan0"])).output.contains(
          "tentative")
      })
    return try PortsideServer(sections, in: scratch, namespace: pair.server, lan: ["10.9.0.1", "fd00:9::1"])
  }

  /// dhcpcd, which believes only a signed word (RFC 6704).
  @Test func dhcpcdRenewsAtOurWord() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    let server = try Self.serve(pair, scratch)
    // A name that no other test has: dhcpcd knows its like by it, in whatever namespace.
    for words in [["lan0", "down"], ["lan0", "name", "word0"], ["word0", "up"]] {
      try pair.onClient(["ip", "link", "set"] + words)
    }
    let log = "\(scratch.path)/dhcpcd.log"
    let file = try scratch.put(Data("option forcerenew_nonce_capable\n".utf8), "dhcpcd.conf")
    let client = try Child(
      [
        "ip", "netns", "exec", pair.client, "dhcpcd", "-4", "-d", "-B", "--noarp", "-f", file, "-c", "/bin/true",
        "word0",
      ], output: log)
    defer { client.end(SIGTERM) }
    let said = { String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self) }
    #expect(within(30) { said().contains("leased 10.9.0.100") }, "\(said())\n\(server.logText)")
    sleep(1)
    let told = try server.portside("lease", "renew", "10.9.0.100")
    #expect(told.status == 0, "\(told.output)")
    #expect(within(15) { said().contains("Force Renew from") }, "\(said())\n\(server.logText)")
    #expect(!said().contains("unauthenticated"), "\(said())")
    #expect(within(15) { said().components(separatedBy: "acknowledged 10.9.0.100").count > 2 }, "\(said())")
    #expect(try server.portside("lease", "renew", "10.9.0.103").status != 0)
    server.stop()
  }

  /// An access device asks by address, by hardware address, and for what nobody has; another one is not heard.
  @Test func whoMayAskIsTold() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    let server = try Self.serve(pair, scratch)
    let taken = try pair.onClient(
      ["busybox", "udhcpc", "-i", "lan0", "-f", "-q", "-n", "-s", try DHCPClientsTests.script(scratch)], seconds: 30)
    #expect(taken.output.contains("lease of 10.9.0.100 obtained"), "\(taken.output)")
    let mac = try pair.onClient(["cat", "/sys/class/net/lan0/address"]).output.trimmingCharacters(
      in: .whitespacesAndNewlines)
    for address in ["10.9.0.2/24", "10.9.0.3/24"] {
      try pair.onClient(["ip", "address", "add", address, "dev", "lan0"])
    }
    let script = try scratch.put(
      Data(
        """
        import socket, struct, sys
        relay, address, mac = sys.argv[1:4]
        hardware = bytes.fromhex(mac.replace(":", ""))
        packet = struct.pack("!BBBBIHH", 1, 1 if hardware else 0, len(hardware), 0, 7, 0, 0) + socket.inet_aton(address)
        packet += bytes(8) + socket.inet_aton(relay) + hardware.ljust(16, b"\\0") + bytes(192) + bytes.fromhex("63825363")
        packet += bytes([53, 1, 10, 255])
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        end.bind((relay, 67))
        end.settimeout(2)
        end.sendto(packet, ("10.9.0.1", 67))
        try:
            answer = end.recv(2000)
        except TimeoutError:
            print("silence")
            sys.exit()
        options, place = {}, 240
        while answer[place] != 255:
            options[answer[place]] = answer[place + 2:place + 2 + answer[place + 1]]
            place += 2 + answer[place + 1]
        print(options[53][0], socket.inet_ntoa(answer[12:16]), answer[28:34].hex(":"), int.from_bytes(options.get(51, b"")))

        """.utf8), "query.py")
    let ask = { (relay: String, address: String, mac: String) throws -> String in
      try pair.onClient(["python3", script, relay, address, mac], seconds: 15).output.trimmingCharacters(
        in: .whitespacesAndNewlines)
    }
    let byAddress = try ask("10.9.0.2", "10.9.0.100", "")
    #expect(byAddress.hasPrefix("13 10.9.0.100 \(mac) 28"), "\(byAddress)\n\(server.logText)")
    #expect(try ask("10.9.0.2", "0.0.0.0", mac).hasPrefix("13 10.9.0.100 \(mac) 28"))
    #expect(try ask("10.9.0.2", "10.9.0.101", "").hasPrefix("11 10.9.0.101"))
    #expect(try ask("10.9.0.2", "192.0.2.1", "").hasPrefix("12 192.0.2.1"))
    #expect(try ask("10.9.0.2", "0.0.0.0", "02:00:00:00:00:99").hasPrefix("12 0.0.0.0"))
    #expect(try ask("10.9.0.3", "10.9.0.100", "") == "silence")
    server.stop()
  }

  /// `probe dhcp6://` by the interface and as a relay, with options that were configured by name; `check` asks as well.
  @Test func probesOfDHCPv6SeeTheOptions() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    let server = try Self.serve(pair, scratch)
    try Command.run(["ip", "-n", pair.client, "address", "add", "fd00:9::2/64", "dev", "lan0", "nodad"])
    #expect(
      try within(5) {
        !(try Command.run(["ip", "-n", pair.client, "-6", "address", "show", "dev", "lan0"])).output.contains(
          "tentative")
      })
    let program = NamesServer.products.appendingPathComponent("portside").path
    for url in ["dhcp6://lan0", "dhcp6://[fd00:9::1]:547", "dhcp6://[fd00:9::1]:547/fd00:9::"] {
      let result = try pair.onClient([program, "probe", url], seconds: 20)
      #expect(result.status == 0 && result.output.contains("addresses of association 00000001: fd00:9::1"), "\(result)")
      #expect(result.output.contains("dns-servers fd00:9::1"), "\(result.output)")
    }
    let elsewhere = try pair.onClient([program, "probe", "dhcp6://[fd00:9::1]:547/fd00:77::"], seconds: 20)
    #expect(elsewhere.status != 0 && elsewhere.output.contains("nobody serves this network"), "\(elsewhere.output)")
    let asked = try pair.onClient(
      [
        "dhclient", "-6", "-S", "-v", "-sf", "/bin/true", "-lf", "\(scratch.path)/l6", "-pf", "\(scratch.path)/p6",
        "-cf",
        try scratch.put(Data("also request dhcp6.sip-servers-names, dhcp6.new-tzdb-timezone;\n".utf8), "six.conf"),
        "-1", "lan0",
      ], seconds: 30)
    let told = (try? scratch.get("l6")).map { String(decoding: $0, as: UTF8.self) } ?? ""
    #expect(told.contains("a.lab.test") || asked.output.contains("RCV: Reply"), "\(asked.output)\n\(told)")
    let check = try server.portside("check")
    #expect(check.output.contains("advertise by"), "\(check.output)")
    server.stop()
  }
}
