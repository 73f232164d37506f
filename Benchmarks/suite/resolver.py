"""Cached resolving beside Unbound: 1,000 hot names that both fetched from the same Knot before, asked by dnsperf."""
import contextlib
import pathlib
import random
import subprocess
from collections.abc import Iterator

from . import dns
from .machine import CORES, family, folder, free_port, has, running, wait_until
from .portside import configure, portside, prepare
from .table import Table

HOT = 1_000


def write_queries(path: pathlib.Path) -> None:
    generator = random.Random(2)
    path.write_text("".join(f"host{generator.randrange(HOT)}.example.com A\n" for _ in range(200_000)))


@contextlib.contextmanager
def unbound(work: pathlib.Path, upstream: int) -> Iterator[tuple[int, list[int]]]:
    port = free_port()
    (work / "unbound.conf").write_text(f"""
server:
    interface: 127.0.0.1@{port}
    port: {port}
    access-control: 127.0.0.0/8 allow
    num-threads: {CORES}
    so-reuseport: yes
    do-not-query-localhost: no
    do-daemonize: no
    use-syslog: no
    username: ""
    chroot: ""
    directory: "{work}"
    pidfile: ""
    module-config: "iterator"
    incoming-num-tcp: 100
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@{upstream}
""")
    with running("unbound", "-d", "-c", str(work / "unbound.conf"), log=work / "unbound.log") as process:
        wait_until(lambda: dns.answers(port), "unbound answers", 60)
        yield port, family(process.pid)


def warm(port: int, work: pathlib.Path) -> None:
    """Each name once, so that the load meets none that must be fetched."""
    (work / "names").write_text("".join(f"host{index}.example.com A\n" for index in range(HOT)))
    words = ["dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", str(work / "names"), "-T1", "-q20", "-n", "1"]
    subprocess.run(words, capture_output=True, check=True)


def run(binary: str, seconds: int, table: Table) -> None:
    if not all([has("dnsperf"), has("dig"), has("knotd")]):
        return
    with folder() as work:
        dns.write_zone(work / "zone")
        write_queries(work / "queries")
        with dns.knot(work) as (upstream, _):
            if has("unbound"):
                with unbound(work, upstream) as (port, pids):
                    warm(port, work)
                    dns.load("unbound", port, pids, work, seconds, table, "dns cached")
            data = work / "data"
            prepare(binary, data)
            configure(data, "", data / "site")
            file = data / "portside.toml"
            resolving = f'recursion = ["127.0.0.0/8"]\nforward = ["udp://127.0.0.1:{upstream}"]\nvalidate = false\n'
            file.write_text(file.read_text().replace("zones = []\n", "zones = []\n" + resolving))
            with portside(binary, data) as server:
                port = server.port("dns", "udp")
                wait_until(lambda: dns.answers(port), "portside answers", 60)
                warm(port, work)
                dns.load("portside", port, server.worker("names"), work, seconds, table, "dns cached")
