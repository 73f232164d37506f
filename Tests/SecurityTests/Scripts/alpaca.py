"""ALPACA: a TLS client that was led here from another service. Tells the first bytes of each reply in hexadecimal."""
import ssl, threading
from wire import *


def hello(port, protocols, name):
    """Sends the ClientHello alone, reads what comes back and whether the connection is closed."""
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
    with plain(port) as stream:
        stream.sendall(outgoing.read())
        stream.settimeout(10)
        first = stream.recv(65536)
        rest, closed = until_closed(stream, 5) if first[:1] == b"\x15" else (b"", False)
        return {"reply": (first + rest)[:7].hex(), "closed": closed}


def says(port, text):
    with plain(port) as stream:
        stream.sendall(text)
        data, closed = until_closed(stream, 20)
        return {"reply": data.hex(), "closed": closed}


def inside(port, ca, text):
    with secure(port, ca) as stream:
        stream.sendall(text)
        data, closed = until_closed(stream, 20)
        return {"reply": data.hex(), "closed": closed}


t = told()
GET = b"GET /<script>alert(1)</script> HTTP/1.1\r\nHost: www.lab.test\r\n\r\n"
result = {}
# Waits for what never comes take their time: all at once.
waiting = {
    "https plain": lambda: says(t["https"], GET),
    "dot plain": lambda: says(t["dot"], GET),
    # A browser that is made to speak HTTP to DNS over TCP, and inside TLS, without any ALPN, to DNS over TLS.
    "dns plain": lambda: says(t["dns"], GET),
    "dot inside": lambda: inside(t["dot"], t["ca"], GET),
}
threads = [threading.Thread(target=lambda n=n, w=w: result.update({n: w()})) for n, w in waiting.items()]
for thread in threads:
    thread.start()
for service, own in (("https", "http/1.1"), ("dot", "dot")):
    port = t[service]
    for protocol in ("smtp", "imap", "ftp", "xmpp-client", "dot" if service == "https" else "http/1.1"):
        result["%s alpn %s" % (service, protocol)] = hello(port, [protocol], "srv.lab.test")
    for name in ("mail.example.com", "lab.test", "www.lab.test.evil.example"):
        result["%s sni %s" % (service, name)] = hello(port, [own], name)
    result["%s own" % service] = hello(port, [own], "srv.lab.test")
for thread in threads:
    thread.join()
tell(**result)
