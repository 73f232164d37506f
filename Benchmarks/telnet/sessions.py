#!/usr/bin/env python3
"""Many people at the console by Telnet: memory of an idle session, and the time from a key to its echo.

Usage: sessions.py READY.json COUNT, where READY.json holds the line that `portside try --json` has printed, with

    [limits]
    exempt = ["127.0.0.0/8"]
    connections = 5000

in its configuration: all sessions come from one address. Root, or the server's own user, so that /proc may be read.
"""
import json
import pathlib
import resource
import select
import socket
import sys
import time

ready, count = json.load(open(sys.argv[1])), int(sys.argv[2])
port = next(service["port"] for service in ready["services"] if service["name"] == "telnet" and service["tls"] == "starttls")
person = ready["accounts"][0]
resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, max(count + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))


def worker():
    """The process of the worker that has this laboratory's connections: not the supervisor, which only holds the socket."""
    inodes = {line.split()[9] for line in list(open("/proc/net/tcp"))[1:] if line.split()[1].endswith(f":{port:04X}")}
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"\0worker\0access" not in path.read_bytes():
                continue
            names = {str(entry.readlink()) for entry in (path.parent / "fd").iterdir()}
        except OSError:
            continue
        if any(f"socket:[{inode}]" in names for inode in inodes):
            return int(path.parent.name)
    sys.exit("no worker has the port: run as root or as the server's own user")


def resident(pid):
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS"))


def until(stream, text):
    data = b""
    while text not in data:
        piece = stream.recv(65536)
        if not piece:
            sys.exit("the server closed a connection")
        data += piece


def log_in():
    stream = socket.create_connection(("127.0.0.1", port), timeout=60)
    until(stream, b"login: ")
    stream.sendall(bytes([255, 253, 1]) + person["name"].encode() + b"\r\0")
    until(stream, b"Password: ")
    stream.sendall(person["password"].encode() + b"\r\0")
    until(stream, b"> ")
    return stream


def tell(name, times):
    times.sort()
    print(f"{name}: median {times[len(times) // 2] * 1000:.2f} ms, p99 {times[len(times) * 99 // 100] * 1000:.2f} ms")


warm = log_in()
pid = worker()
before = resident(pid)
begin = time.perf_counter()
streams = [log_in() for _ in range(count)]
print(f"{count} log-ins, one after the other: {(time.perf_counter() - begin) / count * 1000:.1f} ms each")
print(f"memory of a session: {(resident(pid) - before) / count:.1f} kB")

times = []
for _ in range(5):
    for stream in streams:
        start = time.perf_counter()
        stream.sendall(b"x")
        stream.recv(100)
        times.append(time.perf_counter() - start)
tell("key to echo, one at a time", times)

starts, waiting, times = {}, set(streams), []
poll = select.epoll()
by_number = {stream.fileno(): stream for stream in streams}
for stream in streams:
    poll.register(stream, select.EPOLLIN)
for stream in streams:
    starts[stream] = time.perf_counter()
    stream.sendall(b"y")
while waiting:
    for number, _ in poll.poll(10):
        stream = by_number[number]
        stream.recv(100)
        if stream in waiting:
            times.append(time.perf_counter() - starts[stream])
            waiting.discard(stream)
tell(f"key to echo, all {count} at once", times)
