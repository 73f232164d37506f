"""Slow clients of remote desktops: silent, or a byte now and then, at each stage before the log-in. Tells after how many
seconds the server had enough of each, and whether another client was served all the while."""
import threading
from wire import *

t = told()
REQUEST = bytes.fromhex("030000130ee000000000000100080001000000")
results, lock = {}, threading.Lock()


def inside(protocols):
    stream = plain(t["rdp"])
    stream.sendall(REQUEST[:15] + struct.pack("<I", protocols))
    exactly(stream, 19)
    return ssl.create_default_context(cafile=t["ca"]).wrap_socket(stream, server_hostname="srv.lab.test")


def before_tls():
    stream = plain(t["rdp"])
    stream.sendall(REQUEST)
    exactly(stream, 19)
    return stream


def held(name, open_, data):
    begin, closed, stream = time.monotonic(), False, open_()
    pieces = iter(data)
    while not closed and time.monotonic() - begin < t["limit"]:
        try:
            byte = next(pieces, None)
            if byte is not None:
                stream.sendall(bytes([byte]))
            closed = until_closed(stream, 0.8)[1]
        except OSError:
            closed = True
    with lock:
        results[name] = {"closed": closed, "seconds": round(time.monotonic() - begin, 1)}


cases = {
    "silent": (lambda: plain(t["rdp"]), b""), "drip": (lambda: plain(t["rdp"]), b"\3\0\xff\xff" + bytes(200)),
    "silent before TLS": (before_tls, b""), "silent inside TLS": (lambda: inside(1), b""),
    "drip inside TLS": (lambda: inside(1), b"\3\0\xff\xff" + bytes(200)),
    "silent before NLA": (lambda: inside(2), b""), "drip in NLA": (lambda: inside(2), b"\x30\x82\xff\x00" + bytes(200)),
}
threads = [threading.Thread(target=held, args=(name, *case)) for name, case in cases.items()]
for thread in threads:
    thread.start()
served = []
while any(thread.is_alive() for thread in threads):
    begin = time.monotonic()
    inside(1).close()
    served.append(time.monotonic() - begin < 5)
    time.sleep(1)
for thread in threads:
    thread.join()
tell(held=results, served=all(served))
