"""Static files beside nginx and Caddy: HTTP/1.1 plain and inside TLS by wrk, HTTP/2 by h2load; full handshakes; 1 GB by curl."""
import base64
import os
import pathlib
import re
import socket
import ssl
import subprocess
import time

from .caddy import caddy
from .machine import folder, has, memory, processor_time
from .nginx import nginx
from .portside import configure, portside, prepare
from .table import Row, Table

LOADS = [
    ("1 KB", "http", ["-t1", "-c64"], "1k.html"),
    ("1 KB TLS", "https", ["-t1", "-c64"], "1k.html"),
    ("1 KB h2", "h2", ["-c8", "-m32"], "1k.html"),
    ("1 MB", "http", ["-t1", "-c8"], "1m.bin"),
    ("1 MB TLS", "https", ["-t1", "-c8"], "1m.bin"),
    ("1 MB h2", "h2", ["-c8", "-m8"], "1m.bin"),
]


def write_site(site: pathlib.Path) -> None:
    site.mkdir(exist_ok=True)
    (site / "1k.html").write_bytes(base64.b64encode(os.urandom(768)))
    (site / "1m.bin").write_bytes(os.urandom(1 << 20))


def write_large(site: pathlib.Path) -> None:
    """A file of 1 GiB, in pieces: whoever reads it has it in the page cache."""
    piece = os.urandom(1 << 20)
    with open(site / "1g.bin", "wb") as file:
        for _ in range(1024):
            file.write(piece)


def figures(kind: str, output: str) -> tuple[float, float, str]:
    """Requests, requests per second, and what went wrong."""
    if kind == "h2":
        done = re.search(r"requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed, (\d+) errored", output)
        rate = re.search(r"finished in [^,]+, ([\d.]+) req/s", output)
        if not done or not rate:
            return 0, 0, output.strip()[-80:]
        bad = int(done[2]) + int(done[3])
        return float(done[1]), float(rate[1]), f"{bad} failed" if bad else ""
    done, rate = re.search(r"(\d+) requests in", output), re.search(r"Requests/sec:\s+([\d.]+)", output)
    wrong = re.search(r"(Non-2xx.*|Socket errors.*)", output)
    if not done or not rate:
        return 0, 0, output.strip()[-80:]
    return float(done[1]), float(rate[1]), wrong[1] if wrong else ""


def load(server: str, plain: int, secure: int, pids: list[int], seconds: int, table: Table) -> None:
    for name, kind, options, file in LOADS:
        if kind == "h2":
            words = ["h2load", *options, f"-D{seconds}", f"https://localhost:{secure}/{file}"]
        else:
            port = plain if kind == "http" else secure
            words = ["wrk", *options, f"-d{seconds}s", f"{kind}://127.0.0.1:{port}/{file}"]
        before = processor_time(pids)
        output = subprocess.run(words, capture_output=True, text=True)
        used = processor_time(pids) - before
        requests, rate, wrong = figures(kind, output.stdout + output.stderr)
        table.add(Row(
            server, f"http {name}", rate, used * 1e6 / max(1, requests), memory(pids) / 1e6, note=wrong,
            failed=bool(wrong) or requests == 0))


def handshakes(server: str, port: int, pids: list[int], seconds: int, table: Table) -> None:
    """Whole handshakes of TLS 1.3 with P-256 and no session taken up again, one after the other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The certificate is of a private authority, and who answers is not the question.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    before, begun, count = processor_time(pids), time.monotonic(), 0
    while time.monotonic() - begun < seconds:
        with socket.create_connection(("127.0.0.1", port), 30) as stream:
            context.wrap_socket(stream, server_hostname="localhost").close()
        count += 1
    spent = time.monotonic() - begun
    time.sleep(0.1)
    table.add(Row(server, "http TLS handshake", count / spent, (processor_time(pids) - before) * 1e6 / count))


def large(server: str, plain: int, secure: int, pids: list[int], table: Table) -> None:
    for name, url in (("1 GB", f"http://127.0.0.1:{plain}"), ("1 GB TLS", f"https://127.0.0.1:{secure}")):
        before, begun = processor_time(pids), time.monotonic()
        done = subprocess.run(
            ["curl", "-sk", "--http1.1", "-o", "/dev/null", "-w", "%{size_download}", f"{url}/1g.bin"], capture_output=True, text=True)
        spent = time.monotonic() - begun
        wrong = "" if done.stdout == str(1 << 30) else f"{done.stdout or done.returncode} bytes"
        table.add(Row(
            server, f"http {name}", (1 << 30) / 1e6 / spent, (processor_time(pids) - before) * 1e6,
            note=wrong or "MB/s, CPU µs a GiB", failed=bool(wrong)))


def measure(server: str, plain: int, secure: int, pids: list[int], seconds: int, table: Table) -> None:
    load(server, plain, secure, pids, seconds, table)
    handshakes(server, secure, pids, seconds, table)
    large(server, plain, secure, pids, table)


def run(binary: str, seconds: int, table: Table) -> None:
    if not (has("wrk") and has("h2load")):
        return
    with folder() as work:
        write_site(work / "site")
        write_large(work / "site")
        for name, peer in (("nginx", nginx), ("caddy", caddy)):
            if has(name):
                with peer(work, work / "site") as (plain, secure, pids):
                    measure(name, plain, secure, pids, seconds, table)
        data = work / "data"
        prepare(binary, data)
        configure(data, '"lab.test"', work / "site")
        with portside(binary, data) as server:
            measure(
                "portside", server.port("http"), server.port("https"), server.worker("web"), seconds, table)
