#!/usr/bin/env python3
"""Updates, aliases, cookies and a full disk, with nsupdate, dig, knotd, dnssec-verify: authority.py PORTSIDE CASE

Needs Debian's knot, bind9-dnsutils, bind9-utils, ldnsutils and python3-dnspython. Prints what went wrong; exit code 1.
"""

import os
import re
import subprocess
import sys
import tempfile

import dns.rcode
import dns.rdatatype

from servers import HOST, Key, Knot, Portside, keep, run, run_case, until, zone_text

PROGRAM = sys.argv[1]


def data(server, name, rdtype):
    answer = server.ask(name, rdtype)
    return sorted(r.to_text() for rrset in answer.answer for r in rrset)


def nsupdate(server, commands, *words):
    text = f"server {HOST} {server.port}\nzone lab.test\n{commands}\nsend\nanswer\n"
    return run(["nsupdate", *words], text)[1]


def public_keys():
    """Updates signed by the private halves of KEY records: every algorithm, a stranger, a key that an update planted."""
    with tempfile.TemporaryDirectory() as folder:
        def make(name, *words):
            code, output = run(["dnssec-keygen", "-q", "-K", folder, "-T", "KEY", "-n", "HOST", *words, name], seconds=60)
            assert code == 0, output
            path = os.path.join(folder, [word for word in output.split() if re.fullmatch(r"K.*\+\d{3}\+\d{5}", word)][-1])
            return path, [line for line in open(path + ".key") if not line.startswith(";")][0]

        made = {
            "ecdsa": make("ecdsa.lab.test", "-a", "ECDSAP256SHA256"), "ed": make("ed.lab.test", "-a", "ED25519"),
            "rsa": make("rsa.lab.test", "-a", "RSASHA256", "-b", "2048"),
            "p384": make("p384.lab.test", "-a", "ECDSAP384SHA384"),
        }
        stranger, _ = make("ecdsa.lab.test", "-a", "ECDSAP256SHA256")
        unnamed, unnamed_key = make("unnamed.lab.test", "-a", "ED25519")
        planted, planted_key = make("planted.lab.test", "-a", "ED25519")
        server = keep(Portside(PROGRAM))
        keys = [line for _, line in made.values()] + [unnamed_key]
        server.write("lab.zone", zone_text(1, ["mail A 192.0.2.2"]) + "".join(keys))
        rules = [f'{{ zone = "lab.test", key = "sig0:{name}.lab.test", below = ["{name}.lab.test"] }}' for name in made]
        rules.append('{ zone = "lab.test", key = "sig0:planted.lab.test" }')
        # A shared key of the same name is another one.
        shared = Key("ed.lab.test")
        server.configure(f'{{ name = "lab.test", file = "{server.path("lab.zone")}" }}',
                         f'update = [{", ".join(rules)}]', [shared]).start()

        def expect(commands, code, *words):
            output = nsupdate(server, commands, *words)
            assert f"status: {code}" in output, f"{words} {commands}: {output}\n{server.text()[-1500:]}"

        for transport in ([], ["-v"]):
            for name, (path, _) in made.items():
                expect(f"update add {name}.lab.test 60 TXT {name}{len(transport)}", "NOERROR", *transport, "-k", path)
                assert f'"{name}{len(transport)}"' in data(server, f"{name}.lab.test", "TXT")
        path = made["ecdsa"][0]
        expect("update add other.lab.test 60 A 192.0.2.9", "REFUSED", "-k", path)
        expect("update add ecdsa.lab.test 60 A 192.0.2.9", "NOTAUTH", "-k", stranger)
        expect("update add unnamed.lab.test 60 A 192.0.2.9", "NOTAUTH", "-k", unnamed)
        expect("update add ed.lab.test 60 A 192.0.2.9", "REFUSED", "-y", shared.kdig())
        expect("update add ed.lab.test 60 A 192.0.2.9", "REFUSED")
        # Whoever may add records below its name can't make a key for another rule.
        expect(f"update add {planted_key.replace(' IN ', ' 60 IN ').strip()}", "REFUSED", "-k", path)
        expect("update add planted.lab.test 60 A 192.0.2.9", "NOTAUTH", "-k", planted)
        assert server.ask("planted.lab.test", "A").rcode() == dns.rcode.NXDOMAIN


def handed_on():
    """A secondary hands updates on to knotd and to Portside, whose answers are signed for the client."""
    key = Key("ddns")
    knot, primary = keep(Knot()), keep(Portside(PROGRAM))
    knot.write("lab.zone", zone_text(1, ["mail A 192.0.2.2"]))
    knot.start(
        "  - domain: lab.test\n    acl: [all, update]\n    file: lab.zone\n", "",
        "acl:\n  - id: all\n    address: 127.0.0.1\n    action: transfer\n"
        "  - id: update\n    key: ddns\n    action: update\n", [key])
    primary.write("lab.zone", zone_text(1, ["mail A 192.0.2.2"]))
    primary.configure(f'{{ name = "lab.test", file = "{primary.path("lab.zone")}" }}',
                      'update = [{ zone = "lab.test", key = "tsig:ddns" }]\n'
                      'transfer = [{ zone = "lab.test", networks = ["127.0.0.0/8"] }]', [key]).start()
    for other in (knot, primary):
        server = keep(Portside(PROGRAM))
        server.configure(
            f'{{ name = "lab.test", from = ["{HOST}:{other.port}"], forward_updates = ["127.0.0.1"] }}').start()
        until("the zone", lambda: server.serial("lab.test"))
        for number, words in enumerate((["-v"], [])):
            output = nsupdate(server, f"update add host{number}.lab.test 60 A 192.0.2.7", *words, "-y", key.kdig())
            assert "status: NOERROR" in output and "TSIG" in output, output + server.text()[-1500:]
            until("it is at the primary", lambda: data(other, f"host{number}.lab.test", "A") == ["192.0.2.7"])
        # The primary refuses strangers, and the secondary clients that it does not know.
        output = nsupdate(server, "update add stranger.lab.test 60 A 192.0.2.7", "-y", Key("ddns").kdig())
        assert "NOERROR" not in output and ("BADSIG" in output or "tsig" in output.lower()), output
        output = run(["nsupdate", "-y", key.kdig()],
                     f"local 127.0.0.2\nserver {HOST} {server.port}\nzone lab.test\n"
                     "update add stranger.lab.test 60 A 192.0.2.7\nsend\nanswer\n")[1]
        assert "REFUSED" in output, output
        assert data(other, "stranger.lab.test", "A") == []


def aliases():
    """The top of a zone has the addresses of a name of another server, through an alias there, signed, and follows them."""
    knot = keep(Knot())
    names = ["app CNAME real", "real A 192.0.2.10", "real A 192.0.2.11", "real AAAA 2001:db8::10"]
    # Short TTLs, that the change is seen soon.
    knot.write("far.zone", zone_text(1, names).replace("$TTL 300", "$TTL 1"))
    knot.start("  - domain: far.test\n    file: far.zone\n    zonefile-load: difference\n")
    server = keep(Portside(PROGRAM))
    server.write("lab.zone", zone_text(1, ["mail A 192.0.2.2", "www A 192.0.2.99"]))
    server.configure(
        f'{{ name = "lab.test", file = "{server.path("lab.zone")}", dnssec = true }}',
        f'forward = ["udp://{HOST}:{knot.port}"]\nvalidate = false\n'
        'transfer = [{ zone = "lab.test", networks = ["127.0.0.0/8"] }]\n'
        'alias = [{ name = "lab.test", to = "app.far.test" }, { name = "www.lab.test", to = "app.far.test" }]').start()
    until("its addresses", lambda: data(server, "lab.test", "A") == ["192.0.2.10", "192.0.2.11"])
    assert data(server, "lab.test", "AAAA") == ["2001:db8::10"]
    assert data(server, "www.lab.test", "A") == ["192.0.2.99"], "what the file says goes first"
    answer = server.ask("lab.test", "A", want_dnssec=True)
    assert any(rrset.rdtype == dns.rdatatype.RRSIG for rrset in answer.answer), answer
    text = "\n".join(server.records("lab.test"))
    with tempfile.NamedTemporaryFile("w", suffix=".zone") as file:
        lines = run(["dig", "-p", str(server.port), f"@{HOST}", "lab.test", "AXFR", "+nocomments", "+nostats", "+nocmd"])[1]
        # The SOA comes twice.
        file.write("\n".join(lines.splitlines()[:-1]) + "\n")
        file.flush()
        code, output = run(["dnssec-verify", "-z", "-o", "lab.test", file.name])
        assert code == 0, output + text
    serial = server.serial("lab.test")
    knot.write("far.zone", zone_text(2, ["app CNAME real", "real A 192.0.2.12"]).replace("$TTL 300", "$TTL 1"))
    assert knot.control("zone-reload", "far.test")[0] == 0
    until("the new address", lambda: data(server, "lab.test", "A") == ["192.0.2.12"], 60)
    assert data(server, "lab.test", "AAAA") == [] and server.serial("lab.test") > serial
    knot.stop()
    assert data(server, "lab.test", "A") == ["192.0.2.12"]


def opt_out():
    """A zone of many children that are not signed: opted out, whole for dnssec-verify and ldns-verify-zone, proven to dig."""
    children = [f"child{n} NS ns.child{n}\nns.child{n} A 192.0.2.{n % 250}" for n in range(300)]
    children += ["safe NS ns.safe\nns.safe A 192.0.2.3\nsafe DS 4711 13 2 " + "AB" * 32, "deep.down NS ns1"]
    server = keep(Portside(PROGRAM))
    server.write("lab.zone", zone_text(1, ["mail A 192.0.2.2", "*.w A 192.0.2.4"] + children))
    server.configure(
        f'{{ name = "lab.test", file = "{server.path("lab.zone")}", dnssec = {{ denial = "nsec3-opt-out" }} }}',
        'transfer = [{ zone = "lab.test", networks = ["127.0.0.0/8"] }]').start()
    lines = run(["dig", "-p", str(server.port), f"@{HOST}", "lab.test", "AXFR", "+nocomments", "+nostats", "+nocmd"])[1]
    lines = lines.splitlines()[:-1]
    proofs = [line for line in lines if "\tNSEC3\t" in line]
    assert len(proofs) < 12 and all("NSEC3\t1 1 0 -" in line for line in proofs), proofs
    path = server.write("signed.zone", "\n".join(lines) + "\n")
    for words in (["dnssec-verify", "-z", "-o", "lab.test", path], ["ldns-verify-zone", path]):
        code, output = run(words)
        assert code == 0, f"{words}: {output}"
    code, output = run(["dig", "-p", str(server.port), f"@{HOST}", "www.child7.lab.test", "A", "+dnssec", "+norec"])
    assert output.count(" NSEC3 1 1 0 ") + output.count("\tNSEC3\t1 1 0 ") == 2 and " IN DS " not in output and "NOERROR" in output, output


def cookies():
    """dig without a cookie of ours gets BADCOOKIE and asks again; who knows no cookies is answered."""
    server = keep(Portside(PROGRAM))
    server.write("lab.zone", zone_text(1, ["mail A 192.0.2.2"]))
    server.configure(f'{{ name = "lab.test", file = "{server.path("lab.zone")}" }}', "require_cookies = true").start()

    def dig(*words):
        return run(["dig", "-p", str(server.port), f"@{HOST}", "mail.lab.test", "A", *words])[1]

    output = dig("+nobadcookie")
    assert "status: BADCOOKIE" in output and "192.0.2.2" not in output and "(good)" in output, output
    output = dig("+badcookie")
    assert "status: NOERROR" in output and "192.0.2.2" in output and "(good)" in output, output
    assert "192.0.2.2" in dig("+nocookie") and "192.0.2.2" in dig("+tcp") and "192.0.2.2" in dig("+noedns")


def full_disk():
    """Where nothing more can be written, updates are refused and said so, answers go on, and later all is well."""
    key = Key("ddns")
    server = keep(Portside(PROGRAM))
    folder = f"{server.folder}/data/dns"
    os.makedirs(folder)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,nr_inodes=1k,mode=0755", "none", folder], check=True)
    try:
        server.write("lab.zone", zone_text(1, ["mail A 192.0.2.2"]))
        server.configure(f'{{ name = "lab.test", file = "{server.path("lab.zone")}" }}',
                         'update = [{ zone = "lab.test", key = "tsig:ddns" }]\n'
                         'transfer = [{ zone = "lab.test", networks = ["127.0.0.0/8"] }]', [key]).start()
        output = nsupdate(server, "update add a.lab.test 60 TXT a", "-y", key.kdig())
        assert "status: NOERROR" in output, output
        with open(f"{folder}/filler", "wb", buffering=0) as filler:
            try:
                while filler.write(b"x" * 4096) == 4096:
                    pass
            except OSError:
                pass
        output = nsupdate(server, f"update add b.lab.test 60 TXT {'b' * 200}", "-y", key.kdig())
        assert "status: SERVFAIL" in output, output
        assert "what DNS keeps on disk can't be written" in server.text(), server.text()[-2000:]
        assert data(server, "mail.lab.test", "A") == ["192.0.2.2"] and data(server, "a.lab.test", "TXT") == ['"a"']
        assert data(server, "b.lab.test", "TXT") == []
        # A person's change can't be noted for secondaries: it is served all the same.
        server.write("lab.zone", zone_text(50, ["mail A 192.0.2.22"] + [f"n{n} A 192.0.2.5" for n in range(3000)]))
        server.reload()
        until("the new file", lambda: data(server, "mail.lab.test", "A") == ["192.0.2.22"])
        assert data(server, "a.lab.test", "TXT") == ['"a"']
        os.remove(f"{folder}/filler")
        output = nsupdate(server, "update add b.lab.test 60 TXT b", "-y", key.kdig())
        assert "status: NOERROR" in output and data(server, "b.lab.test", "TXT") == ['"b"'], output
        server.stop(kill=True)
        server.start()
        assert data(server, "a.lab.test", "TXT") == ['"a"'] and data(server, "b.lab.test", "TXT") == ['"b"']
    finally:
        server.stop()
        subprocess.run(["umount", "-l", folder], check=True)


def explained():
    """`explain dns`: view, zone, kind of answer, owner; policy, memory and forwarder for what is outside."""
    knot, key = keep(Knot()), Key("ddns")
    knot.write("far.zone", zone_text(1, ["www A 192.0.2.10"]))
    knot.start("  - domain: far.test\n    file: far.zone\n")
    server = keep(Portside(PROGRAM))
    server.write("lab.zone", zone_text(1, ["mail A 192.0.2.2", "*.w A 192.0.2.4", "sub NS ns1", "far CNAME www.far.test."]))
    server.write("inner.zone", zone_text(9, ["mail A 192.0.2.3"]))
    ads = server.write("lists/ads.txt", "ads.far.test\n")
    os.chmod(server.path("lists"), 0o755)
    server.configure(
        f'{{ name = "lab.test", file = "{server.path("lab.zone")}", dnssec = true }}, '
        f'{{ name = "lab.test", file = "{server.path("inner.zone")}", networks = ["127.9.0.0/16"] }}',
        f'forward = ["udp://{HOST}:{knot.port}"]\nvalidate = false\nrecursion = ["127.0.0.0/8"]\n'
        f'block_lists = ["{ads}"]\nupdate = [{{ zone = "lab.test", key = "tsig:ddns" }}]', [key]).start()
    assert "NOERROR" in nsupdate(server, "update add up.lab.test 60 A 192.0.2.6", "-y", key.kdig())

    def explain(*words):
        code, output = run([PROGRAM, "console", "--config", server.path("portside.toml"), "explain dns " + " ".join(words)])
        assert code == 0, output
        return output

    output = explain("mail.lab.test")
    assert "that everybody sees" in output and "records at the name" in output and "; signed" in output, output
    assert "ECDSAP256SHA256" in output, output
    output = explain("mail.lab.test", "A", "127.9.0.1")
    assert "127.9.0.0/16" in output and "serial 9" in output and "of this view" in output, output
    assert "records of a wildcard" in explain("x.w.lab.test")
    output = explain("no.lab.test")
    assert "NXDOMAIN" in output and "proof" in output, output
    assert "a referral" in explain("www.sub.lab.test")
    assert "update" in explain("up.lab.test")
    output = explain("far.lab.test")
    assert "an alias" in output and f"udp://{HOST}:{knot.port}" in output and "192.0.2.10" in output, output
    assert "good for" in explain("www.far.test")
    assert "ads.txt" in explain("ads.far.test")
    assert "REFUSED" in explain("www.far.test", "A", "192.0.2.200")


CASES = {
    "sig0": public_keys, "handed-on": handed_on, "aliases": aliases, "opt-out": opt_out, "cookies": cookies,
    "full-disk": full_disk, "explained": explained,
}

if __name__ == "__main__":
    run_case(CASES[sys.argv[2]])
