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

from servers import HOST, Key, Knot, Named, Portside, free_port, run, until, zone_text

PROGRAM = sys.argv[1]
VARIETY = [
    "@ MX 10 mail", '@ TXT "v=spf1 -all"', "mail A 192.0.2.2", "www CNAME mail", "*.wild MX 5 mail", "*.wild TXT w",
    "_sip._tcp SRV 0 1 5060 mail", "sub NS ns.sub", "ns.sub A 192.0.2.3", "old DNAME new", "a.b.c.d TXT deep",
    "Mixed.Case A 192.0.2.9", "svc HTTPS 1 . alpn=h2 ipv4hint=192.0.2.7", "odd TYPE731 \\# 4 DEADBEEF",
]
servers = []


def keep(server):
    servers.append(server)
    return server


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


CASES = {
    "out": transfers_out,
    "secondaries": secondaries,
    "updates": updates,
    "knot-primary": lambda: primaries("knot"),
    "named-primary": lambda: primaries("named"),
}

if __name__ == "__main__":
    failed = False
    try:
        CASES[sys.argv[2]]()
    except BaseException:
        failed = True
        import traceback
        traceback.print_exc()
        for server in servers:
            if os.path.exists(server.log):
                print(f"--- {type(server).__name__} on {server.port}\n{server.text()[-3000:]}")
    finally:
        for server in servers:
            server.remove()
    print("failed" if failed else "passed")
    sys.exit(1 if failed else 0)
