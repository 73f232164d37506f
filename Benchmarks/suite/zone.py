"""One zone of a million records beside Knot: until it is served, what it takes of memory, how long a transfer of all of it takes,
and what one dynamic update of a zone of 100,000 records takes."""
import base64
import contextlib
import pathlib
import socket
import struct
import subprocess
import time

from .dns import answers
from .machine import family, folder, free_port, has, memory, processor_time, running, wait_until
from .portside import portside, prepare
from .table import Row, Table

RECORDS = 1_000_000
UPDATED = 100_000
UPDATES = 20
SECRET = base64.b64encode(b"a key of the benchmark, 32 octets").decode()


def write_zone(path: pathlib.Path, name: str, hosts: int) -> None:
    with open(path, "w") as file:
        file.write(
            f"$ORIGIN {name}.\n$TTL 3600\n@ SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ NS ns1\n@ NS ns2\n"
            "ns1 A 192.0.2.1\nns2 A 192.0.2.2\n")
        for start in range(0, hosts, 10_000):
            file.write("".join(
                f"host{i} A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n"
                for i in range(start, min(start + 10_000, hosts))))


def transfer(port: int, zone: str) -> tuple[int, int, float]:
    """Records and octets of a whole transfer, and the seconds from the question to the last octet."""
    name = b"".join(bytes([len(label)]) + label.encode() for label in zone.split(".")) + b"\0"
    query = struct.pack(">6H", 7, 0, 1, 0, 0, 0) + name + struct.pack(">2H", 252, 1)
    records, octets, rest, serial = 0, 0, b"", 0
    with socket.create_connection(("127.0.0.1", port)) as stream:
        stream.settimeout(60)
        begin = time.monotonic()
        stream.sendall(struct.pack(">H", len(query)) + query)
        while True:
            part = stream.recv(1 << 20)
            if not part:
                raise SystemExit(f"the transfer ended after {records} records")
            octets += len(part)
            rest += part
            place = 0
            while len(rest) - place >= 2:
                length = struct.unpack_from(">H", rest, place)[0]
                if len(rest) - place < 2 + length:
                    break
                records += struct.unpack_from(">H", rest, place + 8)[0]
                place += 2 + length
            rest = rest[place:]
            # The SOA stands at both ends.
            if records >= RECORDS + 6 and not rest:
                return records, octets, time.monotonic() - begin


def measure(server: str, port: int, pids: list[int], begin: float, table: Table) -> None:
    wait_until(lambda: answers(port), f"{server} answers", 120)
    loaded, used = time.monotonic() - begin, processor_time(pids)
    table.add(Row(server, "1M records loaded", cpu=used * 1e6 / RECORDS, memory=memory(pids) / 1e6,
                  note=f"served after {loaded:.2f} s"))
    times, before = [], processor_time(pids)
    for _ in range(5):
        records, octets, seconds = transfer(port, "example.com")
        times.append(seconds)
    used = processor_time(pids) - before
    table.add(Row(server, "1M records transferred", cpu=used * 1e6 / (5 * RECORDS), memory=memory(pids) / 1e6,
                  note=f"{sorted(times)[2]:.2f} s, {octets / 1e6:.0f} MB, {records} records"))


def update(server: str, port: int, pids: list[int], table: Table) -> None:
    """One nsupdate process sends them one after the other, each of one record."""
    lines = [f"server 127.0.0.1 {port}", "zone updated.example"]
    for number in range(UPDATES):
        lines += [f"update add new{number}.updated.example 60 A 192.0.2.{number}", "send"]
    before, begin = processor_time(pids), time.monotonic()
    result = subprocess.run(
        ["nsupdate", "-y", f"hmac-sha256:bench:{SECRET}"], input="\n".join(lines) + "\n", capture_output=True, text=True)
    seconds, used = time.monotonic() - begin, processor_time(pids) - before
    table.add(Row(
        server, "update, 100k records", UPDATES / seconds, used * 1e6 / UPDATES,
        note=f"{seconds * 1000 / UPDATES:.1f} ms each", failed=result.returncode != 0 or bool(result.stderr)))


@contextlib.contextmanager
def knot(work: pathlib.Path):
    port = free_port()
    (work / "db").mkdir()
    (work / "knot.conf").write_text(f"""
server:
    rundir: "{work}"
    listen: 127.0.0.1@{port}
database:
    storage: "{work}/db"
key:
  - id: bench
    algorithm: hmac-sha256
    secret: {SECRET}
acl:
  - id: out
    address: 127.0.0.1
    action: transfer
  - id: update
    key: bench
    action: update
zone:
  - domain: example.com
    file: "{work}/zone"
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
    acl: out
  - domain: updated.example
    file: "{work}/updated"
    zonefile-sync: -1
    acl: update
""")
    begin = time.monotonic()
    with running("knotd", "-c", str(work / "knot.conf"), log=work / "knot.log") as process:
        yield port, process, begin


def run(binary: str, seconds: int, table: Table) -> None:
    if not (has("dig") and has("nsupdate")):
        return
    with folder() as work:
        write_zone(work / "zone", "example.com", RECORDS)
        write_zone(work / "updated", "updated.example", UPDATED)
        if has("knotd"):
            with knot(work) as (port, process, begin):
                wait_until(lambda: answers(port), "knotd answers", 120)
                pids = family(process.pid)
                measure("knot", port, pids, begin, table)
                update("knot", port, pids, table)
        data = work / "data"
        prepare(binary, data)
        (work / "bench.key").write_text(SECRET + "\n")
        (work / "bench.key").chmod(0o600)
        (data / "portside.toml").write_text(f"""
[server]
hostname = "srv.lab.test"
data = "{data}"
key = "file:{data}/key"
[listen]
here = ["127.0.0.1"]
[tls]
issuer = "internal-ca"
[log]
level = "warning"
[dns]
on = ["here"]
zones = [{{ name = "example.com", file = "{work}/zone" }}, {{ name = "updated.example", file = "{work}/updated" }}]
transfer = [{{ zone = "example.com", networks = ["127.0.0.0/8"] }}]
update = [{{ zone = "updated.example", key = "tsig:bench" }}]
tsig = [{{ name = "bench", secret = "file:{work}/bench.key" }}]
""")
        begin = time.monotonic()
        with portside(binary, data) as server:
            pids = server.worker("names")
            measure("portside", server.port("dns", "udp"), pids, begin, table)
            update("portside", server.port("dns", "udp"), pids, table)
