"""Hostile clients of POP3: injection behind STLS, ALPACA, plain text, bare line ends, slow and many, names of nobody."""
import poplib, select, ssl, threading
from wire import *

t = told()
POP3, POP3S = t["pop3"], t["pop3s"]
rows = {}


def greeting(stream):
    data = b""
    while not data.endswith(b"\r\n"):
        data += stream.recv(4096)
    return data


def says(text, port=POP3, wait=5):
    with plain(port) as stream:
        greeting(stream)
        stream.sendall(text)
        data, closed = until_closed(stream, wait)
        return {"reply": data.decode("latin-1"), "closed": closed}


# What was slipped in behind STLS is answered neither in plain text nor inside TLS.
rows["injection"] = says(b"STLS\r\nNOOP\r\n")
rows["injection of a log-in"] = says(b"STLS\r\nUSER ann\r\nPASS x\r\n")
# The state of before is forgotten: a name given in plain text is nobody's inside TLS.
client = poplib.POP3(HOST, POP3)
client._shortcmd("CAPA")
while client._getline()[0] != b".":
    pass
client.stls(context=ssl.create_default_context(cafile=t["ca"]))
try:
    answer = client.pass_("x").decode()
except poplib.error_proto as error:
    answer = str(error)
rows["reset"] = {"reply": answer, "closed": True}
client.close()

# ALPACA: HTTP led here, in plain text and inside TLS.
GET = b"GET /<script>alert(1)</script> HTTP/1.1\r\nHost: www.lab.test\r\n\r\n"
rows["browser"] = says(GET)
rows["browser's post"] = says(b"POST / HTTP/1.1\r\nHost: a\r\n\r\nUSER ann\r\nPASS x\r\n")
with secure(POP3S, t["ca"]) as stream:
    greeting(stream)
    stream.sendall(GET)
    data, closed = until_closed(stream, 5)
    rows["browser inside TLS"] = {"reply": data.decode("latin-1"), "closed": closed}


def hello(protocols, name):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(protocols)
    side = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        pass
    with plain(POP3S) as stream:
        stream.sendall(outgoing.read())
        stream.settimeout(10)
        return stream.recv(65536)[:7].hex()


rows["alpn http"] = {"reply": hello(["http/1.1"], "srv.lab.test"), "closed": True}
rows["alpn imap"] = {"reply": hello(["imap"], "srv.lab.test"), "closed": True}
rows["alpn own"] = {"reply": hello(["pop3"], "srv.lab.test"), "closed": True}
rows["sni"] = {"reply": hello(["pop3"], "mail.example.com"), "closed": True}

# Lines end by CRLF alone.
rows["bare LF"] = says(b"NOOP\nQUIT\n")
rows["bare CR"] = says(b"NOOP\rQUIT\r\n")
rows["long line"] = says(b"USER " + b"a" * 100_000)

# Log-in over plain text, where the listener does not allow it.
for name, text in (("USER", b"USER ann@lab.test\r\n"), ("PLAIN", b"AUTH PLAIN AGEAYg==\r\n"), ("LOGIN", b"AUTH LOGIN\r\n")):
    rows["plain " + name] = says(text + b"QUIT\r\n")

# Slow: silence, half a line, commands for ever without a log-in.
held, lock = {}, threading.Lock()


def hold(name, open_, pieces):
    begin = time.monotonic()
    stream, closed = open_(), False
    while time.monotonic() - begin < t["limit"] and not closed:
        try:
            if pieces:
                stream.sendall(pieces)
        except OSError:
            closed = True
            break
        _, closed = until_closed(stream, 0.5)
    with lock:
        held[name] = {"closed": closed, "seconds": round(time.monotonic() - begin, 1)}


cases = {
    "silent": (lambda: plain(POP3), b""),
    "drip": (lambda: plain(POP3), b"U"),
    "commands": (lambda: plain(POP3), b"CAPA\r\n"),
    "silent before TLS": (lambda: plain(POP3S), b""),
    "silent inside TLS": (lambda: secure(POP3S, t["ca"]), b""),
}
threads = [threading.Thread(target=hold, args=(name, *case)) for name, case in cases.items()]
for thread in threads:
    thread.start()
served = []
while any(thread.is_alive() for thread in threads):
    begin = time.monotonic()
    good = says(b"CAPA\r\nQUIT\r\n")
    served.append("+OK Bye" in good["reply"] and time.monotonic() - begin < 5)
    time.sleep(1)
for thread in threads:
    thread.join()

streams = [plain(POP3) for _ in range(t["bound"] + 20)]
time.sleep(1.5)
away = 0
for stream in streams:
    stream.settimeout(0.2)
    try:
        if b"+OK" not in stream.recv(100):
            away += 1
    except OSError:
        away += 1
for stream in streams:
    stream.close()
time.sleep(0.5)
after = says(b"QUIT\r\n")
tell(rows=rows, held=held, served=all(served), times=len(served), away=away, after="+OK Bye" in after["reply"])
