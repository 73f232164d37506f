import Testing

/// A text, and its findings without the file's name.
struct Fault: CustomTestStringConvertible, Sendable {
  var text: String
  var expected: [String]
  var testDescription: String { text.replacing("\n", with: " ⏎ ") }

  init(_ text: String, _ expected: String...) {
    self.text = text
    self.expected = expected
  }
}

extension Fault {
  static let all =
    unknownKeys + wrongTypes + wrongForms + outOfRange + missingOrTwice + secrets + crossChecks + several + syntax

  /// Unknown keys.
  private static let unknownKeys = [
    Fault(
      "[smtp]\nmax_sise = \"35MB\"\n",
      #"2:1: error: unknown key "max_sise" in [smtp]; did you mean "max_size"?"#),
    Fault(
      "[http]\nmax_size = \"35MB\"\n",
      #"2:1: error: unknown key "max_size" in [http]; "max_size" belongs to [tftp] and [smtp]"#),
    Fault(
      "[smpt]\non = []\n",
      #"1:2: error: unknown section "smpt"; did you mean "smtp"?"#),
    Fault(
      "max_size = \"35MB\"\n",
      #"1:1: error: unknown section "max_size"; "max_size" belongs to [tftp] and [smtp]"#),
    Fault(
      "[dns]\nhostname = \"a.example\"\n",
      #"2:1: error: unknown key "hostname" in [dns]; "hostname" belongs to [server]"#),
    Fault(
      "[server]\nlisten = \"x\"\n",
      #"2:1: error: unknown key "listen" in [server]; [listen] is a section of its own"#),
    Fault(
      "[server]\nqwertz = 1\n",
      #"2:1: error: unknown key "qwertz" in [server]"#),
    Fault(
      "[auth]\npenalty = { authfial = \"5s\" }\n",
      #"2:13: error: unknown key "authfial" in auth.penalty; did you mean "authfail"?"#),
    Fault(
      "[dhcp.subnet.\"10.0.0.0/24\"]\nroutr = \"10.0.0.1\"\n",
      #"2:1: error: unknown key "routr" in dhcp.subnet."10.0.0.0/24"; did you mean "router"?"#),
    Fault(
      "[[dhcp]]\n",
      #"1:3: error: dhcp: expected a table, found a list"#),
    Fault(
      "[dns]\ntransfer = [{ zone = \"a.example\", to = \"192.0.2.1\", keyy = \"tsig:a\" }]\n",
      #"2:53: error: unknown key "keyy" in dns.transfer[0]; did you mean "key"?"#),
    Fault(
      "[dns]\nzones = [\"a.example\"]\ntransfer = [{ zone = \"a.example\", to = \"192.0.2.1\", keyy = \"tsig:a\" }]\n",
      #"3:53: error: unknown key "keyy" in dns.transfer[0]; did you mean "key"?"#),
    Fault(
      "[http.sites.\"a.example\"]\nrot = \"/srv\"\n",
      #"2:1: error: unknown key "rot" in http.sites."a.example"; did you mean "root"?"#),
    Fault(
      "[http]\nredirect-to-https = true\n",
      #"2:1: error: unknown key "redirect-to-https" in [http]; did you mean "redirect_to_https"?"#),
  ]

  /// Wrong types.
  private static let wrongTypes = [
    Fault(
      "[smtp]\nmax_size = 35\n",
      #"2:12: error: smtp.max_size: expected a size such as "35MB" or "1GiB", found an integer"#),
    Fault(
      "[dns]\nudp_size = \"1232\"\n",
      #"2:12: error: dns.udp_size: expected an integer from 512 to 4096, found a string; without quotes"#),
    Fault(
      "[telnet]\nenabled = \"false\"\n",
      #"2:11: error: telnet.enabled: expected true or false, found a string; without quotes"#),
    Fault(
      "[dns]\nzones = \"a.example\"\n",
      #"2:9: error: dns.zones: expected a list of zones or tables, found a string; put it in brackets: [ … ]"#),
    Fault(
      "[server]\nhostname = [\"a\"]\n",
      #"2:12: error: server.hostname: expected a host name such as "srv.acme.example", found a list"#),
    Fault(
      "server = 1\n",
      #"1:10: error: server: expected a table, found an integer"#),
    Fault(
      "listen = []\n",
      #"1:10: error: listen: expected a table with a name as each key, found a list"#),
    Fault(
      "[listen]\nlan = \"10.0.0.1\"\n",
      #"2:7: error: listen.lan: expected a list of addresses, found a string; put it in brackets: [ … ]"#),
    Fault(
      "[dns]\nforward = [9]\n",
      #"2:12: error: dns.forward[0]: expected a resolver such as "tls://9.9.9.9" or "udp://192.168.10.1", found an integer"#
    ),
    Fault(
      "[auth]\npenalty = \"5s\"\n",
      #"2:11: error: auth.penalty: expected a table, found a string"#),
    Fault(
      "[imap]\nport = true\n",
      #"2:8: error: imap.port: expected a port from 0 to 65535, or "off", found a boolean"#),
    Fault(
      "[imap]\nport = \"143\"\n",
      #"2:8: error: imap.port: expected a port from 0 to 65535, or "off", found "143"; without quotes"#),
    Fault(
      "[log]\nlevel = 3\n",
      #"2:9: error: log.level: expected one of "debug", "info", "notice", "warning", "error", found an integer"#),
    Fault(
      "[http]\nsites = [\"a\"]\n",
      #"2:9: error: http.sites: expected a table with a site name as each key, found a list"#),
    Fault(
      "[http.sites]\n\"a.example\" = 1\n",
      #"2:15: error: http.sites."a.example": expected a folder such as "/srv/www", a URL such as "http://127.0.0.1:8000", "@admin", "@files" or "@acme", or a table, found an integer"#
    ),
    Fault(
      "[limits]\nconnections = 1.5\n",
      #"2:15: error: limits.connections: expected an integer from 1 to 1000000, found a float"#),
    Fault(
      "[server]\nkey = 12345\n",
      #"2:7: error: server.key: expected a reference to a secret such as "credential:portside.kek", "file:/etc/portside/key" or "env:NAME", found an integer"#
    ),
    Fault(
      "[dns]\nudp_size = 1979-05-27\n",
      #"2:12: error: dns.udp_size: expected an integer from 512 to 4096, found a date"#),
  ]

  /// Wrong units and forms.
  private static let wrongForms = [
    Fault(
      "[smtp]\nmax_size = \"35\"\n",
      #"2:12: error: smtp.max_size: expected a size such as "35MB" or "1GiB", found "35"; add a unit: "35MB", "35kB" or "35B""#
    ),
    Fault(
      "[smtp]\nmax_size = \"35XB\"\n",
      #"2:12: error: smtp.max_size: expected a size such as "35MB" or "1GiB", found "35XB"; units: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB"#
    ),
    Fault(
      "[smtp]\nmax_size = \"35mb\"\n",
      #"2:12: error: smtp.max_size: expected a size such as "35MB" or "1GiB", found "35mb"; did you mean "35MB"?"#),
    Fault(
      "[smtp]\nmax_size = \"35M\"\n",
      #"2:12: error: smtp.max_size: expected a size such as "35MB" or "1GiB", found "35M"; did you mean "35MB"?"#),
    Fault(
      "[smtp]\nmax_size = \"-1MB\"\n",
      #"2:12: error: smtp.max_size: expected a size such as "35MB" or "1GiB", found "-1MB""#),
    Fault(
      "[smtp]\nmax_size = \"99999999TiB\"\n",
      #"2:12: error: smtp.max_size: "99999999TiB" is more than 64 bits can count"#),
    Fault(
      "[imap]\nidle_timeout = \"30\"\n",
      #"2:16: error: imap.idle_timeout: expected a duration such as "8h", "5s" or "1h30m", found "30"; add a unit: "30s", "30m" or "30h""#
    ),
    Fault(
      "[imap]\nidle_timeout = \"30min\"\n",
      #"2:16: error: imap.idle_timeout: expected a duration such as "8h", "5s" or "1h30m", found "30min"; units: d, h, m, s, ms"#
    ),
    Fault(
      "[imap]\nidle_timeout = \"30m1h\"\n",
      #"2:16: error: imap.idle_timeout: expected a duration such as "8h", "5s" or "1h30m", found "30m1h"; larger units come first, each once"#
    ),
    Fault(
      "[imap]\nidle_timeout = \"\"\n",
      #"2:16: error: imap.idle_timeout: expected a duration such as "8h", "5s" or "1h30m", found """#),
    Fault(
      "[imap]\nidle_timeout = \"1.5h\"\n",
      #"2:16: error: imap.idle_timeout: expected a duration such as "8h", "5s" or "1h30m", found "1.5h"; units: d, h, m, s, ms"#
    ),
    Fault(
      "[imap]\nidle_timeout = \"99999999999999999d\"\n",
      #"2:16: error: imap.idle_timeout: "99999999999999999d" is more than a hundred years"#),
    Fault(
      "[listen]\nlan = [\"10.0.0.256\"]\n",
      #"2:8: error: listen.lan[0]: expected an IP address such as "192.168.10.2" or "fd00:10::2", found "10.0.0.256""#),
    Fault(
      "[listen]\nlan = [\"10.0.0.1/24\"]\n",
      #"2:8: error: listen.lan[0]: expected an IP address such as "192.168.10.2" or "fd00:10::2", found "10.0.0.1/24"; an address alone, without a prefix length"#
    ),
    Fault(
      "[listen]\nlan = [\"224.0.0.1\"]\n",
      #"2:8: error: listen.lan[0]: 224.0.0.1 is a multicast address: nothing can listen on it for itself"#),
    Fault(
      "[dns]\nrecursion = [\"192.168.10.5/24\"]\n",
      #"2:14: error: dns.recursion[0]: expected a network such as "192.168.10.0/24" or "fd00:10::/64", found "192.168.10.5/24"; did you mean "192.168.10.0/24"?"#
    ),
    Fault(
      "[dns]\nrecursion = [\"192.168.10.0/33\"]\n",
      #"2:14: error: dns.recursion[0]: expected a network such as "192.168.10.0/24" or "fd00:10::/64", found "192.168.10.0/33"; the prefix length is at most 32"#
    ),
    Fault(
      "[dns]\nforward = [\"9.9.9.9\"]\n",
      #"2:12: error: dns.forward[0]: expected a resolver such as "tls://9.9.9.9" or "udp://192.168.10.1", found "9.9.9.9"; did you mean "tls://9.9.9.9"?"#
    ),
    Fault(
      "[dns]\nforward = [\"tsl://9.9.9.9\"]\n",
      #"2:12: error: dns.forward[0]: expected a resolver such as "tls://9.9.9.9" or "udp://192.168.10.1", found "tsl://9.9.9.9"; did you mean "tls"?"#
    ),
    Fault(
      "[dns]\nforward = [\"tls://dns.quad9.net\"]\n",
      #"2:12: error: dns.forward[0]: expected a resolver such as "tls://9.9.9.9" or "udp://192.168.10.1", found "tls://dns.quad9.net"; an address, not a name: names can't be looked up before this server runs"#
    ),
    Fault(
      "[dns]\nforward = [\"udp://9.9.9.9:99999\"]\n",
      #"2:12: error: dns.forward[0]: expected a resolver such as "tls://9.9.9.9" or "udp://192.168.10.1", found "udp://9.9.9.9:99999""#
    ),
    Fault(
      "[server]\nhostname = \"srv_1.acme.example\"\n",
      #"2:12: error: server.hostname: expected a host name such as "srv.acme.example", found "srv_1.acme.example""#),
    Fault(
      "[server]\nhostname = \"bücher.example\"\n",
      #"2:12: error: server.hostname: expected a host name such as "srv.acme.example", found "bücher.example"; write names in other scripts as A-labels, such as "xn--bcher-kva.example""#
    ),
    Fault(
      "[server]\nhostname = \"a..b\"\n",
      #"2:12: error: server.hostname: expected a host name such as "srv.acme.example", found "a..b"; there is an empty label between two dots"#
    ),
    Fault(
      "[server]\nhostname = \"-a.example\"\n",
      #"2:12: error: server.hostname: expected a host name such as "srv.acme.example", found "-a.example""#),
    Fault(
      "[server]\ndata = \"var/lib\"\n",
      #"2:8: error: server.data: expected an absolute path such as "/srv/www", found "var/lib""#),
    Fault(
      "[server]\ndata = \"/var/../etc\"\n",
      #"2:8: error: server.data: expected an absolute path such as "/srv/www", found "/var/../etc"; ".." is not allowed"#
    ),
    Fault(
      "[server]\nstore = \"mysql\"\n",
      #"2:9: error: server.store: expected "sqlite", or a URL such as "postgres://portside@/portside?host=/run/postgresql", found "mysql""#
    ),
    Fault(
      "[tftp]\nwrite = \"/srv/{account}\"\n",
      #"2:9: error: tftp.write: expected an absolute path with {device} such as "/srv/backups/{device}", found "/srv/{account}"; the only placeholder here is {device}"#
    ),
    Fault(
      "[ftp]\npassive = { ports = \"50019-50000\" }\n",
      #"2:21: error: ftp.passive.ports: "50019-50000" ends before it begins; did you mean "50000-50019"?"#),
    Fault(
      "[ftp]\npassive = { ports = \"50000\" }\n",
      #"2:21: error: ftp.passive.ports: expected a range of ports such as "50000-50019", found "50000""#),
    Fault(
      "[ftp]\npassive = { ports = \"1-2000\" }\n",
      #"2:21: error: ftp.passive.ports: 1-2000 begins below 1024, among other services' ports"#,
      #"2:21: error: ftp.passive.ports: 1-2000 holds 21, which is ftp.port"#),
    Fault(
      "[dhcp.reserve]\nprinter = { mac = \"00:11:22:33:44\", ip = \"10.0.0.5\" }\n",
      #"2:19: error: dhcp.reserve.printer.mac: expected a hardware address such as "00:11:22:33:44:55", found "00:11:22:33:44""#,
      #"2:42: error: dhcp.reserve.printer.ip: 10.0.0.5 lies in no subnet of [dhcp]"#),
    Fault(
      "[dhcp.subnet.\"10.0.0.0/24\"]\npool = \"10.0.0.9-10.0.0.5\"\n",
      #"2:8: error: dhcp.subnet."10.0.0.0/24".pool: "10.0.0.9-10.0.0.5" ends before it begins; did you mean "10.0.0.5-10.0.0.9"?"#
    ),
    Fault(
      "[dhcp.subnet.\"10.0.0.1/24\"]\n",
      #"1:14: error: dhcp.subnet: expected a network such as "192.168.10.0/24" or "fd00:10::/64", found "10.0.0.1/24"; did you mean "10.0.0.0/24"?"#
    ),
    Fault(
      "[tls]\nissuer = \"acmee\"\n",
      #"2:10: error: tls.issuer: expected one of "acme", "internal-ca", "files", found "acmee"; did you mean "acme"?"#),
    Fault(
      "[tls]\nsolver = \"dns\"\n",
      #"2:10: error: tls.solver: expected one of "own-dns", "own-http", "own-tls", found "dns""#),
    Fault(
      "[tls]\nemail = \"it\"\n",
      #"2:9: error: tls.email: expected a mail address such as "it@acme.example", found "it""#),
    Fault(
      "[auth]\nbackends = [\"lokal\"]\n",
      #"2:13: error: auth.backends[0]: expected "local", "pam", "ldap:NAME" or "oidc:NAME", found "lokal"; did you mean "local"?"#
    ),
    Fault(
      "[roles]\nStaff = [\"mail\"]\n",
      #"2:1: error: roles: expected a name such as "lan": small letters, digits, "-" and "_", found "Staff"; did you mean "staff"?"#
    ),
    Fault(
      "[roles]\nstaff = [\"mail::x\"]\n",
      #"2:10: error: roles.staff[0]: expected a permission such as "mail", "files:home" or "console:show", found "mail::x""#
    ),
    Fault(
      "[http.sites]\n\"a.example\" = \"srv/www\"\n",
      #"2:15: error: http.sites."a.example": expected a folder such as "/srv/www", a URL such as "http://127.0.0.1:8000", "@admin", "@files" or "@acme", found "srv/www""#
    ),
    Fault(
      "[http.sites]\n\"a.example\" = \"@admim\"\n",
      #"2:15: error: http.sites."a.example": expected a folder such as "/srv/www", a URL such as "http://127.0.0.1:8000", "@admin", "@files" or "@acme", found "@admim"; did you mean "@admin"?"#
    ),
    Fault(
      "[http.sites]\n\"http://a.example\" = \"/srv\"\n",
      #"2:1: error: http.sites: expected a host name such as "www.acme.example" or "*.acme.example", found "http://a.example""#
    ),
    Fault(
      "[smtp]\nrelay = { via = \"dirct\" }\n",
      #"2:17: error: smtp.relay.via: expected "direct", or a mail relay such as "submission://mail.isp.example", found "dirct"; did you mean "direct"?"#
    ),
  ]

  /// Out of range.
  private static let outOfRange = [
    Fault(
      "[dns]\nudp_size = 100\n",
      #"2:12: error: dns.udp_size: 100 is out of range: 512 to 4096"#),
    Fault(
      "[imap]\nport = 70000\n",
      #"2:8: error: imap.port: 70000 is out of range: 0 to 65535"#),
    Fault(
      "[imap]\nport = -1\n",
      #"2:8: error: imap.port: -1 is out of range: 0 to 65535"#),
    Fault(
      "[smtp]\nmax_size = \"1kB\"\n",
      #"2:12: error: smtp.max_size: 1kB is out of range: 64kB to 1GB"#),
    Fault(
      "[imap]\nidle_timeout = \"1m\"\n",
      #"2:16: error: imap.idle_timeout: 1m is out of range: 30m to 1d"#),
    Fault(
      "[auth]\nbackends = []\n",
      #"2:12: error: auth.backends: 0 elements: at least 1 expected"#),
    Fault(
      "[auth]\npenalty = { v6 = 8 }\n",
      #"2:18: error: auth.penalty.v6: 8 is out of range: 16 to 128"#),
  ]

  /// Missing and duplicate.
  private static let missingOrTwice = [
    Fault(
      "[dns]\nzones = [\"a.example\"]\ntransfer = [{ zone = \"a.example\" }]\n",
      #"3:13: error: dns.transfer[0]: needs to, networks or key; such as to = "198.51.100.9""#),
    Fault(
      "[dhcp.reserve]\nprinter = { ip = \"10.0.0.5\" }\n",
      #"2:11: error: dhcp.reserve.printer: a reservation has one of mac, client and circuit; such as mac = "00:11:22:33:44:55""#,
      #"2:18: error: dhcp.reserve.printer.ip: 10.0.0.5 lies in no subnet of [dhcp]"#),
    Fault(
      "[smtp]\nmax_size = \"1MB\"\nmax_size = \"2MB\"\n",
      #"3:1: error: duplicate key max_size: first set in line 2"#),
    Fault(
      "[smtp]\n[dns]\n[smtp]\n",
      #"3:2: error: duplicate table smtp: first set in line 1"#),
    Fault(
      "[dns]\nzones = [\"a.example\", \"A.example\"]\n",
      #"2:23: error: dns.zones[1]: the same as dns.zones[0]"#),
    Fault(
      "[dns]\nzones = [\"a.example\", { name = \"a.example\", file = \"/z\" }]\n",
      #"2:23: error: dns.zones[1]: the zone "a.example" is here twice"#),
    Fault(
      "[http.sites]\n\"a.example\" = \"/srv/a\"\n\"A.example\" = \"/srv/b\"\n",
      #"3:1: error: http.sites."a.example": the same site name as in line 2"#),
    Fault(
      "[dns]\npublish = [\"mx\", \"mx\"]\n",
      #"2:18: error: dns.publish[1]: the same as dns.publish[0]"#),
  ]

  /// Secrets.
  private static let secrets = [
    Fault(
      "[server]\nkey = \"hunter2hunter2\"\n",
      #"2:7: error: server.key: expected a reference to a secret such as "credential:portside.kek", "file:/etc/portside/key" or "env:NAME"; a secret never stands in the configuration itself"#
    ),
    Fault(
      "[server]\nkey = \"file:relative\"\n",
      #"2:7: error: server.key: expected a reference to a secret such as "credential:portside.kek", "file:/etc/portside/key" or "env:NAME"; a secret never stands in the configuration itself"#
    ),
    Fault(
      "[server]\nkey = \"credential:../x\"\n",
      #"2:7: error: server.key: expected a reference to a secret such as "credential:portside.kek", "file:/etc/portside/key" or "env:NAME"; a secret never stands in the configuration itself"#
    ),
    Fault(
      "[server]\nstore = \"postgres://me:hunter2@db/portside\"\n",
      #"2:9: error: server.store: this URL holds a password; leave it out and name it in server.store_password = "credential:NAME""#
    ),
    Fault(
      "[http.sites]\n\"a.example\" = \"http://me:hunter2@10.0.0.1/\"\n",
      #"2:15: error: http.sites."a.example": expected a URL such as "http://127.0.0.1:8000" or "unix:/run/app.sock", found a URL with a user in it; a secret never stands in a URL"#
    ),
    Fault(
      "[dns]\nzones = [\"a.example\"]\ntransfer = [{ zone = \"a.example\", to = \"192.0.2.1\", key = \"aHVudGVyMg==\" }]\n",
      #"3:59: error: dns.transfer[0].key: expected the name of a key such as "tsig:ns2"; the key itself is kept in the store"#
    ),
  ]

  /// Cross checks.
  private static let crossChecks = [
    Fault(
      "[listen]\nlan = [\"127.0.0.1\"]\n[dns]\non = [\"lam\"]\n",
      #"4:7: error: dns.on[0]: "lam" is no group of [listen]; did you mean "lan"?"#),
    Fault(
      "[dns]\non = [\"lan\"]\n",
      #"2:7: error: dns.on[0]: "lan" is no group of [listen]; add [listen] with lan = ["127.0.0.1"]"#),
    Fault(
      "[listen]\na = [\"127.0.0.1\"]\nb = [\"127.0.0.1\"]\n[dns]\non = [\"a\", \"b\"]\n",
      #"5:6: error: dns.on: 127.0.0.1 is in both "a" and "b""#),
    Fault(
      "[listen]\na = [\"127.0.0.1\"]\n[imap]\non = [\"a\"]\nport = 993\n",
      #"5:8: error: imap.tls_port: 127.0.0.1:993 is taken by imap.port"#),
    Fault(
      "[listen]\na = [\"127.0.0.1\"]\n[imap]\non = [\"a\"]\n[pop3]\non = [\"a\"]\nport = 143\n",
      #"7:8: error: pop3.port: 127.0.0.1:143 is taken by imap.port"#),
    Fault(
      "[listen]\na = [\"0.0.0.0\"]\nb = [\"127.0.0.1\"]\n[imap]\non = [\"b\"]\n[pop3]\non = [\"a\"]\nport = 143\n",
      #"8:8: error: pop3.port: 0.0.0.0:143 is taken by imap.port on 127.0.0.1"#),
    Fault(
      "[listen]\na = [\"::\", \"::1\"]\n[imap]\non = [\"a\"]\n",
      #"4:6: error: imap.on: :: of "a" and ::1 of "a" overlap"#),
    Fault(
      "[listen]\na = [\"192.0.2.1\"]\n[imap]\non = [\"a\"]\nplaintext = true\n",
      #"5:13: error: imap.plaintext: log-in in plain text on 192.0.2.1, which is not loopback, needs plaintext_networks; name the networks that may, such as plaintext_networks = ["192.168.10.0/24"]"#
    ),
    Fault(
      "[listen]\na = [\"0.0.0.0\"]\n[ftp]\non = [\"a\"]\nplaintext = true\ntls = \"optional\"\n",
      #"5:13: error: ftp.plaintext: log-in in plain text on 0.0.0.0, which is not loopback, needs plaintext_networks; name the networks that may, such as plaintext_networks = ["192.168.10.0/24"]"#
    ),
    Fault(
      "[imap]\nplaintext = true\nplaintext_networks = [\"0.0.0.0/0\"]\n",
      #"3:23: error: imap.plaintext_networks[0]: 0.0.0.0/0 is every address: passwords would cross any network in plain text; name the networks that are meant"#
    ),
    Fault(
      "[imap]\nplaintext_networks = [\"10.0.0.0/8\"]\n",
      #"2:22: warning: imap.plaintext_networks: has no effect while plaintext is false"#),
    Fault(
      "[listen]\na = [\"192.0.2.1\"]\n[telnet]\nenabled = true\non = [\"a\"]\nplaintext = true\n"
        + "plaintext_networks = [\"192.0.2.0/24\"]\n",
      #"6:13: warning: telnet.plaintext: Telnet carries passwords and everything typed in plain text; use SSH where the client can"#
    ),
    Fault(
      "[dhcp.subnet.\"10.0.0.0/24\"]\npool = \"10.0.0.100-10.0.1.5\"\n",
      #"2:8: error: dhcp.subnet."10.0.0.0/24".pool: 10.0.1.5 lies outside of 10.0.0.0/24"#),
    Fault(
      "[dhcp.subnet.\"10.0.0.0/24\"]\npool = \"10.0.0.0-10.0.0.5\"\n",
      #"2:8: error: dhcp.subnet."10.0.0.0/24".pool: 10.0.0.0 is no host's address: it ends the subnet 10.0.0.0/24"#),
    Fault(
      "[dhcp.subnet.\"10.0.0.0/24\"]\nrouter = \"10.0.0.5\"\npool = \"10.0.0.1-10.0.0.9\"\n",
      #"3:8: error: dhcp.subnet."10.0.0.0/24".pool: the pool holds the router, 10.0.0.5"#),
    Fault(
      "[dhcp.subnet.\"10.0.0.0/24\"]\nrouter = \"10.0.1.1\"\n",
      #"2:10: error: dhcp.subnet."10.0.0.0/24".router: 10.0.1.1 lies outside of 10.0.0.0/24"#),
    Fault(
      "[dhcp.subnet.\"10.0.0.0/16\"]\n[dhcp.subnet.\"10.0.7.0/24\"]\n",
      #"2:14: error: dhcp.subnet."10.0.7.0/24": lies within the subnet 10.0.0.0/16"#),
    Fault(
      "[dhcp.reserve]\nprinter = { mac = \"00:11:22:33:44:55\", ip = \"10.0.0.5\" }\n",
      #"2:45: error: dhcp.reserve.printer.ip: 10.0.0.5 lies in no subnet of [dhcp]"#),
    Fault(
      "[dhcp.subnet.\"10.0.0.0/24\"]\n[dhcp.reserve]\na = { mac = \"00:11:22:33:44:55\", ip = \"10.0.0.5\" }\nb = { mac = \"00:11:22:33:44:55\", ip = \"10.0.0.5\" }\n",
      #"4:13: error: dhcp.reserve.b.mac: 00:11:22:33:44:55 is that of "a" as well"#,
      #"4:39: error: dhcp.reserve.b.ip: 10.0.0.5 is reserved for "a" as well"#),
    Fault(
      "[dhcp.subnet.\"10.0.0.0/24\"]\nrouter = \"10.0.0.1\"\n[dhcp.reserve]\na = { mac = \"00:11:22:33:44:55\", ip = \"10.0.0.1\" }\nb = { mac = \"00:11:22:33:44:56\", ip = \"10.0.0.255\" }\n",
      #"4:39: error: dhcp.reserve.a.ip: 10.0.0.1 is the router of 10.0.0.0/24"#,
      #"5:39: error: dhcp.reserve.b.ip: 10.0.0.255 is no host's address: it ends the subnet 10.0.0.0/24"#),
    Fault(
      "[dhcp]\nregister = \"lan.acme.exmple\"\n[dns]\nzones = [\"lan.acme.example\"]\n",
      #"2:12: error: dhcp.register: "lan.acme.exmple" is among neither dns.zones nor dhcp.update; did you mean "lan.acme.example"?"#
    ),
    Fault(
      "[dns]\nzones = [\"acme.example\"]\ntransfer = [{ zone = \"acme.exampel\", to = \"192.0.2.1\" }]\n",
      #"3:22: error: dns.transfer[0].zone: "acme.exampel" is not among dns.zones; did you mean "acme.example"?"#),
    Fault(
      "[dns]\nrecursion = [\"0.0.0.0/0\"]\n",
      #"2:14: error: dns.recursion[0]: 0.0.0.0/0 makes this an open resolver; name the networks that are meant"#),
    Fault(
      "[smtp]\nrelay = { allow = [\"::/0\"] }\n",
      #"2:20: error: smtp.relay.allow[0]: ::/0 makes this an open relay; name the machines that are meant"#),
    Fault(
      "[smtp]\nrelay = { user = \"x\" }\n",
      #"2:18: error: smtp.relay.user: needs password beside it"#),
    Fault(
      "[proxy_protocol]\nfrom = [\"0.0.0.0/0\"]\n",
      #"2:9: error: proxy_protocol.from[0]: 0.0.0.0/0 is every address: anyone could claim to be anyone; name the balancers"#
    ),
    Fault(
      "[tls]\nissuer = \"acme\"\nsolver = \"own-dns\"\n",
      #"3:10: error: tls.solver: "own-dns" needs [dns] to listen; set dns.on, or solver = "own-http""#),
    Fault(
      "[listen]\na = [\"127.0.0.1\"]\n[tls]\nissuer = \"acme\"\nsolver = \"own-dns\"\n[dns]\non = [\"a\"]\n",
      #"5:10: error: tls.solver: "own-dns" needs a zone of [dns] that holds server.hostname, "localhost""#),
    Fault(
      "[tls]\nissuer = \"acme\"\n",
      #"2:10: error: tls.solver: "own-http" needs [http] to listen; set http.on, or solver = "own-dns""#),
    Fault(
      "[tls]\nissuer = \"files\"\n",
      #"2:10: error: tls.issuer: "files" needs tls.certificates; such as certificates = [{ chain = "/etc/portside/srv.pem", key = "file:/etc/portside/srv.key" }]"#
    ),
    Fault(
      "[tls]\ncertificates = [{ chain = \"/c.pem\", key = \"file:/k.pem\" }]\n",
      #"2:16: warning: tls.certificates: has an effect only with issuer = "files""#),
    Fault(
      "[auth]\nbackends = [\"ldap:ad\"]\n",
      #"2:13: error: auth.backends[0]: "ldap:ad" needs a table [auth.ldap.ad]"#),
    Fault(
      "[auth]\nbackends = [\"ldap:ad\"]\n[auth.ldap.add]\nurl = \"ldaps://a.example\"\nbase = \"dc=a\"\n",
      #"2:13: error: auth.backends[0]: "ldap:ad" needs a table [auth.ldap.ad]; did you mean "ldap:add"?"#),
    Fault(
      "[auth]\npenalty = { min = \"20m\" }\n",
      #"2:19: error: auth.penalty.max: 10m is less than min, 20m"#),
    Fault(
      "[server]\nblobs = \"s3:bucket\"\n",
      #"2:9: error: server.blobs: a bucket needs server.blobs_secret; such as blobs_secret = "credential:portside.s3""#),
    Fault(
      "[http.sites.\"a.example\"]\nindex = [\"a.html\"]\n",
      #"1:13: error: http.sites."a.example": a site needs one of root, upstream, redirect, admin, files and acme"#),
    Fault(
      "[http.sites.\"a.example\"]\nroot = \"/srv\"\nupstream = \"http://10.0.0.1\"\n",
      #"3:12: error: http.sites."a.example".upstream: a site can't have both root and upstream"#),
    Fault(
      "[http]\ntls_port = \"off\"\n[http.sites.\"a.example\"]\nroot = \"/srv\"\nredirect_to_https = true\n",
      #"2:12: error: http.tls_port: a site redirects to HTTPS, and there is no port for it"#),
    Fault(
      "[http]\ndefault_site = \"a.exmple\"\nsites = { \"a.example\" = \"/srv\" }\n",
      #"2:16: error: http.default_site: "a.exmple" is not among http.sites; did you mean "a.example"?"#),
    Fault(
      "[ftp]\nport = 50001\n",
      #"2:8: error: ftp.passive.ports: 50000-50019 holds 50001, which is ftp.port"#),
    Fault(
      "[ftp]\nplaintext = true\n",
      #"2:13: warning: ftp.plaintext: has no effect with tls = "required""#),
    Fault(
      "[limits]\nconnections = 10\n",
      #"2:15: warning: limits.connections_per_source: 100 is more than connections, 10"#),
    Fault(
      "[tftp]\nwrite_from = [\"10.0.0.0/8\"]\n",
      #"2:14: warning: tftp.write_from: has no effect without write"#),
  ]

  /// Several at once, in order; none that only follows from another.
  private static let several = [
    Fault(
      "[dns]\nzones = [1]\ntransfer = [{ zone = \"a.example\", to = \"192.0.2.1\" }]\n[smtp]\nmax_sise = 1\nmax_size = 2\n[server]\nhostname = \"ok.example\"\nhostname = \"again.example\"\n",
      #"2:10: error: dns.zones[0]: expected a zone such as "acme.example", or a table, found an integer"#,
      #"5:1: error: unknown key "max_sise" in [smtp]; did you mean "max_size"?"#,
      #"6:12: error: smtp.max_size: expected a size such as "35MB" or "1GiB", found an integer"#,
      #"9:1: error: duplicate key hostname: first set in line 8"#),
    Fault(
      "[listen]\nlan = [\"10.0.0.999\"]\n[dns]\non = [\"lan\"]\n[imap]\nprot = 1\n",
      #"2:8: error: listen.lan[0]: expected an IP address such as "192.168.10.2" or "fd00:10::2", found "10.0.0.999""#,
      #"6:1: error: unknown key "prot" in [imap]; did you mean "port"?"#),
  ]

  /// Syntax.
  private static let syntax = [
    Fault(
      "[smtp]\nmax_size = 35MB\n",
      #"2:12: error: this is no number; a value with a unit or a name needs quotes"#),
    Fault(
      "[smtp\n",
      #"1:6: error: expected "]" at the end of the header"#),
    Fault(
      "[server]\nhostname = srv.acme.example\n",
      #"2:12: error: expected a value; text needs quotes"#),
    Fault(
      "[server]\nkey = \"credential:a\n",
      #"2:7: error: this string is never closed: expected '"' on the same line"#),
  ]

}
