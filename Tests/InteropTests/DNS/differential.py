#!/usr/bin/env python3
"""Asks Portside and Knot the same questions about the same zones, and compares the answers.

    differential.py PORTSIDE_PORT ZONEDIR APEX...      (ZONEDIR/APEX.zone is each zone's file)

Starts knotd (Debian: knot; python3-dnspython) on a free loopback port with the same zone files. Prints each difference;
the exit code is 1 when there is one that `explained` does not know (docs/dns.md lists those).
"""

import os
import random
import socket
import subprocess
import sys
import tempfile
import time

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.zone

HOST = "127.0.0.1"
TYPES = ["A", "AAAA", "NS", "CNAME", "SOA", "MX", "TXT", "SRV", "PTR", "DNAME", "DS", "ANY", "CAA", "SVCB", "TYPE731"]


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def read_zone(zonedir, apex):
    return dns.zone.from_file(os.path.join(zonedir, apex + "zone"), origin=apex, relativize=False, check_origin=False)


def copy_for_knot(directory, zonedir, apex):
    """Knot has no $GENERATE: such a file is written out for it."""
    with open(os.path.join(zonedir, apex + "zone")) as file:
        text = file.read()
    target = os.path.join(directory, apex + "zone")
    if "$GENERATE" in text:
        read_zone(zonedir, apex).to_file(target, relativize=False)
    else:
        with open(target, "w") as file:
            file.write(text)


def start_knot(directory, zonedir, apexes):
    port = free_port()
    config = os.path.join(directory, "knot.conf")
    with open(config, "w") as file:
        file.write(f"""server:
    rundir: "{directory}"
    listen: {HOST}@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{directory}/db"
template:
  - id: default
    storage: "{directory}"
    semantic-checks: off
    zonefile-sync: -1
    journal-content: none
zone:
""")
        for apex in apexes:
            copy_for_knot(directory, zonedir, apex)
            file.write(f'  - domain: "{apex}"\n    file: "{apex}zone"\n')
    os.mkdir(os.path.join(directory, "db"))
    knot = subprocess.Popen(["knotd", "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(200):
        try:
            query = dns.message.make_query(apexes[-1], "SOA")
            if dns.query.udp(query, HOST, port=port, timeout=0.3).rcode() == dns.rcode.NOERROR:
                return knot, port
        except (dns.exception.Timeout, OSError):
            time.sleep(0.05)
    knot.kill()
    sys.exit("knotd did not answer")


def generated_queries(zonedir, apexes, count, seed):
    """Existing names, names beside and below them, names inside wildcards, cuts and DNAMEs; types; case; EDNS sizes."""
    choice = random.Random(seed)
    names = []
    for apex in apexes:
        zone = read_zone(zonedir, apex)
        for name in zone.nodes:
            names.append(name)
            while name != dns.name.from_text(apex) and len(name.labels) > 1:
                name = name.parent()
                names.append(name)
    names = sorted(set(names))
    extra = ["x", "*", "a.b", "www", "sub", "ns1", "zz", "a" * 63, "\\000", "\\."]
    for _ in range(count):
        name = choice.choice(names)
        way = choice.random()
        try:
            if way < 0.35:
                name = dns.name.from_text(choice.choice(extra), name)
            elif way < 0.45 and len(name.labels) > 1:
                name = dns.name.from_text(choice.choice(extra), name.parent())
        except dns.name.NameTooLong:
            continue
        labels = [bytes(c ^ 0x20 if chr(c).isalpha() and choice.random() < 0.3 else c for c in label)
                  for label in name.labels]
        size = choice.choice([None, None, 512, 1232, 1232, 4096])
        yield dns.name.Name(labels), choice.choice(TYPES), size, choice.random() < 0.2


def ask(port, name, rdtype, size, over_tcp):
    query = dns.message.make_query(name, rdtype, use_edns=0 if size else None, payload=size or 0)
    query.flags &= ~dns.flags.RD
    ask_over = dns.query.tcp if over_tcp else dns.query.udp
    return ask_over(query, HOST, port=port, timeout=5)


def records(section, with_ttl=True):
    result = set()
    for rrset in section:
        for rdata in rrset:
            result.add((rrset.name, rrset.ttl if with_ttl else 0, rrset.rdtype,
                        rdata.to_digestable(dns.name.root)))
    return result


def compare(name, rdtype, ours, knots):
    """What differs, in words."""
    differences = []
    for flag in (dns.flags.AA, dns.flags.TC, dns.flags.RA, dns.flags.AD, dns.flags.QR):
        if ours.flags & flag != knots.flags & flag:
            differences.append(f"flag {dns.flags.to_text(flag)}")
    if ours.rcode() != knots.rcode():
        differences.append(f"rcode {dns.rcode.to_text(ours.rcode())} / {dns.rcode.to_text(knots.rcode())}")
    if (ours.edns >= 0) != (knots.edns >= 0):
        differences.append("EDNS")
    truncated = ours.flags & knots.flags & dns.flags.TC
    if not truncated:
        for title, one, other in (("answer", ours.answer, knots.answer), ("authority", ours.authority, knots.authority)):
            if records(one) != records(other):
                differences.append(title)
        if records(ours.additional) != records(knots.additional):
            differences.append("additional")
    return differences


def explained(name, rdtype, ours, knots, differences):
    """Why a difference is right; None when nothing explains it. The words are those of docs/dns.md."""
    left = set(differences)
    if rdtype == "ANY" and left <= {"answer", "additional", "flag TC"}:
        one = {r.rdtype for r in ours.answer if r.rdtype != dns.rdatatype.CNAME}
        if len(one) <= 1:
            return "ANY: each picks its own set"
    if left == {"authority"} and knots.authority and all(r.rdtype == dns.rdatatype.NS for r in knots.authority):
        if knots.authority[0].name.is_wild() and {(r[1], r[2], r[3]) for r in records(ours.authority)} == {
                (r[1], r[2], r[3]) for r in records(knots.authority)}:
            return "wildcard NS: we refer with the name asked for, Knot with the wildcard"
    if left == {"additional"}:
        extra = records(ours.additional) ^ records(knots.additional)
        if {r[2] for r in extra} <= {dns.rdatatype.A, dns.rdatatype.AAAA}:
            if records(knots.additional) <= records(ours.additional):
                return "additional: we add addresses from all our zones"
            if records(ours.additional) <= records(knots.additional):
                return "additional: Knot adds addresses that wildcards stand for"
    if any(r.rdtype == dns.rdatatype.CNAME for r in ours.answer):
        if records(knots.answer) <= records(ours.answer) and left <= {
                "answer", "authority", "additional", "rcode NXDOMAIN / NOERROR", "flag TC"}:
            return "aliases: we go on into our other zones"
    return None


def main():
    port, zonedir, apexes = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    count = int(os.environ.get("DNS_DIFFERENTIAL_QUERIES", "4000"))
    seed = int(os.environ.get("DNS_DIFFERENTIAL_SEED", "1"))
    unexplained, reasons, asked = 0, {}, 0
    with tempfile.TemporaryDirectory(prefix="knot-") as directory:
        knot, knot_port = start_knot(directory, zonedir, apexes)
        try:
            for name, rdtype, size, over_tcp in generated_queries(zonedir, apexes, count, seed):
                ours = ask(port, name, rdtype, size, over_tcp)
                knots = ask(knot_port, name, rdtype, size, over_tcp)
                asked += 1
                differences = compare(name, rdtype, ours, knots)
                if not differences:
                    continue
                reason = explained(name, rdtype, ours, knots, differences)
                if reason:
                    reasons[reason] = reasons.get(reason, 0) + 1
                    continue
                unexplained += 1
                if unexplained <= 20:
                    print(f"--- {name} {rdtype} EDNS {size} {'TCP' if over_tcp else 'UDP'}: {', '.join(differences)}")
                    print(f"Portside: {ours}\nKnot: {knots}")
        finally:
            knot.terminate()
            knot.wait()
    for reason, times in sorted(reasons.items()):
        print(f"{times:6} explained: {reason}")
    print(f"{asked} queries, {unexplained} unexplained differences")
    sys.exit(1 if unexplained or asked < count * 0.9 else 0)


main()
