"""TFTP beside tftp-hpa, atftpd and dnsmasq: 100 MB at each block and window size, and a thousand machines that boot at once."""
import contextlib
import os
import pathlib
import re
import selectors
import shutil
import socket
import struct
import subprocess
import time

from .machine import family, folder, free_port, running
from .portside import portside, prepare
from .table import Row, Table

LARGE, BOOT = 100_000_000, 1 << 20
MACHINES = 1000
BLOCKS, WINDOWS = (512, 1468, 8192), (1, 4, 16, 64)
PEERS = pathlib.Path(__file__).resolve().parents[2] / ".peers" / "usr" / "sbin"


def program(name: str) -> str:
    """Debian lets no two TFTP servers be installed at once: one is unpacked by Scripts/setup-test-peers."""
    return str(PEERS / name) if (PEERS / name).exists() else name


def request(name: str, block: int, window: int) -> bytes:
    options = [b"blksize", str(block).encode()] + ([b"windowsize", str(window).encode()] if window > 1 else [])
    return b"\0\1" + b"\0".join([name.encode(), b"octet", *options]) + b"\0"


class Machine:
    """A client as firmware is: one block after the other, an acknowledgement at the end of each window."""

    def __init__(self, server: tuple[str, int], name: str, block: int, window: int, source: str = "127.0.0.1") -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((source, 0))
        self.server, self.block, self.window = server, 512, 1
        self.request = request(name, block, window)
        self.wanted = (block, window)
        self.peer = server
        self.received = self.acknowledged = self.bytes = 0
        self.done = self.failed = False
        self.last = self.request
        self.heard = time.monotonic()
        self.socket.sendto(self.request, server)

    def send(self, packet: bytes) -> None:
        self.last = packet
        with contextlib.suppress(BlockingIOError):
            self.socket.sendto(packet, self.peer)

    def readable(self) -> None:
        while not self.done:
            try:
                packet, self.peer = self.socket.recvfrom(65536)
            except BlockingIOError:
                return
            self.heard = time.monotonic()
            kind, number = struct.unpack("!HH", packet[:4])
            if kind == 6:
                words = packet[2:].split(b"\0")
                granted = dict(zip(words[::2], words[1::2]))
                self.block, self.window = int(granted.get(b"blksize", 512)), int(granted.get(b"windowsize", 1))
                self.send(b"\0\4\0\0")
            elif kind == 5:
                self.done = self.failed = True
            elif number == (self.received + 1) & 0xFFFF:
                self.received += 1
                self.bytes += len(packet) - 4
                self.done = len(packet) - 4 < self.block
                if self.done or self.received - self.acknowledged >= self.window:
                    self.acknowledged = self.received
                    self.send(struct.pack("!HH", 4, number))
            elif self.acknowledged != self.received:
                # One is missing: the sender goes back to it.
                self.acknowledged = self.received
                self.send(struct.pack("!HH", 4, self.received & 0xFFFF))

    def idle(self, now: float) -> None:
        if now - self.heard > 1:
            self.heard = now
            self.send(self.last)


def drive(machines: list[Machine], seconds: float) -> float:
    """Until all are done. Returns the seconds that it took."""
    begin = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for machine in machines:
            selector.register(machine.socket, selectors.EVENT_READ, machine)
        left = len(machines)
        while left and time.monotonic() - begin < seconds:
            for key, _ in selector.select(0.2):
                key.data.readable()
                if key.data.done:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
                    left -= 1
            now = time.monotonic()
            for key in list(selector.get_map().values()):
                key.data.idle(now)
    return time.monotonic() - begin


def cpu(pids: list[int]) -> float:
    """With children that have gone: some servers have a process for each transfer."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += sum(int(fields[index]) for index in (11, 12, 13, 14))
    return ticks / os.sysconf("SC_CLK_TCK")


def atftp(port: int, block: int, window: int, output: pathlib.Path) -> float | None:
    words = ["atftp", "--option", f"blksize {block}"] + (["--option", f"windowsize {window}"] if window > 1 else [])
    begin = time.monotonic()
    try:
        done = subprocess.run([*words, "-g", "-r", "large", "-l", str(output), "127.0.0.1", str(port)], capture_output=True, timeout=20)
    except subprocess.TimeoutExpired:
        return None
    took = time.monotonic() - begin
    whole = output.exists() and output.stat().st_size == LARGE
    output.unlink(missing_ok=True)
    return took if done.returncode == 0 and whole else None


def load(name: str, port: int, pids, work: pathlib.Path, table: Table) -> None:
    for block in BLOCKS:
        for window in WINDOWS:
            before = cpu(pids())
            # One that does not come within 20 s is not tried again.
            first = atftp(port, block, window, work / "received")
            good = [first] if first else []
            if first and (second := atftp(port, block, window, work / "received")):
                good.append(second)
            used = cpu(pids()) - before
            row = Row(name, f"tftp 100 MB, {block} × {window}", note="no transfer", failed=name == "portside")
            if good:
                count = LARGE / block
                row = Row(name, row.load, count / min(good), used * 1e6 / (count * len(good)), note=f"{min(good):.2f} s, blocks")
            table.add(row)
    # Machines of one network each: a limit by address would meet them all at once on loopback.
    before = cpu(pids())
    machines = [Machine(("127.0.0.1", port), "boot", 1468, 1, f"127.0.{1 + i // 200}.{1 + i % 200}") for i in range(MACHINES)]
    took = drive(machines, 120)
    used = cpu(pids()) - before
    done = sum(machine.done and not machine.failed and machine.bytes == BOOT for machine in machines)
    note = f"{took:.1f} s" if done == MACHINES else f"{done} of {MACHINES} within {took:.0f} s"
    table.add(Row(name, f"tftp {MACHINES} boots of 1 MB", done / took, used * 1e6 / max(done, 1), note=note,
                  failed=name == "portside" and done < MACHINES))


@contextlib.contextmanager
def peer(name: str, root: pathlib.Path, log: pathlib.Path):
    port = free_port()
    words = {
        "tftp-hpa": ["in.tftpd", "-L", "-l", "-a", f"127.0.0.1:{port}", "-s", str(root)],
        "atftpd": ["atftpd", "--daemon", "--no-fork", "--port", str(port), "--bind-address", "127.0.0.1", "--maxthread", "1100", str(root)],
        "dnsmasq": ["dnsmasq", "-k", "--port=0", "--enable-tftp", f"--tftp-root={root}", "--listen-address=127.0.0.1", "--bind-interfaces",
                    "--tftp-max=1100", "--conf-file=/dev/null", "--pid-file=", "--user=root"],
    }[name]
    # dnsmasq takes no port but 69.
    port = 69 if name == "dnsmasq" else port
    with running(program(words[0]), *words[1:], log=log) as process:
        time.sleep(0.5)
        yield port, lambda: family(process.pid)


def run(binary: str, seconds: int, table: Table) -> None:
    with folder() as work:
        root = work / "root"
        root.mkdir()
        block = os.urandom(1 << 20)
        (root / "large").write_bytes((block * (LARGE // len(block) + 1))[:LARGE])
        (root / "boot").write_bytes(block)
        for path in root.iterdir():
            path.chmod(0o644)
        for name, executable in (("tftp-hpa", "in.tftpd"), ("atftpd", "atftpd"), ("dnsmasq", "dnsmasq")):
            if not shutil.which(program(executable)):
                print(f"{name} is not installed: left out", flush=True)
                continue
            with peer(name, root, work / f"{name}.log") as (port, pids):
                load(name, port, pids, work, table)
        data = work / "data"
        prepare(binary, data)
        text = (data / "portside.toml").read_text()
        text = re.sub(r"(?m)^(read\s*=).*$", rf'\1 "{root}"', text).replace("[listen]", "[log]\nlevel = \"warning\"\n\n[listen]")
        (data / "portside.toml").write_text(text)
        with portside(binary, data) as server:
            load("portside", server.port("tftp", "udp"), lambda: server.worker("names"), work, table)
