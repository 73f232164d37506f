"""Processes of the machine: starting and ending them, and what they cost."""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

CORES = os.cpu_count() or 1


def has(program: str) -> bool:
    """Whether a peer is installed; says so when it is not."""
    if shutil.which(program):
        return True
    print(f"{program} is not installed: left out (Scripts/setup-test-peers --benchmarks)", file=sys.stderr)
    return False


@contextlib.contextmanager
def folder() -> Iterator[pathlib.Path]:
    """A folder that every user may enter, gone at the end: servers drop to users of their own."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as path:
        os.chmod(path, 0o755)
        yield pathlib.Path(path)


@contextlib.contextmanager
def running(*command: str, log: pathlib.Path) -> Iterator[subprocess.Popen]:
    """A program in a session of its own, ended with all its children."""
    with open(log, "ab") as output:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=output, text=True, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port that nobody has, for UDP and TCP."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram, socket.socket() as stream:
            stream.bind(("127.0.0.1", 0))
            port = stream.getsockname()[1]
            try:
                datagram.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            found += family(int(child))
    return found


def processor_time(pids: list[int]) -> float:
    """Seconds of CPU time that the processes have used."""
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(pids: list[int], kind: str = "Pss") -> float:
    """Bytes of the processes: `Pss` counts a shared page in parts, `Rss` in full for each."""
    total = 0
    for pid in pids:
        # A process for one connection may just be going.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith(kind + ":"):
                    total += int(line.split()[1]) * 1024
    return total
