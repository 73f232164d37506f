#!/usr/bin/env python3
"""Asks Portside's resolver and Unbound the same questions about the small Internet (small_internet.py), and compares what
they make of it: response code and AD.

    unshare -n validation.py PORTSIDE_BINARY

Needs Debian's knot, nsd, bind9, bind9-utils, ldnsutils, unbound, python3-dnspython; root, for the network namespace.
"""

import os
import subprocess
import sys
import tempfile
import time

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode

from small_internet import BIND, LEAVES, ROOT, SmallInternet

PORTSIDE, UNBOUND = "127.50.0.1", "127.50.0.2"

# zone: why our answers differ.
EXPLAINED = {
    "oldds": "DS by SHA-1 alone: unsigned for us (RFC 9905), Unbound 1.17 still takes it",
    "costly": "hashing rounds: we take 50 (RFC 9276), Unbound 1.17 150 and more by key size",
}


def ask(server, name, rdtype="SOA", flags=0, timeout=12.0):
    query = dns.message.make_query(name, rdtype, want_dnssec=True)
    query.flags |= flags
    try:
        return dns.query.udp_with_fallback(query, server, timeout=timeout)[0]
    except (dns.exception.Timeout, OSError, EOFError):
        return None


def start_unbound(internet):
    folder = os.path.join(internet.folder, "unbound")
    os.makedirs(folder)
    with open(os.path.join(folder, "root.hints"), "w") as file:
        file.write(f". 300 NS a.root.\na.root. 300 A {ROOT}\n")
    with open(os.path.join(folder, "anchor"), "w") as file:
        file.write("\n".join(internet.anchor) + "\n")
    config = os.path.join(folder, "unbound.conf")
    with open(config, "w") as file:
        file.write(f"""server:
  directory: "{folder}"
  username: ""
  chroot: ""
  pidfile: "{folder}/pid"
  interface: {UNBOUND}
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  root-hints: "{folder}/root.hints"
  trust-anchor-file: "{folder}/anchor"
  module-config: "validator iterator"
  use-syslog: no
  local-zone: "test." nodefault
  qname-minimisation: yes
  num-threads: 1
remote-control:
  control-enable: no
""")
    internet.start("unbound", "-d", "-c", config)


def start_portside(internet, binary):
    folder = os.path.join(internet.folder, "portside")
    os.makedirs(folder)
    os.chmod(internet.folder, 0o755)
    anchors = ", ".join('"' + line.replace("IN DS ", "") + '"' for line in internet.anchor)
    config = os.path.join(folder, "portside.toml")
    with open(config, "w") as file:
        file.write(f"""[server]
data = "{folder}/data"
user = "nobody"
[listen]
lo = ["{PORTSIDE}"]
[dns]
on = ["lo"]
tls_port = "off"
over_https = false
recursion = ["127.0.0.0/8"]
roots = ["{ROOT}"]
trust_anchors = [{anchors}]
""")
    internet.start(binary, "serve", "--config", config)


def questions():
    for zone in LEAVES:
        for label, rdtype in [("www", "A"), ("www", "MX"), ("nx", "A"), ("x.wild", "A"), ("x.wild", "TXT"), ("", "SOA"),
                              ("", "DNSKEY"), ("", "DS"), ("ent", "A"), ("a.ent", "A"), ("alias", "A"),
                              ("toexpired", "A"), ("tounsigned", "A"), ("_25._tcp", "TLSA"), ("www", "TXT"),
                              ("sub", "DS"), ("moved", "A"), ("x.moved", "A"), ("wild", "A"), ("*.wild", "A")]:
            yield zone, f"{label}.{zone}.test.".lstrip("."), rdtype
    for name, rdtype in [("plain.optout.test.", "DS"), ("www.plain.optout.test.", "A"), ("nx.plain.optout.test.", "A"),
                         ("nosuch.test.", "A"), ("nosuch.", "A"), ("test.", "DNSKEY"), (".", "DNSKEY"), (".", "SOA"),
                         ("test.", "DS"), ("a.b.c.nosuch.", "A")]:
        yield "", name, rdtype


def summary(reply):
    if reply is None:
        return "no answer"
    return dns.rcode.to_text(reply.rcode()) + (" AD" if reply.flags & dns.flags.AD else "")


def reasons(reply):
    if reply is None:
        return ""
    return "; ".join(str(option) for option in reply.options if isinstance(option, dns.edns.EDEOption))


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    # BIND listens on what an interface has, not on all that leads to it.
    subprocess.run(["ip", "address", "add", f"{BIND}/8", "dev", "lo"], check=True)
    internet = SmallInternet(tempfile.mkdtemp(prefix="small-internet-"))
    unexplained, explained, asked = 0, {}, 0
    try:
        internet.make_zones()
        internet.start_servers()
        internet.wait(lambda address, apex: ask(address, apex, timeout=0.5))
        start_unbound(internet)
        start_portside(internet, sys.argv[1])
        for server in (UNBOUND, PORTSIDE):
            for _ in range(100):
                if ask(server, "www.good.test.", "A", timeout=2) is not None:
                    break
                time.sleep(0.2)
        for zone, name, rdtype in questions():
            began = time.monotonic()
            ours = ask(PORTSIDE, name, rdtype)
            took = time.monotonic() - began
            theirs = ask(UNBOUND, name, rdtype)
            if summary(theirs) in ("no answer", "SERVFAIL") and zone in ("lied", "slow", "halfdead"):
                # It gives up early, and knows better the second time.
                theirs = ask(UNBOUND, name, rdtype)
            asked += 1
            if took > 11:
                unexplained += 1
                print(f"{name} {rdtype}: took {took:.1f} s")
            if summary(ours) == summary(theirs) or zone == "dead" and "AD" not in summary(ours):
                continue
            if zone in EXPLAINED:
                explained[EXPLAINED[zone]] = explained.get(EXPLAINED[zone], 0) + 1
                continue
            unexplained += 1
            print(f"{name} {rdtype}: Portside {summary(ours)} ({reasons(ours)}), Unbound {summary(theirs)}"
                  f" ({reasons(theirs)})")
            if "-v" in sys.argv:
                print(ours, theirs, sep="\n--\n")
        if unexplained and "-v" in sys.argv:
            print(internet.logs())
    finally:
        internet.stop()
    for reason, times in sorted(explained.items()):
        print(f"{times:6} explained: {reason}")
    print(f"{asked} questions, {unexplained} unexplained differences")
    sys.exit(1 if unexplained or asked < 100 else 0)


main()
