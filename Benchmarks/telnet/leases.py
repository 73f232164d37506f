#!/usr/bin/env python3
"""`show leases` over 100,000 leases: the time from Enter to the first row, and what memory all of it takes.

Usage: leases.py READY.json, where READY.json holds the line that `portside try --json` has printed. Enters the leases into the
store of that laboratory. Root, or the server's own user, so that /proc may be read.
"""
import json
import pathlib
import socket
import sqlite3
import statistics
import sys
import time

COUNT = 100_000
ready = json.load(open(sys.argv[1]))
person = ready["accounts"][0]
port = next(service["port"] for service in ready["services"] if service["name"] == "telnet" and service["tls"] == "starttls")


def enter():
    with sqlite3.connect(f"{ready['data']}/leases/leases.sqlite", timeout=20) as store:
        now = int(time.time())
        rows = ((f"10.{10 + (i >> 16)}.{i >> 8 & 255}.{i & 255}", bytes([1, 1]) + i.to_bytes(6, "big"), now, now + 86400,
                 i.to_bytes(6, "big"), f"host{i}") for i in range(COUNT))
        store.executemany("INSERT OR REPLACE INTO lease VALUES ('10.0.0.0/8', ?, ?, 1, ?, ?, 1, ?, ?, x'')", rows)


def memory():
    """Resident kilobytes of the laboratory's workers."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
            if len(words) < 3 or words[1] != b"worker":
                continue
            fields = dict(line.split(":", 1) for line in (path.parent / "status").open())
            supervisor = pathlib.Path(f"/proc/{fields['PPid'].strip()}/cmdline").read_bytes()
            if ready["data"].encode() in supervisor:
                found[words[2].decode()] = int(fields["VmRSS"].split()[0])
        except (OSError, ValueError):
            continue
    return found


def main():
    enter()
    stream = socket.create_connection(("127.0.0.1", port), timeout=30)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def until(text):
        seen = b""
        while text not in seen:
            piece = stream.recv(65536)
            if not piece:
                sys.exit(f"closed after {seen[-200:]!r}")
            seen += piece
        return seen

    until(b"login: ")
    stream.sendall(bytes([255, 253, 1]) + person["name"].encode() + b"\r\0")
    until(b"Password: ")
    stream.sendall(person["password"].encode() + b"\r\0")
    until(b"ann@srv> ")
    times = []
    for _ in range(20):
        stream.sendall(b"show leases")
        until(b"show leases")
        begin = time.monotonic()
        stream.sendall(b"\r\0")
        until(b"10.10.0.")
        times.append(time.monotonic() - begin)
        stream.sendall(b"q")
        until(b"ann@srv> ")
    before = memory()
    peak = dict(before)
    stream.sendall(b"show leases | no-more\r\0")
    until(b"no-more")
    begin, lines, tail, count = time.monotonic(), 0, b"", 0
    while not tail.endswith(b"\r\nann@srv> "):
        piece = stream.recv(1 << 20)
        lines += piece.count(b"\n")
        tail = (tail + piece)[-64:]
        count += 1
        if count % 100 == 0:
            for name, size in memory().items():
                peak[name] = max(peak.get(name, 0), size)
    seconds = time.monotonic() - begin
    growth = {name: peak[name] - before.get(name, 0) for name in peak}
    print(f"first row: median {statistics.median(times) * 1000:.1f} ms, slowest {max(times) * 1000:.1f} ms; "
          f"{lines} lines in {seconds:.1f} s; growth in kB: {growth}")


main()
