"""Words that a terminal or a log would act on, in every place where a stranger chooses them."""
from wire import *

EVIL = [b"\x1b[2J\x1b[31mPWNED", b"a\r\n09:00:00 notice  portside    forged line", b"\x07\x08\x9b31m", b"\xe2\x80\xae\xe2\x80\xa8next"]
t = told()
for evil in EVIL:
    encoded = b"".join(b"%%%02x" % byte for byte in evil)
    for request in (
        b"GET /" + encoded + b" HTTP/1.1\r\nHost: www.lab.test\r\nUser-Agent: " + evil + b"\r\n\r\n",
        b"GET /" + evil + b" HTTP/1.1\r\nHost: www.lab.test\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: " + evil + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: www.lab.test\r\nX-" + evil + b": b\r\n\r\n",
        evil + b" / HTTP/1.1\r\nHost: www.lab.test\r\n\r\n",
        b"GET /../" + evil + b" HTTP/1.1\r\nHost: " + evil + b"\r\nContent-Length: " + evil + b"\r\n\r\n",
    ):
        with plain(t["http"]) as stream:
            stream.sendall(request)
            until_closed(stream, 0.3)
    question = bytes([len(evil[:60])]) + evil[:60] + b"\x03lab\x04test\0" + struct.pack(">HH", 1, 1)
    message = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + question
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        s.connect((HOST, t["dns"]))
        s.send(message)
        s.recv(4096)
    with plain(t["dns"]) as stream:
        ask(stream, message)
    # A server name of a TLS client, written by hand: no library sends this.
    name = b"\0" + struct.pack(">H", len(evil)) + evil
    extension = struct.pack(">HHH", 0, len(name) + 2, len(name)) + name
    body = b"\3\3" + b"r" * 32 + b"\0" + b"\0\2\x13\1" + b"\1\0" + struct.pack(">H", len(extension)) + extension
    hello = b"\1\0" + struct.pack(">H", len(body)) + body
    with plain(t["https"]) as stream:
        stream.sendall(b"\x16\3\1" + struct.pack(">H", len(hello)) + hello)
        until_closed(stream, 0.3)
tell(sent=len(EVIL))
