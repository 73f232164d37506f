import Foundation
import LaboratoryKit
import Testing

/// Zones move in from other name servers.
@Suite(.timeLimit(.minutes(2))) struct ZoneImportTests {
  @Test func zonesOfBINDAndNamesOfDnsmasq() async throws {
    try await Laboratory.with { laboratory in
      let folder = laboratory.data + "/old"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      func write(_ text: String, _ name: String) throws {
        try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
      }
      try write("www IN A 192.0.2.80\n", "part")
      let head = "$TTL 300\n@ IN SOA ns.old.example. host.old.example. 7 1 1 1 1\n@ IN NS ns\nns IN A 192.0.2.53\n"
      try write(head + "$INCLUDE part\n", "old.example")
      try write(head + "; a note of the author's\n", "plain.example")
      try write("this is no zone\n", "bad.example")
      try write(
        """
        options { directory "\(folder)"; /* "zone "x" {" */ recursion no; };
        zone "." { type hint; file "root.hints"; };
        zone "old.example" IN { type master; file "old.example"; allow-transfer { none; }; };
        // zone "never.example" { type master; file "never"; };
        zone "plain.example." { type primary; file "\(folder)/plain.example"; };
        zone "bad.example" { type master; file "bad.example"; };
        zone "theirs.example" { type slave; masters { 192.0.2.1; 2001:db8::1; }; };
        zone "on.example" { type forward; forwarders { 192.0.2.2; }; };
        """, "named.conf")
      let bind = try await laboratory.portside("zone", "import", "\(folder)/named.conf")
      // One of them can't be served, and that is said; the others are in.
      #expect(bind.code == 1)
      #expect(bind.all.contains("bad.example") && bind.all.contains("on.example: type forward"), "\(bind.all)")
      #expect(
        bind.output.contains(
          #"zones = ["old.example", "plain.example", { name = "theirs.example", from = ["192.0.2.1", "2001:db8::1"] }]"#
        ),
        "\(bind.output)")
      let zones = laboratory.data + "/zones"
      #expect(!FileManager.default.fileExists(atPath: "\(zones)/bad.example.zone"))
      #expect(try String(contentsOfFile: "\(zones)/plain.example.zone", encoding: .utf8).contains("the author's"))
      let whole = try String(contentsOfFile: "\(zones)/old.example.zone", encoding: .utf8)
      #expect(whole.contains("192.0.2.80") && !whole.contains("INCLUDE"))

      try write(
        """
        domain=lan.example
        bogus-priv
        host-record=printer.lan.example,192.0.2.9,2001:db8::9
        address=/apps.lan.example/192.0.2.10
        cname=print,printer.lan.example
        mx-host=lan.example,printer.lan.example,20
        txt-record=lan.example,"a word","and one"
        srv-host=_ipp._tcp.lan.example,printer.lan.example,631
        server=/corp.example/192.0.2.3
        """, "dnsmasq.conf")
      let dnsmasq = try await laboratory.portside("zone", "import", "\(folder)/dnsmasq.conf")
      #expect(dnsmasq.code == 1 && dnsmasq.all.contains("not taken: server=/corp.example/192.0.2.3"), "\(dnsmasq.all)")
      try laboratory.edit("zones    = [", "zones    = [\"lan.example\", \"old.example\", ")
      #expect(try await laboratory.portside("reload").code == 0)
      let port = try laboratory.port("dns")
      for (name, type, answer) in [
        ("printer.lan.example", "AAAA", "2001:db8::9"), ("x.apps.lan.example", "A", "192.0.2.10"),
        ("print.lan.example", "CNAME", "printer.lan.example."), ("lan.example", "MX", "20 printer.lan.example."),
        ("lan.example", "TXT", "\"a word\" \"and one\""),
        ("_ipp._tcp.lan.example", "SRV", "0 0 631 printer.lan.example."),
        ("www.old.example", "A", "192.0.2.80"),
      ] {
        let dig = try await run("dig", ["@127.0.0.1", "-p", "\(port)", "+short", name, type])
        #expect(dig.output.trimmingCharacters(in: .whitespacesAndNewlines) == answer, "\(name): \(dig.all)")
      }

      try write("127.0.0.1 localhost\n192.0.2.20 nas nas.home.example # the box\n::1 ip6-localhost\n", "hosts")
      let nowhere = try await laboratory.portside("zone", "import", "\(folder)/hosts")
      #expect(nowhere.code == 1 && nowhere.errors.contains("--zone"), "\(nowhere.all)")
      let hosts = try await laboratory.portside("zone", "import", "\(folder)/hosts", "--zone", "home.example")
      #expect(hosts.code == 0 && hosts.output.contains("home.example: 4 records"), "\(hosts.all)")
    }
  }
}
