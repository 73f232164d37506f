"""Hostile clients of ManageSieve, and what a web page or a mail program could be made to ask of what is published about mail."""
import ssl, threading
from wire import *

t = told()
SIEVE = t["sieve"]
rows = {}


def greeting(stream):
    data = b""
    while not data.endswith(b"OK \"Portside\"\r\n"):
        piece = stream.recv(4096)
        if not piece:
            break
        data += piece
    return data


def says(text, wait=5):
    with plain(SIEVE) as stream:
        first = greeting(stream)
        stream.sendall(text)
        data, closed = until_closed(stream, wait)
        return {"reply": data.decode("latin-1"), "closed": closed, "greeting": first.decode("latin-1")}


# What was slipped in behind STARTTLS is answered neither in plain text nor inside TLS.
rows["injection"] = says(b"STARTTLS\r\nNOOP\r\n")
rows["injection of a log-in"] = says(b"STARTTLS\r\nAUTHENTICATE \"PLAIN\" \"AGEAYg==\"\r\n")
rows["browser"] = says(b"GET /<script>alert(1)</script> HTTP/1.1\r\nHost: www.lab.test\r\n\r\n")
rows["browser's post"] = says(b"POST / HTTP/1.1\r\nHost: a\r\n\r\nLISTSCRIPTS\r\n")
rows["bare LF"] = says(b"NOOP\nLOGOUT\n")
rows["bare CR"] = says(b"NOOP\rLOGOUT\r\n")
rows["long line"] = says(b"NOOP \"" + b"a" * 100_000)
rows["plain log-in"] = says(b"AUTHENTICATE \"PLAIN\" \"AGEAYg==\"\r\nLOGOUT\r\n")
rows["literal"] = says(b"PUTSCRIPT \"a\" {4000000000+}\r\n" + b"a" * 1000)
rows["nothing before log-in"] = says(b"LISTSCRIPTS\r\nGETSCRIPT \"../../key\"\r\nDELETESCRIPT \"a\"\r\nLOGOUT\r\n")

# Silence, and half a line: gone in time, while others are served.
held, lock = {}, threading.Lock()


def hold(name, pieces):
    begin = time.monotonic()
    stream, closed = plain(SIEVE), False
    while time.monotonic() - begin < t["limit"] and not closed:
        try:
            if pieces:
                stream.sendall(pieces)
        except OSError:
            closed = True
            break
        _, closed = until_closed(stream, 0.5)
    with lock:
        held[name] = {"closed": closed}


threads = [threading.Thread(target=hold, args=case) for case in [("silent", b""), ("drip", b"N"), ("commands", b"CAPABILITY\r\n")]]
for thread in threads:
    thread.start()
served = 0
while any(thread.is_alive() for thread in threads):
    served += "Bye" in says(b"LOGOUT\r\n")["reply"]
    time.sleep(2)
tell(rows=rows, held=held, served=served)
