#!/usr/bin/env python3
"""Asks Portside and Knot or BIND the same questions about the same zones, and compares the answers.

    differential.py PORTSIDE_PORT ZONEDIR APEX...      (ZONEDIR/APEX.zone is each zone's file)

Starts the peer (DNS_DIFFERENTIAL_PEER: knot or bind; Debian: knot, bind9; python3-dnspython) on a free loopback port with
the same zone files. With DNS_DIFFERENTIAL_DNSSEC=1 the zones are signed ones, and DO is set in two questions of three.
Prints each difference; the exit code is 1 when there is one that `explained` does not know (docs/dns.md lists those).
"""

import os
import random
import sys
import tempfile

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

from peers import HOST, PEERS, read_zone

TYPES = ["A", "AAAA", "NS", "CNAME", "SOA", "MX", "TXT", "SRV", "PTR", "DNAME", "DS", "ANY", "CAA", "SVCB", "TYPE731"]
SECURITY_TYPES = ["A", "AAAA", "MX", "TXT", "DS", "NS", "SOA", "DNSKEY", "NSEC", "NSEC3PARAM", "CDS", "CDNSKEY", "ANY",
                  "CNAME", "DNAME", "RRSIG"]
SECURITY = os.environ.get("DNS_DIFFERENTIAL_DNSSEC") == "1"
PEER = os.environ.get("DNS_DIFFERENTIAL_PEER", "knot")


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
        size = choice.choice([None, None, 512, 1232, 1232, 4096] if not SECURITY else [None, 512, 1232, 1232, 4096])
        wants_dnssec = SECURITY and size is not None and choice.random() < 0.9
        types = SECURITY_TYPES if SECURITY else TYPES
        yield dns.name.Name(labels), choice.choice(types), size, choice.random() < 0.2, wants_dnssec


def ask(port, name, rdtype, size, over_tcp, wants_dnssec):
    query = dns.message.make_query(name, rdtype)
    if size:
        query.use_edns(0, ednsflags=dns.flags.DO if wants_dnssec else 0, payload=size)
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


def nearly_full(message, size):
    """Whether a reply that was not cut is so long that another way to write its names decides what fits."""
    return len(message.to_wire()) > 0.7 * min(size or 512, 1232)


def explained(name, rdtype, size, ours, knots, differences):
    """Why a difference is right; None when nothing explains it. The words are those of docs/dns.md."""
    left = set(differences)
    if rdtype == "RRSIG" and left <= {"answer", "flag TC"} and (ours.answer or knots.answer):
        return "RRSIG: each picks its own set"
    if "flag TC" in left and left <= {"flag TC", "answer", "authority", "additional"} and nearly_full(
            knots if ours.flags & dns.flags.TC else ours, size):
        return "TC: names are packed differently"
    if PEER == "bind" and "rcode NOERROR / SERVFAIL" in left and ours.answer and all(
            r.rdtype in (dns.rdatatype.CNAME, dns.rdatatype.RRSIG) for r in ours.answer):
        return "aliases in a circle: BIND says SERVFAIL"
    if PEER == "bind" and rdtype == "NSEC" and "flag AA" in left and not ours.answer:
        return "NSEC at a cut: BIND answers for the parent's side, we refer"
    if PEER == "knot" and rdtype == "NSEC" and left == {"authority"} and ours.answer and not knots.authority:
        return "NSEC asked for where a wildcard stands: Knot leaves out that there is no closer name"
    if PEER == "knot" and left <= {"authority", "flag TC"} and name.is_wild() and records(knots.authority) <= records(
            ours.authority):
        return "wildcard asked for below another: Knot leaves out that there is no closer name"
    if left == {"additional"} and SECURITY:
        extra = records(ours.additional) ^ records(knots.additional)
        if {r[2] for r in extra} <= {dns.rdatatype.RRSIG, dns.rdatatype.A, dns.rdatatype.AAAA} and nearly_full(ours, size):
            return "additional: what fits"
    if rdtype == "ANY" and left <= {"answer", "additional", "flag TC"}:
        one = {r.rdtype for r in ours.answer} - {dns.rdatatype.CNAME, dns.rdatatype.RRSIG}
        if len(one) <= 1:
            return "ANY: each picks its own set"
    if left == {"authority"} and knots.authority and all(r.rdtype == dns.rdatatype.NS for r in knots.authority):
        if knots.authority[0].name.is_wild() and {(r[1], r[2], r[3]) for r in records(ours.authority)} == {
                (r[1], r[2], r[3]) for r in records(knots.authority)}:
            return "wildcard NS: we refer with the name asked for, Knot with the wildcard"
    if left == {"additional"}:
        extra = records(ours.additional) ^ records(knots.additional)
        if {r[2] for r in extra} <= {dns.rdatatype.A, dns.rdatatype.AAAA, dns.rdatatype.RRSIG}:
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
    with tempfile.TemporaryDirectory(prefix="peer-") as directory:
        knot, knot_port = PEERS[PEER](directory, zonedir, apexes)
        try:
            for name, rdtype, size, over_tcp, wants_dnssec in generated_queries(zonedir, apexes, count, seed):
                ours = ask(port, name, rdtype, size, over_tcp, wants_dnssec)
                knots = ask(knot_port, name, rdtype, size, over_tcp, wants_dnssec)
                asked += 1
                differences = compare(name, rdtype, ours, knots)
                if not differences:
                    continue
                reason = explained(name, rdtype, size, ours, knots, differences)
                if reason:
                    reasons[reason] = reasons.get(reason, 0) + 1
                    continue
                unexplained += 1
                if unexplained <= 20:
                    print(f"--- {name} {rdtype} EDNS {size} {'TCP' if over_tcp else 'UDP'} {'DO' if wants_dnssec else ''}: "
                          f"{', '.join(differences)}")
                    print(f"Portside: {ours}\n{PEER}: {knots}")
        finally:
            knot.terminate()
            knot.wait()
    for reason, times in sorted(reasons.items()):
        print(f"{times:6} explained: {reason}")
    print(f"{asked} queries, {unexplained} unexplained differences")
    sys.exit(1 if unexplained or asked < count * 0.9 else 0)


main()
