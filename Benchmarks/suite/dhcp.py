"""DHCPv4 beside Kea and dnsmasq: four-way exchanges by perfdhcp, which asks as a relay does, in network namespaces of their own."""
import contextlib
import json
import os
import pathlib
import re
import subprocess
import time

from .machine import family, folder, has, memory, processor_time, running, wait_until
from .table import Row, Table

SERVER, CLIENT = "bench-dhcp-s", "bench-dhcp-c"
ADDRESS = "10.8.0.1"
POOL = ("10.8.4.0", "10.9.255.200")
RATES = [250, 500, 1000, 2000, 3000, 4000, 6000, 8000, 12000, 16000, 24000]
"""Exchanges a second that are tried, until a server loses more than one in a hundred."""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextlib.contextmanager
def cable():
    """Two namespaces with a cable between them: 10.8.0.1 and 10.8.0.2 of a /15."""
    remove()
    ip("netns", "add", SERVER)
    ip("netns", "add", CLIENT)
    try:
        ip("link", "add", "lan0", "netns", SERVER, "type", "veth", "peer", "name", "lan0", "netns", CLIENT)
        for name, address in ((SERVER, ADDRESS), (CLIENT, "10.8.0.2")):
            ip("-n", name, "address", "add", f"{address}/15", "dev", "lan0")
            for link in ("lan0", "lo"):
                ip("-n", name, "link", "set", link, "up")
        yield
    finally:
        remove()


def remove() -> None:
    for name in (SERVER, CLIENT):
        subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def inside(*words: str) -> list[str]:
    return ["ip", "netns", "exec", SERVER, *words]


@contextlib.contextmanager
def kea(binary: str, work: pathlib.Path):
    """As its package has it: leases in a file, written before each ACK, and not synchronised."""
    leases = work / "kea"
    leases.mkdir()
    configuration = {"Dhcp4": {
        "interfaces-config": {"interfaces": ["lan0"], "dhcp-socket-type": "udp"},
        "lease-database": {"type": "memfile", "persist": True, "name": str(leases / "leases.csv"), "lfc-interval": 0},
        "valid-lifetime": 28800,
        "subnet4": [{"subnet": "10.8.0.0/15", "pools": [{"pool": f"{POOL[0]}-{POOL[1]}"}]}],
        "loggers": [{"name": "kea-dhcp4", "severity": "ERROR", "output_options": [{"output": str(leases / "log")}]}]}}
    (work / "kea.json").write_text(json.dumps(configuration))
    os.environ["KEA_PIDFILE_DIR"] = os.environ["KEA_LOCKFILE_DIR"] = str(leases)
    with running(*inside("kea-dhcp4", "-c", str(work / "kea.json")), log=work / "kea.log") as process:
        yield lambda: family(process.pid)


@contextlib.contextmanager
def dnsmasq(binary: str, work: pathlib.Path):
    leases = work / "dnsmasq"
    leases.mkdir()
    words = inside("dnsmasq", "-k", "--port=0", "--conf-file=/dev/null", "--pid-file=", "--user=root", f"--dhcp-range={POOL[0]},{POOL[1]},255.254.0.0,8h",
                   f"--dhcp-leasefile={leases / 'leases'}", "--dhcp-lease-max=200000", "--no-ping", "--quiet-dhcp")
    with running(*words, log=work / "dnsmasq.log") as process:
        yield lambda: family(process.pid)


@contextlib.contextmanager
def portside(binary: str, work: pathlib.Path):
    """Every ACK leaves when its lease is synchronised."""
    data = work / "portside"
    (work / "portside.toml").write_text(f"""
[server]
hostname = "srv.lab.test"
data = "{data}"
key = "file:{work}/key"
user = "nobody"
[listen]
lan = ["{ADDRESS}"]
[log]
level = "warning"
[dhcp]
on = ["lan"]
probe = false
circuit_limit = 1000000
[dhcp.subnet."10.8.0.0/15"]
pool = "{POOL[0]}-{POOL[1]}"
""")
    log = work / "portside.log"
    with running(*inside(binary, "serve", "--config", str(work / "portside.toml")), log=log) as process:
        def worker() -> list[int]:
            found = []
            for pid in family(process.pid):
                with contextlib.suppress(OSError):
                    if pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")[1:3] == ["worker", "names"]:
                        found.append(pid)
            return found

        wait_until(lambda: bool(worker()), f"portside has its worker: {log.read_text()[-500:]}")
        yield worker


def exchanges(rate: int, seconds: int) -> tuple[int, int, float]:
    """Sent and completed exchanges, and how long their middle answer took in milliseconds."""
    words = ["ip", "netns", "exec", CLIENT, "perfdhcp", "-4", "-r", str(rate), "-R", "60000", "-p", str(seconds), "-W", "1000000", ADDRESS]
    text = subprocess.run(words, capture_output=True, text=True, timeout=seconds + 60).stdout
    sent = [int(number) for number in re.findall(r"sent packets: (\d+)", text)]
    received = [int(number) for number in re.findall(r"received packets: (\d+)", text)]
    delays = [float(number) for number in re.findall(r"avg delay: ([\d.]+)", text)]
    if len(sent) < 2:
        return 0, 0, 0
    return sent[0], received[1], sum(delays)


def load(name: str, pids, seconds: int, table: Table) -> None:
    best = None
    wait_until(lambda: exchanges(20, 1)[1] > 0, f"{name} answers", 60)
    for rate in RATES:
        before = processor_time(pids())
        sent, done, delay = exchanges(rate, seconds)
        used = processor_time(pids()) - before
        if not done:
            break
        row = Row(name, "dhcp DORA", done / seconds, used * 1e6 / done, memory(pids()) / 1e6, note=f"asked at {rate}/s, answers after {delay:.1f} ms")
        if done < 0.99 * sent or sent < 0.9 * rate * seconds:
            # Under more than it can do: what it still completes may be more than at the step before.
            if best is None or row.rate > best.rate:
                row.note += f", lost {100 * (sent - done) / max(sent, 1):.0f} %"
                best = row
            break
        best = row
    table.add(best or Row(name, "dhcp DORA", note="no answers", failed=name == "portside"))


def run(binary: str, seconds: int, table: Table) -> None:
    if os.geteuid() != 0 or not has("perfdhcp"):
        return
    for name, program, start in (("kea", "kea-dhcp4", kea), ("dnsmasq", "dnsmasq", dnsmasq), ("portside", binary, portside)):
        if has(program):
            with folder() as work, cable(), start(binary, work) as pids:
                time.sleep(1)
                load(name, pids, seconds, table)
