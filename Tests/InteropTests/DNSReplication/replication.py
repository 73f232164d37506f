#!/usr/bin/env python3
"""Zones that Portside, knotd and named transfer to one another: replication.py PORTSIDE CASE

Needs Debian's knot, knot-dnsutils, bind9, bind9-dnsutils and python3-dnspython. Prints what went wrong; exit code 1.
"""

import os
import sys
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import dns.zone

from servers import HOST, Key, Knot, Named, Portside, free_port, keep, run, run_case, until, zone_text

PROGRAM = sys.argv[1]
VARIETY = [
    "@ MX 10 mail", '@ TXT "v=spf1 -all"', "mail A 192.0.2.2", "www CNAME mail", "*.wild MX 5 mail", "*.wild TXT w",
    "_sip._tcp SRV 0 1 5060 mail", "sub NS ns.sub", "ns.sub A 192.0.2.3", "old DNAME new", "a.b.c.d TXT deep",
    "Mixed.Case A 192.0.2.9", "svc HTTPS 1 . alpn=h2 ipv4hint=192.0.2.7", "odd TYPE731 \\# 4 DEADBEEF",
]


def portside():
    return keep(Portside(PROGRAM))


def lines_of(text, origin):
    zone = dns.zone.from_text(text, origin=origin, relativize=False)
    import re
    found = set()
    for name, ttl, rdata in zone.iterate_rdatas():
        found.add(re.sub(r"\s+", " ", f"{name} {ttl} in {dns.rdatatype.to_text(rdata.rdtype)} {rdata.to_text()}").lower().replace("\"", ""))
    return sorted(found)


def same(one, other, what):
    assert one == other, f"{what}: {sorted(set(one) ^ set(other))[:10]}"


def transfers_out():
    """AXFR to dig, kdig and dnspython, with and without keys; who may not gets nothing."""
    keys = [Key("ns2"), Key("ns3", "hmac-sha384"), Key("ns4", "hmac-sha512")]
    stranger = Key("ns2")
    text = zone_text(7, VARIETY)
    large = zone_text(9, [f"host{n} TXT \"{'x' * (n % 200)} {n}\"\nhost{n} MX 10 mail.host{n}" for n in range(20000)]
                      + [f"many TXT \"{n} {'y' * 200}\"" for n in range(150)])
    server = portside()
    server.write("lab.zone", text)
    server.write("large.zone", large)
    server.configure(
        f'{{ name = "lab.test", file = "{server.path("lab.zone")}" }}, '
        f'{{ name = "large.test", file = "{server.path("large.zone")}" }}',
        'transfer = [ { zone = "large.test", networks = ["127.0.0.0/8"] }, '
        + ", ".join(f'{{ zone = "lab.test", key = "tsig:{key.name}" }}' for key in keys) + "]", keys).start()
    same(server.records("large.test"), lines_of(large, "large.test."), "kdig AXFR of the large zone")
    code, output = run(["dig", "-p", str(server.port), f"@{HOST}", "large.test", "AXFR", "+nocomments"])
    assert output.count("\n") > 40_000, output[-500:]
    for key in keys:
        same(server.records("lab.test", key), lines_of(text, "lab.test."), f"kdig AXFR with {key.algorithm}")
        code, output = run(["dig", "-y", key.kdig(), "-p", str(server.port), f"@{HOST}", "lab.test", "AXFR"])
        assert "TSIG" in output and "; Transfer failed" not in output and "XFR size: 1" in output, output
        zone = dns.zone.from_xfr(dns.query.xfr(HOST, "lab.test.", port=server.port, keyring=key.ring(), relativize=False), relativize=False)
        assert len(zone.nodes) > 10
        answer = server.ask("mail.lab.test", "A", keyring=key.ring())
        assert answer.had_tsig and answer.answer, answer
    code, output = run(["kdig", "-p", str(server.port), f"@{HOST}", "lab.test", "AXFR"])
    assert "REFUSED" in output, output
    code, output = run(["dig", "-y", stranger.kdig(), "-p", str(server.port), f"@{HOST}", "lab.test", "AXFR"])
    assert "tsig verify failure" in output.lower() or "BADSIG" in output, output
    code, output = run(["dig", "-y", Key("nobody").kdig(), "-p", str(server.port), f"@{HOST}", "lab.test", "A"])
    assert "BADKEY" in output, output
    # Ten minutes late: BADTIME, and the server's time.
    query = dns.message.make_query("mail.lab.test", "A")
    query.use_tsig(keys[0].ring())
    real = time.time
    try:
        time.time = lambda: real() - 600
        wire = query.to_wire()
    finally:
        time.time = real
    import socket
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.sendto(wire, (HOST, server.port))
        late = udp.recv(4096)
    assert late[3] & 15 == 9 and late[-8:-6] == b"\x00\x06" and late[-10:-8] == b"\x00\x12", late
    # IXFR for the serial that is served: the SOA alone. For an older one without a journal: the whole zone.
    code, output = run(["kdig", "-y", keys[0].kdig(), "-p", str(server.port), f"@{HOST}", "lab.test", "IXFR=7", "+short"])
    assert len(output.split("\n")) == 2, output
    same_zone = run(["kdig", "-y", keys[0].kdig(), "-p", str(server.port), f"@{HOST}", "lab.test", "IXFR=3"])[1]
    assert "deadbeef" in same_zone.lower(), same_zone
    code, output = run(["kdig", "-p", str(server.port), f"@{HOST}", "+notcp", "large.test", "AXFR"])


def secondaries():
    """knotd and named as secondaries: NOTIFY, then IXFR, also after a restart of Portside."""
    key = Key("xfer")
    knot, named = keep(Knot()), keep(Named())
    server = portside()
    names = list(VARIETY)
    server.write("lab.zone", zone_text(10, names))
    server.configure(
        f'{{ name = "lab.test", file = "{server.path("lab.zone")}" }}',
        f'transfer = [ {{ zone = "lab.test", to = "{HOST}:{knot.port}", key = "tsig:xfer" }},'
        f' {{ zone = "lab.test", to = "{HOST}:{named.port}", key = "tsig:xfer" }} ]', [key]).start()
    knot.start(
        "  - domain: lab.test\n    master: portside\n    acl: [from, out]\n    zonefile-sync: -1\n",
        f"remote:\n  - id: portside\n    address: {HOST}@{server.port}\n    key: xfer\n",
        "acl:\n  - id: from\n    key: xfer\n    action: notify\n  - id: out\n    address: 127.0.0.1\n    action: transfer\n",
        [key])
    named.start(
        f'zone "lab.test" {{ type secondary; file "lab.zone"; primaries {{ {HOST} port {server.port} key xfer; }};'
        f' allow-notify {{ key xfer; }}; allow-transfer {{ {HOST}; }}; masterfile-format text; }};', [key])
    both = [knot, named]
    for other in both:
        until("first transfer", lambda: other.serial("lab.test") == 10)
    expected = server.records("lab.test", key)
    for other in both:
        same(other.records("lab.test"), expected, f"{type(other).__name__} after AXFR")
    for serial in (11, 12):
        names.append(f"new{serial} A 192.0.2.{serial}")
        names.remove("mail A 192.0.2.2") if serial == 11 else names.append("mail A 192.0.2.22")
        if serial == 11:
            names.append("mail AAAA 2001:db8::2")
        server.write("lab.zone", zone_text(serial, names))
        server.reload()
        for other in both:
            until(f"serial {serial} by NOTIFY", lambda: other.serial("lab.test") == serial)
        expected = server.records("lab.test", key)
        for other in both:
            same(other.records("lab.test"), expected, f"{type(other).__name__} after IXFR to {serial}")
    assert server.text().count('"kind":"incremental"') >= 4, server.text()[-3000:]
    assert "IXFR, incoming" in knot.text() and "Transfer status: success" in named.text()
    # The journal is still there after a restart (kill -9): from 10 to 12 in steps.
    server.stop(kill=True)
    time.sleep(0.5)
    server.start()
    code, output = run(["kdig", "-y", key.kdig(), "-p", str(server.port), f"@{HOST}", "lab.test", "IXFR=10", "+short"])
    assert output.count("hostmaster") == 6, output


def updates():
    """nsupdate: prerequisites, what belongs to a person, rules; a secondary follows; all is there after a restart."""
    key, other_key = Key("ddns"), Key("other")
    knot = keep(Knot())
    server = portside()
    server.write("lab.zone", zone_text(100, VARIETY))
    server.configure(
        f'{{ name = "lab.test", file = "{server.path("lab.zone")}" }}',
        'update = [ { zone = "lab.test", key = "tsig:ddns" }, '
        '{ zone = "lab.test", key = "tsig:other", below = ["dyn.lab.test"], types = ["TXT"] } ]\n'
        f'transfer = [ {{ zone = "lab.test", to = "{HOST}:{knot.port}" }}, {{ zone = "lab.test", networks = ["127.0.0.0/8"] }} ]',
        [key, other_key]).start()
    knot.start(
        "  - domain: lab.test\n    master: portside\n    acl: from\n    zonefile-sync: -1\n",
        f"remote:\n  - id: portside\n    address: {HOST}@{server.port}\n",
        "acl:\n  - id: from\n    address: 127.0.0.1\n    action: [notify, transfer]\n")

    def nsupdate(commands, signed=key):
        text = f"server {HOST} {server.port}\nzone lab.test\n{commands}\nsend\nanswer\n"
        words = ["nsupdate", "-v"] + (["-y", signed.kdig()] if signed else [])
        return run(words, text)[1]

    def expect(commands, code, signed=key):
        output = nsupdate(commands, signed)
        assert f"status: {code}" in output, f"{commands}: {output}\n{server.text()[-1500:]}"

    def data(name, rdtype):
        answer = server.ask(name, rdtype)
        return sorted(r.to_text() for rrset in answer.answer for r in rrset)

    until("knot has it", lambda: knot.serial("lab.test") == 100)
    expect("update add host1.lab.test 60 A 192.0.2.101\nupdate add host1.lab.test 60 TXT \"one\"", "NOERROR")
    assert data("host1.lab.test", "A") == ["192.0.2.101"]
    serial = server.serial("lab.test")
    assert serial > 100
    until("the secondary follows", lambda: knot.serial("lab.test") == serial)
    assert "IXFR" in knot.text()
    expect("prereq nxdomain host1.lab.test\nupdate add host1.lab.test 60 A 192.0.2.102", "YXDOMAIN")
    expect("prereq yxdomain no.lab.test\nupdate add host2.lab.test 60 A 192.0.2.102", "NXDOMAIN")
    expect("prereq yxrrset host1.lab.test A 192.0.2.9\nupdate add host2.lab.test 60 A 192.0.2.102", "NXRRSET")
    expect("prereq nxrrset host1.lab.test A\nupdate add host2.lab.test 60 A 192.0.2.102", "YXRRSET")
    expect("prereq yxrrset host1.lab.test A 192.0.2.101\nupdate add host2.lab.test 60 A 192.0.2.102", "NOERROR")
    assert data("host2.lab.test", "A") == ["192.0.2.102"] and data("no.lab.test", "A") == []
    # A person's record is not touched, and nothing else of the same update is done either.
    expect("update delete mail.lab.test A\nupdate add host3.lab.test 60 A 192.0.2.103", "REFUSED")
    assert data("mail.lab.test", "A") == ["192.0.2.2"] and data("host3.lab.test", "A") == []
    expect("update add mail.lab.test 60 A 192.0.2.200", "NOERROR")
    assert data("mail.lab.test", "A") == ["192.0.2.2", "192.0.2.200"]
    expect("update delete mail.lab.test A 192.0.2.200", "NOERROR")
    assert data("mail.lab.test", "A") == ["192.0.2.2"]
    # An alias stands alone (RFC 2136 section 3.4.2.2): passed over silently.
    expect("update add mail.lab.test 60 CNAME host1.lab.test.", "NOERROR")
    assert data("mail.lab.test", "A") == ["192.0.2.2"]
    expect("update delete host2.lab.test", "NOERROR")
    assert server.ask("host2.lab.test", "A").rcode() == dns.rcode.NXDOMAIN
    expect("update add x.other.test 60 A 192.0.2.1", "NOTZONE")
    # Rules: unsigned, outside of the names, another type.
    expect("update add host4.lab.test 60 A 192.0.2.104", "REFUSED", None)
    expect("update add host4.lab.test 60 TXT four", "REFUSED", other_key)
    expect("update add a.dyn.lab.test 60 A 192.0.2.104", "REFUSED", other_key)
    expect("update add a.dyn.lab.test 60 TXT four", "NOERROR", other_key)
    for number in range(30):
        expect(f"update add n{number}.dyn.lab.test 60 TXT \"{number}\"", "NOERROR", other_key)
    serial = server.serial("lab.test")
    before = server.records("lab.test")
    until("the secondary follows", lambda: knot.serial("lab.test") == serial)
    same(knot.records("lab.test"), before, "knot after many updates")
    server.stop(kill=True)
    time.sleep(0.5)
    server.start()
    same(server.records("lab.test"), before, "after kill -9")
    assert server.serial("lab.test") == serial
    # The person writes on: both are served.
    server.write("lab.zone", zone_text(100, VARIETY + ["later A 192.0.2.77"]))
    server.reload()
    until("the file's new record", lambda: data("later.lab.test", "A") == ["192.0.2.77"])
    assert data("host1.lab.test", "A") == ["192.0.2.101"] and server.serial("lab.test") > serial


def primaries(kind):
    """Portside as a secondary of knotd or named: AXFR, NOTIFY and IXFR, restarts, expiry."""
    key = Key("xfer", "hmac-sha512")
    server = portside()
    primary = keep(Knot() if kind == "knot" else Named())
    text = zone_text(1, VARIETY, refresh=3600, retry=1, expire=6)
    long = zone_text(1, [f"host{n} A 192.0.2.{n % 250}" for n in range(10000)])

    def start():
        if kind == "knot":
            primary.start(
                "".join(f"  - domain: {name}.test\n    file: {primary.folder}/{name}.zone\n    notify: portside\n"
                        f"    acl: out\n    journal-content: changes\n    zonefile-sync: 0\n" for name in ("lab", "long")),
                f"remote:\n  - id: portside\n    address: {HOST}@{server.port}\n    key: xfer\n",
                "acl:\n  - id: out\n    key: xfer\n    action: [transfer, update]\n", [key])
        else:
            primary.start("".join(
                f'zone "{name}.test" {{ type primary; file "{primary.folder}/{name}.zone"; allow-transfer {{ key xfer; }};'
                f' allow-update {{ key xfer; }}; notify explicit; also-notify {{ {HOST} port {server.port} key xfer; }};'
                f' ixfr-from-differences yes; }};\n' for name in ("lab", "long")), [key])

    primary.write("lab.zone", text)
    primary.write("long.zone", long)
    start()
    server.configure(
        ", ".join(f'{{ name = "{name}.test", from = ["{HOST}:{primary.port}"], key = "tsig:xfer" }}' for name in ("lab", "long")),
        'transfer = [ { zone = "lab.test", networks = ["127.0.0.0/8"] }, { zone = "long.test", networks = ["127.0.0.0/8"] } ]',
        [key]).start()
    for zone in ("lab.test", "long.test"):
        until(f"{zone} by AXFR", lambda: server.serial(zone) == 1)
        same(server.records(zone), primary.records(zone, key), zone)

    def change(line, serial):
        update = dns.update.Update("lab.test", keyring=key.ring())
        update.add(line, 60, "A", "192.0.2.50")
        assert dns.query.tcp(update, HOST, port=primary.port, timeout=10).rcode() == 0
        serial = until("the primary's new serial", lambda: primary.serial("lab.test"))
        until("the change by NOTIFY", lambda: server.serial("lab.test") == primary.serial("lab.test"))
        same(server.records("lab.test"), primary.records("lab.test", key), f"after {line}")

    for number in range(3):
        change(f"change{number}", number + 2)
    assert "steps" in server.text(), server.text()[-2000:]
    # What others transfer from us goes on in steps.
    serial = server.serial("lab.test")
    output = run(["kdig", "-p", str(server.port), f"@{HOST}", "lab.test", f"IXFR={serial - 1}", "+short"])[1]
    assert output.count("hostmaster") == 4, output
    # Without its primary: what is on disk is served after a restart, until it expires.
    primary.stop()
    server.stop()
    server.start()
    assert server.serial("long.test") == 1 and server.ask("host7.long.test", "A").answer
    until("expiry", lambda: server.ask("mail.lab.test", "A").rcode() == dns.rcode.SERVFAIL)
    assert server.ask("host7.long.test", "A").answer
    start()
    until("the primary is back", lambda: server.ask("mail.lab.test", "A").answer)


def catalogs():
    """Catalogs of zones (RFC 9432): Portside takes that of knotd; knotd and named take Portside's."""
    key = Key("xfer")
    knot, server = keep(Knot()), portside()
    members = ["one.test", "two.test"]

    def knot_zones():
        return (
            "  - domain: catalog.test\n    catalog-role: generate\n    notify: portside\n    acl: out\n"
            + "".join(f"  - domain: {name}\n    file: {knot.folder}/{name}.zone\n    notify: portside\n    acl: out\n"
                      "    catalog-role: member\n    catalog-zone: catalog.test\n" for name in members))

    remotes = f"remote:\n  - id: portside\n    address: {HOST}@{server.port}\n    key: xfer\n"
    acls = "acl:\n  - id: out\n    key: xfer\n    action: transfer\n"
    for number, name in enumerate(members + ["three.test"]):
        knot.write(f"{name}.zone", zone_text(number + 1, [f"host A 192.0.2.{number}"]))
    knot.start(knot_zones(), remotes, acls, [key])
    server.configure(
        f'{{ name = "catalog.test", from = ["{HOST}:{knot.port}"], key = "tsig:xfer", catalog = true }}', "", [key]).start()
    for number, name in enumerate(members):
        until(f"{name} by the catalog", lambda: server.serial(name) == number + 1)
    members.remove("one.test")
    members.append("three.test")
    knot.write("knot.conf", open(knot.path("knot.conf")).read().split("zone:\n")[0] + "zone:\n" + knot_zones())
    assert knot.control("reload")[0] == 0
    until("three.test has come", lambda: server.serial("three.test") == 3)
    until("one.test has gone", lambda: server.ask("one.test", "SOA").rcode() == dns.rcode.REFUSED)
    assert server.serial("two.test") == 2
    server.stop()
    knot.stop()
    server.start()
    until("members from the disk", lambda: server.serial("three.test") == 3)
    server.stop()

    # The other way round.
    maker, taker, bind = portside(), keep(Knot()), keep(Named())
    zones = ["four.test", "five.test"]
    transfers = ", ".join(
        f'{{ zone = "{zone}", to = "{HOST}:{other.port}", key = "tsig:xfer" }}'
        for zone in ["list.test"] + zones + ["six.test"] for other in (taker, bind))
    for zone in zones + ["six.test"]:
        maker.write(f"{zone}.zone", zone_text(1, ["host A 192.0.2.1"]))
    def configure(names):
        entries = ", ".join(f'{{ name = "{zone}", file = "{maker.path(zone)}.zone" }}' for zone in names)
        used = ", ".join(part + " }" for part in [t.strip(" }") for t in transfers.split("}, ")] if any(f'"{n}"' in part for n in names + ["list.test"]))
        maker.configure('{ name = "list.test", catalog = true }, ' + entries, f"transfer = [{used}]", [key])
    configure(zones)
    maker.start()
    taker.start(
        "  - domain: list.test\n    master: portside\n    acl: from\n    catalog-role: interpret\n    catalog-template: member\n",
        f"remote:\n  - id: portside\n    address: {HOST}@{maker.port}\n    key: xfer\n",
        "acl:\n  - id: from\n    key: xfer\n    action: notify\n", [key],
        f"  - id: member\n    storage: {taker.folder}\n    master: portside\n    acl: from\n")
    bind.start(
        f'zone "list.test" {{ type secondary; file "list"; primaries {{ {HOST} port {maker.port} key xfer; }}; allow-notify {{ key xfer; }}; }};',
        [key], f'catalog-zones {{ zone "list.test" default-primaries {{ {HOST} port {maker.port} key xfer; }} in-memory yes min-update-interval 1; }};')
    for zone in zones:
        for other in (taker, bind):
            until(f"{zone} at {type(other).__name__}", lambda: other.serial(zone) == 1)
    configure(["five.test", "six.test"])
    maker.reload()
    for other in (taker, bind):
        until("six.test has come", lambda: other.serial("six.test") == 1)
        until("four.test has gone", lambda: other.serial("four.test") is None)


def digests():
    """ZONEMD (RFC 8976): knotd's are right for us, ours for knotd; a zone with a wrong one is not taken."""
    key = Key("xfer")
    server, knot = portside(), keep(Knot())
    names = VARIETY + ["zz A 192.0.2.200", "ZZ.upper A 192.0.2.201", "a\\000b A 192.0.2.202", "a\\001b A 192.0.2.203"]
    server.write("ours.zone", zone_text(5, names))
    knot.write("theirs.test.zone", zone_text(5, names))
    bad = zone_text(5, names) + "@ ZONEMD 5 1 1 " + "ab" * 48 + "\n"
    knot.write("bad.test.zone", bad)
    server.configure(
        f'{{ name = "ours.test", file = "{server.path("ours.zone")}", digest = true }}, '
        + ", ".join(f'{{ name = "{zone}", from = ["{HOST}:{knot.port}"], key = "tsig:xfer" }}' for zone in ("theirs.test", "bad.test")),
        f'transfer = [ {{ zone = "ours.test", to = "{HOST}:{knot.port}", key = "tsig:xfer" }} ]', [key]).start()
    knot.start(
        "  - domain: ours.test\n    master: portside\n    acl: [from]\n    zonemd-verify: on\n    zonefile-sync: -1\n"
        f"  - domain: theirs.test\n    file: {knot.folder}/theirs.test.zone\n    acl: [out]\n    notify: portside\n    zonemd-generate: zonemd-sha512\n    zonefile-sync: -1\n"
        f"  - domain: bad.test\n    file: {knot.folder}/bad.test.zone\n    acl: [out]\n    notify: portside\n",
        f"remote:\n  - id: portside\n    address: {HOST}@{server.port}\n    key: xfer\n",
        "acl:\n  - id: from\n    key: xfer\n    action: notify\n  - id: out\n    key: xfer\n    action: transfer\n", [key])
    until("knotd takes ours", lambda: knot.serial("ours.test") == 5)
    assert "ZONEMD" in run(["kdig", "-p", str(server.port), f"@{HOST}", "ours.test", "ZONEMD"])[1]
    until("we take knotd's", lambda: server.ask("theirs.test", "TYPE63").answer)
    until("the wrong one is refused", lambda: "digest is wrong" in server.text())
    assert server.ask("bad.test", "SOA").rcode() == dns.rcode.SERVFAIL
    # The commands.
    server.write("bad.zone", bad)
    code, output = run([PROGRAM, "zone", "check", "bad.test", server.path("bad.zone")])
    assert code == 1 and "digest is wrong" in output, output
    server.write("editor", "#!/bin/sh\necho 'edited A 192.0.2.99' >> \"$1\"\n", 0o755)
    config = ["--config", server.path("portside.toml")]
    os.environ["EDITOR"] = server.path("editor")
    os.environ.pop("VISUAL", None)
    code, output = run([PROGRAM, "zone", "edit", "ours.test", "--yes"] + config)
    assert code == 0 and "+edited A 192.0.2.99" in output and "hostmaster 6 " in output, output
    until("the edited zone", lambda: server.serial("ours.test") == 6 and knot.serial("ours.test") == 6)
    server.write("editor", "#!/bin/sh\necho 'broken A nonsense' >> \"$1\"\n", 0o755)
    code, output = run([PROGRAM, "zone", "edit", "ours.test", "--yes"] + config, "n\n")
    assert code == 1 and "is no IPv4 address" in output and "nonsense" not in open(server.path("ours.zone")).read(), output
    code, output = run([PROGRAM, "zone", "export", "ours.test"] + config)
    assert code == 0 and "edited.ours.test. 300 IN A 192.0.2.99" in output and output.startswith("ours.test. 300 IN SOA"), output
    code, output = run([PROGRAM, "zone", "export", "theirs.test"] + config)
    assert code == 0 and "ZONEMD" in output, output
    code, output = run([PROGRAM, "zone", "key", "fresh"] + config)
    assert code == 0 and output == run([PROGRAM, "zone", "key", "fresh"] + config)[1] and "hmac-sha256" in output, output


def views():
    """Each client gets the zone of its network; kdig asks from several addresses of loopback."""
    server = portside()
    for name, address in (("all", "192.0.2.1"), ("inner", "192.0.2.2"), ("one", "192.0.2.3")):
        server.write(f"{name}.zone", zone_text(1, [f"host A {address}", f"only-{name} A {address}"]))
    server.configure(
        f'{{ name = "lab.test", file = "{server.path("all.zone")}" }}, '
        f'{{ name = "lab.test", file = "{server.path("one.zone")}", networks = ["127.9.0.1"] }}, '
        f'{{ name = "lab.test", file = "{server.path("inner.zone")}", networks = ["127.9.0.0/16", "127.8.0.0/16"] }}, '
        f'{{ name = "inner.test", file = "{server.path("inner.zone")}", networks = ["127.9.0.0/16", "127.8.0.0/16"] }}').start()

    def host(source, name, *more):
        return run(["kdig", "-b", source, "-p", str(server.port), f"@{HOST}", name, "A", "+short", *more])[1].strip()

    for more in ([], ["+tcp"]):
        assert host("127.0.0.1", "host.lab.test", *more) == "192.0.2.1"
        assert host("127.9.0.1", "host.lab.test", *more) == "192.0.2.3"
        assert host("127.9.0.2", "host.lab.test", *more) == "192.0.2.2"
        assert host("127.8.1.1", "host.inner.test", *more) == "192.0.2.2"
        assert host("127.0.0.1", "host.inner.test", *more) == ""
        assert host("127.9.0.2", "only-all.lab.test", *more) == ""
    server.write("inner.zone", zone_text(2, ["host A 192.0.2.22"]))
    server.reload()
    until("the view's new zone", lambda: host("127.8.1.1", "host.lab.test") == "192.0.2.22")
    assert host("127.0.0.1", "host.lab.test") == "192.0.2.1"


def inside_tls():
    """Transfers inside TLS (RFC 9103): kdig from us, and we from another Portside; not from one that nobody vouches for."""
    key, port = Key("xfer"), free_port()
    primary, secondary = portside(), portside()
    primary.write("lab.zone", zone_text(1, VARIETY + [f"h{n} A 192.0.2.{n % 250}" for n in range(3000)]))
    primary.configure(
        f'{{ name = "lab.test", file = "{primary.path("lab.zone")}" }}',
        f'transfer = [ {{ zone = "lab.test", to = "{HOST}:{secondary.port}", key = "tsig:xfer" }} ]', [key], port).start()
    code, output = run(["kdig", "+tls", "-y", key.kdig(), "-p", str(port), f"@{HOST}", "lab.test", "AXFR"], seconds=60)
    assert output.count("192.0.2.") > 2_900, output[-1000:]
    authority = f"{primary.folder}/data/ca/ca.pem"
    trusted = secondary.write("authority/ca.pem", open(authority).read())
    os.chmod(secondary.path("authority"), 0o755)
    entry = f'name = "lab.test", from = ["{HOST}:{port}"], key = "tsig:xfer", tls = true'
    secondary.configure(f'{{ {entry} }}', "", [key]).start()
    until("a stranger is refused", lambda: "unreachable" in secondary.text() or "CERTIFICATE_VERIFY" in secondary.text())
    assert secondary.serial("lab.test") is None
    secondary.stop()
    secondary.configure(f'{{ {entry}, authority = "{trusted}" }}',
                        'transfer = [ { zone = "lab.test", networks = ["127.0.0.0/8"] } ]', [key]).start()
    until("the zone inside TLS", lambda: secondary.serial("lab.test") == 1)
    same(secondary.records("lab.test"), primary.records("lab.test", key), "inside TLS")


CASES = {
    "tls": inside_tls,
    "views": views,
    "catalogs": catalogs,
    "digests": digests,
    "out": transfers_out,
    "secondaries": secondaries,
    "updates": updates,
    "knot-primary": lambda: primaries("knot"),
    "named-primary": lambda: primaries("named"),
}

if __name__ == "__main__":
    run_case(CASES[sys.argv[2]])
