"""TFTP: names that lead out, forged requests, writes over what is there."""
import json
import os
import socket
import sys
import time

TOLD = json.loads(sys.argv[1])
SERVER = ("127.0.0.1", TOLD["tftp"])


def channel(limit=3.0):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(limit)
    return made


def read(name):
    """The first packet that comes back: 'error N', 'data', or 'silence'."""
    made = channel()
    made.sendto(b"\0\1" + name + b"\0octet\0", SERVER)
    try:
        packet = made.recvfrom(2000)[0]
    except socket.timeout:
        return "silence"
    return f"error {packet[3]}" if packet[1] == 5 else f"data {packet[4:40].decode(errors='replace')}"


def write(name, content):
    made = channel()
    made.sendto(b"\0\2" + name + b"\0octet\0", SERVER)
    packet, peer = made.recvfrom(2000)
    if packet[1] == 5:
        return f"error {packet[3]}"
    made.sendto(b"\0\3\0\1" + content, peer)
    packet, _ = made.recvfrom(2000)
    return "written" if packet == b"\0\4\0\1" else f"error {packet[3]}"


def names():
    root = TOLD["data"] + "/tftp"
    with open(TOLD["data"] + "/outside", "w") as file:
        file.write("SECRET")
    for name, target in [("out", "../outside"), ("absolute", TOLD["data"] + "/outside"), ("folder", "..")]:
        os.symlink(target, f"{root}/{name}")
    wanted = [
        b"../outside", b"sub/../../outside", b"..\\outside", TOLD["data"].encode() + b"/outside", b"/etc/passwd",
        b"out", b"absolute", b"folder/outside", b"boot.ipxe/../../outside", b"%2e%2e/outside", b"....//outside",
    ]
    rows = {name.decode(): read(name) for name in wanted}
    # A NUL ends the name: what follows is the mode, and that one is none.
    rows["boot.ipxe NUL ../outside"] = read(b"boot.ipxe\0../outside")
    rows["write ../outside"] = write(b"../outside", b"x")
    with open(TOLD["data"] + "/outside") as file:
        rows["outside"] = file.read()
    rows["good"] = read(b"boot.ipxe")
    return rows


def forged():
    """A request whose sender never answers: how many datagrams go to it."""
    made = channel(0.5)
    made.sendto(b"\0\1boot.ipxe\0octet\0windowsize\x0064\0blksize\x008\0", SERVER)
    count = octets = 0
    end = time.time() + 15
    while time.time() < end:
        try:
            octets += len(made.recvfrom(70000)[0])
            count += 1
        except socket.timeout:
            pass
    plain = channel(0.5)
    plain.sendto(b"\0\1boot.ipxe\0octet\0", SERVER)
    again = 0
    end = time.time() + 12
    while time.time() < end:
        try:
            plain.recvfrom(70000)
            again += 1
        except socket.timeout:
            pass
    return {"with options": count, "octets": octets, "plain": again}


def versions():
    return {"first": write(b"r1-confg", b"one"), "second": write(b"r1-confg", b"two")}


print(json.dumps({"names": names, "forged": forged, "versions": versions}[TOLD["row"]]()))
