"""Slow clients: connections that are held by sending next to nothing, on every TCP protocol at once.

Tells for each how long the server stood it, and how many of many connections of one source were let in.
"""
import select, threading
from wire import *

t = told()
results, lock = {}, threading.Lock()


def held(name, open_, pieces, limit):
    """Sends a piece each half second until the server closes."""
    begin = time.monotonic()
    stream = open_()
    closed = False
    while time.monotonic() - begin < limit:
        try:
            piece = next(pieces, b"")
            if piece:
                stream.sendall(piece)
        except (OSError, ConnectionError):
            closed = True
            break
        data, closed = until_closed(stream, 0.5)
        if closed:
            break
    with lock:
        results[name] = {"closed": closed, "seconds": round(time.monotonic() - begin, 1)}


def drip(data):
    for byte in data:
        yield bytes([byte])
    while True:
        yield b""


def for_ever(head, piece):
    yield head
    while True:
        yield piece


HEAD = b"GET / HTTP/1.1\r\nHost: www.lab.test\r\n"
limit = t["limit"]
cases = {
    "http silent": (lambda: plain(t["http"]), drip(b"")),
    "http head": (lambda: plain(t["http"]), for_ever(HEAD, b"X-A: b\r\n")),
    "http content": (lambda: plain(t["http"]), drip(b"POST / HTTP/1.1\r\nHost: www.lab.test\r\nContent-Length: 999\r\n\r\n")),
    "https silent before TLS": (lambda: plain(t["https"]), drip(b"")),
    "https hello": (lambda: plain(t["https"]), drip(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 32)),
    "https silent inside TLS": (lambda: secure(t["https"], t["ca"]), drip(b"")),
    "https head": (lambda: secure(t["https"], t["ca"]), for_ever(HEAD, b"X-A: b\r\n")),
    "h2 silent": (lambda: secure(t["https"], t["ca"], ["h2"]), drip(b"")),
    "h2 preface alone": (lambda: secure(t["https"], t["ca"], ["h2"]),
                         for_ever(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", b"")),
    "dns silent": (lambda: plain(t["dns"]), drip(b"")),
    "dns drip": (lambda: plain(t["dns"]), drip(b"\x02\x00" + b"a" * 500)),
    "dot silent before TLS": (lambda: plain(t["dot"]), drip(b"")),
    "dot silent inside TLS": (lambda: secure(t["dot"], t["ca"]), drip(b"")),
    "dot drip": (lambda: secure(t["dot"], t["ca"]), drip(b"\x02\x00" + b"a" * 500)),
}
threads = [threading.Thread(target=held, args=(name, *case, limit)) for name, case in cases.items()]
for thread in threads:
    thread.start()

# Meanwhile a decent client is served all the time.
served = []
while any(thread.is_alive() for thread in threads):
    begin = time.monotonic()
    good = b"Portside answers" in get(t["http"])
    with plain(t["dns"]) as stream:
        good = good and ask(stream)[:2] == QUERY[:2]
    served.append(good and time.monotonic() - begin < 5)
    time.sleep(0.5)
for thread in threads:
    thread.join()

# Many connections of one source: those above the bound are closed at once, and a slot that is given back is free again.
for name, port in (("http", t["http"]), ("dns", t["dns"])):
    streams = [plain(port) for _ in range(t["bound"] + 20)]
    time.sleep(0.7)
    # Those that were turned away have something to read: the refusal, or the end.
    turned_away = len(select.select(streams, [], [], 0)[0])
    for stream in streams:
        stream.close()
    time.sleep(0.5)
    after = b"Portside answers" in get(t["http"]) if name == "http" else ask(plain(port))[:2] == QUERY[:2]
    results["%s crowd" % name] = {"turned away": turned_away, "after": after}
tell(held=results, served=all(served), times=len(served))
