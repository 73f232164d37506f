"""DHCP: a relay's port whose clients invent hardware addresses; options that make no sense."""
import json
import os
import random
import socket
import struct
import sys
import time

TOLD = json.loads(sys.argv[1])
SERVER = ("127.0.0.1", TOLD["dhcp"])


def option(code, data):
    return bytes([code, len(data)]) + data


def message(kind, mac, options=b"", circuit=b"port 1", end=b"\xff", xid=None, overload=None):
    xid = random.getrandbits(32) if xid is None else xid
    head = struct.pack(">4BIHH", 1, 1, 6, 1, xid, 0, 0) + bytes(12) + bytes([127, 0, 0, 1]) + mac + bytes(10)
    fields = overload if overload is not None else bytes(192)
    relay = option(82, option(1, circuit)) if circuit is not None else b""
    return head + fields + b"\x63\x82\x53\x63" + option(53, bytes([kind])) + options + relay + end


def parse(reply):
    found, place = {}, 240
    while place < len(reply) and reply[place] != 255:
        if reply[place] == 0:
            place += 1
            continue
        found[reply[place]] = reply[place + 2:place + 2 + reply[place + 1]]
        place += 2 + reply[place + 1]
    return socket.inet_ntoa(reply[16:20]), found


def relay():
    channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    channel.bind(("127.0.0.1", 0))
    channel.settimeout(2)
    return channel


def take(channel, mac, circuit):
    """A whole exchange; the address, or None."""
    channel.sendto(message(1, mac, circuit=circuit), SERVER)
    try:
        address, options = parse(channel.recv(2000))
        wish = option(50, socket.inet_aton(address)) + option(54, options[54])
        channel.sendto(message(3, mac, wish, circuit=circuit), SERVER)
        address, options = parse(channel.recv(2000))
        return address if options.get(53) == b"\5" else None
    except socket.timeout:
        return None


def starvation():
    """10,000 hardware addresses at one circuit of one relay."""
    channel = relay()
    channel.settimeout(0.3)
    addresses, answered = set(), 0
    for number in range(10_000):
        mac = b"\x02\xee" + struct.pack(">I", number)
        channel.sendto(message(1, mac), SERVER)
        # The answers to the first ones are waited for; then it is a flood.
        if number < 60:
            try:
                address, options = parse(channel.recv(2000))
            except socket.timeout:
                continue
            channel.sendto(message(3, mac, option(50, socket.inet_aton(address)) + option(54, options[54])), SERVER)
            try:
                address, options = parse(channel.recv(2000))
            except socket.timeout:
                continue
            if options.get(53) == b"\5":
                addresses.add(address)
        elif number % 64 == 0:
            time.sleep(0.002)
    time.sleep(0.5)
    channel.setblocking(False)
    try:
        while True:
            channel.recv(2000)
            answered += 1
    except BlockingIOError:
        pass
    patient = relay()
    return {
        "taken": len(addresses), "late": answered,
        "reserved": take(patient, bytes.fromhex("020000000021"), b"port 1"),
        "neighbour": take(patient, bytes.fromhex("020000000099"), b"port 2"),
    }


def hostile():
    """Each message, then whether the server still answers a proper one."""
    mac = bytes.fromhex("0200000000aa")
    rows = {
        "overload into itself": message(1, mac, option(52, b"\3"), overload=option(52, b"\3") * 64),
        "overload without an end": message(1, mac, option(52, b"\3"), overload=b"\x0c\xff" + b"a" * 190),
        "zero length": message(1, mac, b"".join(option(code, b"") for code in range(1, 254) if code != 53)),
        "nested vendor options": message(1, mac, option(43, option(43, option(43, b"\x2b\xff"))) + option(125, b"\xff" * 9)),
        "nested relay options": message(1, mac, circuit=None, options=option(82, option(1, b"x") + b"\x05\xff\x01")),
        "truncated option": message(1, mac, b"\x0c\xf0abc", circuit=None, end=b""),
        "truncated header": message(1, mac)[:100],
        "nothing": b"",
        "no options at all": message(1, mac)[:240],
        "long names": message(1, mac, option(81, b"\4\0\0" + b"\x3f" * 200) + option(12, b"\xff" * 255)),
        "name pointers": message(1, mac, option(119, b"\xc0\x00") + option(81, b"\4\0\0\xc0\x03")),
        "hardware of 255 octets": message(1, mac)[:2] + b"\xff" + message(1, mac)[3:],
        "unknown type": message(200, mac),
        "empty host name": message(1, mac, option(12, b"") + option(61, b"")),
        "long option in parts": message(1, mac, option(12, b"a" * 255) * 4),
        "a host name of markup": message(1, mac, option(12, b"<img onerror=alert(1)>")),
    }
    result = {}
    for number, (name, bytes_) in enumerate(rows.items()):
        channel = relay()
        channel.sendto(bytes_, SERVER)
        address = take(channel_of(), bytes([2, 0, 0, 1, 0, number]), b"row %d" % number)
        result[name] = address is not None
    for _ in range(2_000):
        noise = bytearray(message(random.choice([1, 3, 4, 7, 8]), mac, os.urandom(random.randrange(300))))
        for _ in range(random.randrange(8)):
            noise[random.randrange(len(noise))] = random.getrandbits(8)
        relay_channel.sendto(bytes(noise), SERVER)
    time.sleep(0.5)
    result["noise"] = take(channel_of(), bytes([2, 0, 0, 2, 0, 0]), b"noise") is not None
    return result


def channel_of():
    return relay()


relay_channel = relay()
print(json.dumps({"starvation": starvation, "hostile": hostile}[TOLD["row"]]()))
