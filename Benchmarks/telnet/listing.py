#!/usr/bin/env python3
"""A long listing by Telnet: bytes a second, and CPU seconds per 100 MB in each of the laboratory's processes.

Usage: listing.py READY.json COMMAND [TIMES], where READY.json holds the line that `portside try --json` has printed; COMMAND is such as
`show zone big.test | no-more`. Root, or the server's own user, so that /proc may be read.
"""
import json
import os
import pathlib
import socket
import sys
import time

ready, command = json.load(open(sys.argv[1])), sys.argv[2]
times = int(sys.argv[3]) if len(sys.argv) > 3 else 5
person = ready["accounts"][0]
port = next(service["port"] for service in ready["services"] if service["name"] == "telnet" and service["tls"] == "starttls")
prompt = b"\r\n" + person["name"].split("@")[0].encode() + b"@srv> "


def seconds():
    """CPU seconds of the laboratory's workers so far."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
            if len(words) < 3 or words[1] != b"worker":
                continue
            fields = (path.parent / "stat").read_text().rsplit(")", 1)[1].split()
            if ready["data"].encode() in pathlib.Path(f"/proc/{fields[1]}/cmdline").read_bytes():
                found[words[2].decode()] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, IndexError):
            continue
    return found


def main():
    stream = socket.create_connection(("127.0.0.1", port), timeout=60)

    def until(text):
        count, tail = 0, b""
        while not tail.endswith(text):
            piece = stream.recv(1 << 20)
            if not piece:
                sys.exit(f"closed after {tail!r}")
            count += len(piece)
            tail = (tail + piece)[-256:]
        return count

    until(b"login: ")
    stream.sendall(bytes([255, 253, 1]) + person["name"].encode() + b"\r\0")
    until(b"Password: ")
    stream.sendall(person["password"].encode() + b"\r\0")
    until(prompt)
    before, begin, count = seconds(), time.monotonic(), 0
    for _ in range(times):
        stream.sendall(command.encode() + b"\r\0")
        count += until(prompt)
    took = time.monotonic() - begin
    used = {name: round((total - before.get(name, 0)) / count * 1e8, 2) for name, total in seconds().items()}
    print(f"{count} bytes in {took:.2f} s: {count / took / 1e6:.1f} MB/s; CPU seconds per 100 MB: "
          f"{ {name: figure for name, figure in sorted(used.items()) if figure} }")


main()
