import Configuration
import Testing
import WireKit

/// Each type's texts: what they are read as, how they are printed, and what is refused.
@Suite struct ValueTests {
  /// Texts, each with its canonical form; and texts that are refused.
  private func check<Value: ConfigurationText>(
    _ type: Value.Type, _ good: [String: String], bad: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for (text, printed) in good {
      do {
        let value = try Value(configuration: text)
        #expect(value.description == printed, sourceLocation: sourceLocation)
        #expect(try Value(configuration: value.description) == value, sourceLocation: sourceLocation)
      } catch {
        Issue.record("\(text): \(error)", sourceLocation: sourceLocation)
      }
    }
    for text in bad {
      #expect(throws: TextError.self, "\(text)", sourceLocation: sourceLocation) { try Value(configuration: text) }
    }
  }

  @Test func sizes() {
    check(
      ByteSize.self,
      [
        "35MB": "35MB", "1GiB": "1GiB", "0B": "0B", "1024B": "1KiB", "1000B": "1kB", "1000kB": "1MB", "1001B": "1001B",
        "9223372036854775807B": "9223372036854775807B", "1TiB": "1TiB",
      ],
      bad: [
        "", "MB", "35", "35 MB", "35mb", "+1B", "-1B", "1.5MB", "1MBB", "01B", "9223372036854775808B", "9000000TiB",
        "٣B",
        "1e3B", "1kB ", "B1",
      ])
  }

  @Test func durations() throws {
    let texts = [
      "8h": "8h", "5s": "5s", "1h30m": "1h30m", "90m": "1h30m", "250ms": "250ms", "1d": "1d", "24h": "1d", "0s": "0s",
      "0h0m": "0s", "1d2h3m4s5ms": "1d2h3m4s5ms", "36500d": "36500d",
    ]
    for (text, printed) in texts {
      let duration = try DurationText.parse(text)
      #expect(DurationText.print(duration) == printed)
      #expect(try DurationText.parse(printed) == duration)
    }
    for text in [
      "", "8", "h", "8 h", "1m1h", "1h1h", "-1s", "1.5h", "8H", "8hours", "36501d", "99999999999999999999s", "٣s",
      "1h30",
    ] {
      #expect(throws: TextError.self, "\(text)") { try DurationText.parse(text) }
    }
  }

  @Test func portsAndRanges() {
    check(
      PortRange.self, ["50000-50019": "50000-50019", "1-65535": "1-65535", "7-7": "7-7"],
      bad: ["", "-", "1", "0-5", "5-1", "1-65536", "1-2-3", "a-b", "1 - 2", "+1-2", "-1-2", "01-2"])
    check(
      ListenPort.self, ["0": "0", "53": "53", "65535": "65535", "off": "off"],
      bad: ["", "65536", "-1", "OFF", "on", "053", "1.0"])
    check(
      AddressRange.self,
      [
        "192.168.10.100-192.168.10.199": "192.168.10.100-192.168.10.199", "10.0.0.1-10.0.0.1": "10.0.0.1-10.0.0.1",
        "fd00::1-fd00::ff": "fd00::1-fd00::ff",
      ],
      bad: [
        "", "10.0.0.1", "10.0.0.2-10.0.0.1", "10.0.0.1-fd00::1", "10.0.0.1-10", "10.0.0.1-10.0.0.2-10.0.0.3", "a-b",
      ])
  }

  @Test func addresses() {
    check(
      IPAddress.self, ["192.168.10.2": "192.168.10.2", "FD00:10::2": "fd00:10::2"],
      bad: ["", "1.2.3", "1.2.3.4/8", "01.2.3.4", "a", "::1%lo"])
    check(
      IPNetwork.self, ["192.168.10.0/24": "192.168.10.0/24", "10.0.0.1": "10.0.0.1/32", "::/0": "::/0"],
      bad: ["", "192.168.10.1/24", "10.0.0.0/33", "10.0.0.0/", "/8"])
    check(
      PeerAddress.self,
      ["192.0.2.1": "192.0.2.1", "192.0.2.1:5353": "192.0.2.1:5353", "[::1]:53": "[::1]:53", "::1": "::1"],
      bad: ["", "192.0.2.1:0", "192.0.2.1:", "a:53", "[::1]"])
    check(
      AddressChoice.self, ["auto": "auto", "203.0.113.7": "203.0.113.7"],
      bad: ["", "Auto", "0.0.0.0", "::", "224.0.0.1"])
    check(
      HardwareAddress.self, ["00:11:22:33:44:55": "00:11:22:33:44:55", "00-11-22-AA-BB-CC": "00:11:22:aa:bb:cc"],
      bad: [
        "", "00:11:22:33:44", "00:11:22:33:44:55:66", "0:11:22:33:44:555", "gg:11:22:33:44:55", "01:00:5e:00:00:01",
        "00:11-22:33-44:55", "001122334455",
      ])
  }

  @Test func names() {
    let long = String(repeating: "a", count: 63)
    check(
      HostName.self,
      [
        "srv.acme.example": "srv.acme.example", "SRV.Acme.Example.": "srv.acme.example", "localhost": "localhost",
        "3com.example": "3com.example", "xn--bcher-kva.example": "xn--bcher-kva.example", long: long,
      ],
      bad: [
        "", ".", "a..b", ".a", "-a", "a-", "a_b", "a b", "bücher.example", long + "a", "xn--",
        Array(repeating: long, count: 4).joined(separator: "."), "a/b", "http://a", "a..",
      ])
    check(
      ZoneName.self,
      [
        "10.168.192.in-addr.arpa": "10.168.192.in-addr.arpa", "_tcp.a.example": "_tcp.a.example",
        "0/25.2.0.192.in-addr.arpa": "0/25.2.0.192.in-addr.arpa",
      ], bad: ["", ".", "a..b", "a b", "ä"])
    check(
      SiteName.self, ["www.acme.example": "www.acme.example", "*.Acme.example": "*.acme.example"],
      bad: ["", "*", "*.", "a.*.b", "www.*"])
    check(
      ConfigurationName.self, ["lan": "lan", "lan-2_x": "lan-2_x", "0": "0"],
      bad: ["", "Lan", "-a", "a b", "ä", long + "a"])
    check(
      MailAddress.self, ["it@acme.example": "it@acme.example", "a.b+c@X.example": "a.b+c@x.example"],
      bad: ["", "it", "@a", "a@", "a@b@c", ".a@b", "a..b@c", "a b@c", "a@b_c"])
    check(
      Permission.self,
      ["mail": "mail", "files:home": "files:home", "dns:edit:lan.acme.example": "dns:edit:lan.acme.example"],
      bad: ["", ":", "a:", "a::b", ":a", "a b", "1a"])
    check(
      AuthBackend.self, ["local": "local", "pam": "pam", "ldap:ad": "ldap:ad", "oidc:idp": "oidc:idp"],
      bad: ["", "local:x", "ldap", "ldap:", "ldap:A", "kerberos"])
    check(TransferKeyName.self, ["tsig:ns2": "tsig:ns2"], bad: ["", "ns2", "tsig:", "tsig:a b", "TSIG:a"])
  }

  @Test func paths() throws {
    check(
      AbsolutePath.self, ["/": "/", "/srv/www": "/srv/www", "/srv/www/": "/srv/www", "/a b/ü": "/a b/ü"],
      bad: ["", "srv", "./a", "/a/../b", "/..", "/a//b", "//", "/a/./b", "/a\u{0}b", "/a/../\u{338}b"])
    check(
      PathTemplate<DevicePlaceholder>.self,
      ["/srv/{device}": "/srv/{device}", "/srv": "/srv", "/a/{device}.cfg/": "/a/{device}.cfg"],
      bad: ["", "{device}", "/srv/{account}", "/srv/{", "/srv/{device}/.."])
    let template = try PathTemplate<AccountPlaceholder>(configuration: "/srv/home/{account}")
    #expect(template.filled(with: "ann")?.description == "/srv/home/ann")
    for value in ["", ".", "..", "a/b", "../x", "a\u{0}", "../\u{338}etc", "a/\u{301}b"] {
      #expect(template.filled(with: value) == nil, "\(value)")
    }
    #expect(try AbsolutePath(configuration: "/").appending("a")?.description == "/a")
    #expect(try AbsolutePath(configuration: "/a").appending("../b") == nil)
  }

  @Test func urls() throws {
    check(
      UpstreamURL<ResolverKind>.self,
      [
        "tls://9.9.9.9": "tls://9.9.9.9", "udp://192.0.2.1:5353": "udp://192.0.2.1:5353",
        "tls://[2620:fe::fe]": "tls://[2620:fe::fe]", "https://9.9.9.9/dns-query": "https://9.9.9.9/dns-query",
      ],
      bad: [
        "", "9.9.9.9", "tls://", "tls://dns.quad9.net", "ftp://9.9.9.9", "tls://9.9.9.9:0", "tls://9.9.9.9:99999",
        "tls://9.9.9", "tls://user@9.9.9.9", "tls://[::1", "TLS://9.9.9.9",
      ])
    check(
      UpstreamURL<WebKind>.self,
      [
        "http://127.0.0.1:8000": "http://127.0.0.1:8000", "https://A.example/x?y=1": "https://a.example/x?y=1",
        "http://[::1]:80/": "http://[::1]:80/",
      ],
      bad: [
        "", "http://", "http://a b", "http://u:p@a", "http://a:b", "http://a:1:2", "http://256.1.1.1", "http://a/#x",
        "http://ä",
      ])
    #expect(try UpstreamURL<ResolverKind>(configuration: "tls://9.9.9.9").port == 853)
    #expect(try UpstreamURL<WebKind>(configuration: "http://a.example:81").port == 81)
    check(
      RelayRoute.self, ["direct": "direct", "submission://mail.isp.example": "submission://mail.isp.example"],
      bad: ["", "mail.isp.example", "smtp://a/b", "Direct"])
    check(
      StoreLocation.self,
      [
        "sqlite": "sqlite",
        "postgres://portside@/portside?host=/run/postgresql": "postgres://portside@/portside?host=/run/postgresql",
      ], bad: ["", "mysql://a/b", "postgres://u:p@h/d", "postgres://h/d?password=x", "postgres://h", "u:p@h"])
    check(
      BlobLocation.self,
      ["store": "store", "file:": "file:", "file:/srv/b": "file:/srv/b", "s3:bucket/x": "s3:bucket/x"],
      bad: ["", "s3:", "file:x", "s3:a b", "gs:x"])
    check(
      SiteTarget.self, ["/srv/www": "/srv/www", "@admin": "@admin", "http://127.0.0.1:8000": "http://127.0.0.1:8000"],
      bad: ["", "srv", "@other", "/../x", "ftp://a"])
    check(FileName.self, ["index.html": "index.html"], bad: ["", ".", "..", "a/b", "a\n", "a/\u{301}b"])
    check(PlainText.self, ["a b": "a b"], bad: ["", "a\nb", String(repeating: "a", count: 1025)])
  }

  @Test func theNearestNameIsNearEnough() {
    let names = ["max_size", "max_recipients", "port", "tls_port", "on"]
    #expect(NearestName.find("max_sise", among: names) == "max_size")
    #expect(NearestName.find("max-size", among: names) == "max_size")
    #expect(NearestName.find("MAX_SIZE", among: names) == "max_size")
    #expect(NearestName.find("maxsize", among: names) == "max_size")
    #expect(NearestName.find("prot", among: names) == "port")
    #expect(NearestName.find("no", among: names) == "on")
    #expect(NearestName.find("zone", among: names) == nil)
    #expect(NearestName.find("", among: names) == nil)
    #expect(NearestName.find(String(repeating: "x", count: 1000), among: names) == nil)
  }
}
