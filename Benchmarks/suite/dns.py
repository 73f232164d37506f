"""Authoritative DNS beside Knot and NSD: one zone of 100,000 hosts, asked by dnsperf, one name in ten missing."""
import contextlib
import pathlib
import random
import re
import subprocess

from .machine import CORES, family, folder, free_port, has, memory, processor_time, running, wait_until
from .portside import configure, portside, prepare
from .table import Row, Table

RECORDS = 100_000


def write_zone(path: pathlib.Path) -> None:
    hosts = (f"host{i} A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n" for i in range(RECORDS))
    path.write_text(
        "$ORIGIN example.com.\n$TTL 3600\n@ SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ NS ns1\n@ NS ns2\n"
        "ns1 A 192.0.2.1\nns2 A 192.0.2.2\n" + "".join(hosts))


def write_queries(path: pathlib.Path) -> None:
    generator = random.Random(1)
    path.write_text("".join(
        f"{f'nx{i}' if i % 10 == 0 else f'host{generator.randrange(RECORDS)}'}.example.com A\n" for i in range(200_000)))


def answers(port: int) -> bool:
    words = ["dig", "+short", "+time=1", "+tries=1", "-p", str(port), "@127.0.0.1", "host1.example.com", "A"]
    return subprocess.run(words, capture_output=True, text=True).stdout.strip() == "10.0.0.1"


@contextlib.contextmanager
def knot(work: pathlib.Path):
    port = free_port()
    (work / "db").mkdir()
    (work / "knot.conf").write_text(f"""
server:
    rundir: "{work}"
    listen: 127.0.0.1@{port}
    udp-workers: {CORES}
    tcp-workers: {CORES}
    background-workers: 1
database:
    storage: "{work}/db"
zone:
  - domain: example.com
    file: "{work}/zone"
    zonefile-sync: -1
    journal-content: none
""")
    with running("knotd", "-c", str(work / "knot.conf"), log=work / "knot.log") as process:
        wait_until(lambda: answers(port), "knotd answers", 60)
        yield port, family(process.pid)


@contextlib.contextmanager
def nsd(work: pathlib.Path):
    port = free_port()
    (work / "nsd.conf").write_text(f"""
server:
    ip-address: 127.0.0.1@{port}
    server-count: {CORES}
    username: ""
    pidfile: ""
    zonesdir: "{work}"
    xfrdfile: "{work}/xfrd"
    zonelistfile: "{work}/zonelist"
    xfrdir: "{work}"
remote-control:
    control-enable: no
zone:
    name: example.com
    zonefile: zone
""")
    with running("nsd", "-d", "-c", str(work / "nsd.conf"), log=work / "nsd.log") as process:
        wait_until(lambda: answers(port), "nsd answers", 60)
        yield port, family(process.pid)


def load(server: str, port: int, pids: list[int], work: pathlib.Path, seconds: int, table: Table,
         label: str = "dns", options: tuple[str, ...] = ()) -> None:
    for mode in ("udp", "tcp"):
        before = processor_time(pids)
        words = ["dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", str(work / "queries"), "-T1", "-q200",
                 "-l", str(seconds), "-m", mode, *options]
        output = subprocess.run(words, capture_output=True, text=True).stdout
        used = processor_time(pids) - before

        def figure(label: str) -> float:
            found = re.search(rf"{label}:\s+([\d.]+)", output)
            return float(found[1]) if found else 0

        completed, lost = figure("Queries completed"), figure("Queries lost")
        table.add(Row(
            server, f"{label} {mode}", figure("Queries per second"), used * 1e6 / max(1, completed), memory(pids) / 1e6,
            note=f"{lost:.0f} lost" if lost else "", failed=completed == 0 or lost > completed / 100))


def run(binary: str, seconds: int, table: Table) -> None:
    if not (has("dnsperf") and has("dig")):
        return
    with folder() as work:
        write_zone(work / "zone")
        write_queries(work / "queries")
        for name, program, start in (("knot", "knotd", knot), ("nsd", "nsd", nsd)):
            if has(program):
                with start(work) as (port, pids):
                    load(name, port, pids, work, seconds, table)
        data = work / "data"
        prepare(binary, data)
        configure(data, f'{{ name = "example.com", file = "{work}/zone" }}', data / "site")
        with portside(binary, data) as server:
            port = server.port("dns", "udp")
            wait_until(lambda: answers(port), "portside answers", 60)
            load("portside", port, server.worker("names"), work, seconds, table)
