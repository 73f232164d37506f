"""Signed answers beside Knot: one zone that dnssec-signzone signed (NSEC, then NSEC3), asked with DO, one name in ten missing."""
import pathlib
import random
import subprocess

from . import dns
from .machine import folder, has, wait_until
from .portside import configure, portside, prepare
from .table import Table

RECORDS = 20_000


def sign(work: pathlib.Path, denial: str) -> None:
    """Writes `zone`, as both servers read it."""
    hosts = (f"host{i} A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n" for i in range(RECORDS))
    keygen = ["dnssec-keygen", "-K", str(work), "-a", "ECDSAP256SHA256", "-f", "KSK", "example.com"]
    key = subprocess.run(keygen, capture_output=True, text=True, check=True).stdout.strip()
    (work / "plain").write_text(
        "$ORIGIN example.com.\n$TTL 3600\n@ SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\n"
        + "".join(hosts) + (work / f"{key}.key").read_text())
    words = ["dnssec-signzone", "-z", "-K", str(work), "-o", "example.com", "-f", str(work / "zone")]
    words += ["-3", "-", "-H", "0"] if denial == "nsec3" else []
    subprocess.run([*words, str(work / "plain"), key], capture_output=True, check=True, cwd=work)


def write_queries(path: pathlib.Path) -> None:
    generator = random.Random(3)
    path.write_text("".join(
        f"{f'nx{i}' if i % 10 == 0 else f'host{generator.randrange(RECORDS)}'}.example.com A\n" for i in range(200_000)))


def run(binary: str, seconds: int, table: Table) -> None:
    if not all([has("dnsperf"), has("dig"), has("knotd"), has("dnssec-signzone")]):
        return
    for denial in ("nsec", "nsec3"):
        with folder() as work:
            sign(work, denial)
            write_queries(work / "queries")
            with dns.knot(work) as (port, pids):
                dns.load("knot", port, pids, work, seconds, table, f"dns {denial}", ("-D",))
            data = work / "data"
            prepare(binary, data)
            configure(data, f'{{ name = "example.com", file = "{work}/zone" }}', data / "site")
            with portside(binary, data) as server:
                port = server.port("dns", "udp")
                wait_until(lambda: dns.answers(port), "portside answers", 60)
                dns.load("portside", port, server.worker("names"), work, seconds, table, f"dns {denial}", ("-D",))
