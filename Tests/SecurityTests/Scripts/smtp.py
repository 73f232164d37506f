"""Hostile clients of SMTP. Argument: JSON with the ports. Prints one JSON object of rows."""
import json, socket, ssl, sys, time

told = json.loads(sys.argv[1])
rows = {}


class Peer:
    def __init__(self, port, tls=False):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.settimeout(10)
        if tls:
            context = ssl.create_default_context(cafile=told["ca"])
            context.check_hostname = False
            self.socket = context.wrap_socket(self.socket)

    def send(self, text):
        try:
            self.socket.sendall(text if isinstance(text, bytes) else text.encode())
        except OSError:
            pass

    def receive(self, until=None, limit=4.0):
        """What comes until the text, the end, or the limit; and whether it ended."""
        data, end = b"", time.time() + limit
        while time.time() < end:
            self.socket.settimeout(max(0.05, end - time.time()))
            try:
                part = self.socket.recv(65536)
            except (socket.timeout, TimeoutError):
                break
            except OSError:
                return data.decode("latin-1"), True
            if not part:
                return data.decode("latin-1"), True
            data += part
            if until and until in data.decode("latin-1"):
                return data.decode("latin-1"), False
        return data.decode("latin-1"), False


def begin(port, tls=False):
    peer = Peer(port, tls)
    peer.receive("220 ")
    peer.send("EHLO evil.test\r\n")
    peer.receive("\r\n250 ")
    return peer


# Smuggling: ends of data that are none, with a second message behind them.
ends = {"lf": "\n.\n", "crlf-lf": "\r\n.\n", "lf-crlf": "\n.\r\n", "cr": "\r.\r", "crlf-cr": "\r\n.\r", "cr-crlf": "\r.\r\n"}
for name, end in ends.items():
    peer = begin(told["smtp"])
    peer.send("MAIL FROM:<a@evil.test>\r\nRCPT TO:<bob@lab.test>\r\nDATA\r\n")
    peer.receive("354")
    peer.send("Subject: one\r\n\r\nx" + end + "MAIL FROM:<admin@lab.test>\r\nRCPT TO:<bob@lab.test>\r\nDATA\r\n"
              "Subject: smuggled\r\n\r\nx\r\n.\r\n")
    text, closed = peer.receive()
    rows["smuggling " + name] = {"closed": closed, "accepted": text.count("\r\n250 ") + text.startswith("250 "), "text": text[:200]}
peer = begin(told["smtp"])
peer.send("MAIL FROM:<a@evil.test>\r\nRCPT TO:<bob@lab.test>\r\nBDAT 8 LAST\r\nx\n.\nxxxx")
text, closed = peer.receive()
rows["smuggling bdat"] = {"closed": closed, "accepted": text.count("2.0.0 Kept"), "text": text[:200]}
peer = Peer(told["smtp"])
peer.receive("220 ")
peer.send("EHLO evil.test\nMAIL FROM:<a@evil.test>\n")
text, closed = peer.receive()
rows["bare lf command"] = {"closed": closed, "accepted": text.count("250 "), "text": text[:200]}

# Plain text behind STARTTLS.
for service in ["smtp", "submission"]:
    peer = begin(told[service])
    peer.send("STARTTLS\r\nNOOP\r\n")
    text, closed = peer.receive()
    rows["starttls " + service] = {"closed": closed, "text": text, "answered": "220" in text or "250" in text}

# A browser that was led here, in plain text and inside TLS.
for service, tls in [("smtp", False), ("submission", False), ("submissions", True)]:
    peer = Peer(told[service], tls)
    peer.receive("220 ")
    peer.send("GET /<script>alert(1)</script> HTTP/1.1\r\nHost: <script>\r\n\r\n")
    text, closed = peer.receive()
    rows["browser " + service] = {"closed": closed, "text": text, "reflected": "script" in text}

# Passwords in plain text, where the configuration does not allow it.
peer = begin(told["submission"])
for command in ["AUTH PLAIN AGFubgB3cm9uZw==", "AUTH LOGIN", "MAIL FROM:<ann@lab.test>"]:
    peer.send(command + "\r\n")
    text, closed = peer.receive("\r\n")
    rows["plaintext " + command.split()[0] + command.split()[1][:5]] = {"code": text[:3], "text": text}

# Accounts: known and unknown name, the same words.
answers = []
for name in ["ann", "nobody"]:
    peer = Peer(told["submissions"], True)
    peer.receive("220 ")
    peer.send("EHLO evil.test\r\n")
    peer.receive("\r\n250 ")
    import base64
    peer.send("AUTH PLAIN " + base64.b64encode(f"\0{name}\0wrong".encode()).decode() + "\r\n")
    answers.append(peer.receive("\r\n")[0])
rows["enumeration"] = {"same": answers[0] == answers[1] and answers[0].startswith("535"), "text": answers}

# Names that would write lines of their own into a log or a header.
peer = Peer(told["smtp"])
peer.receive("220 ")
peer.send("EHLO x\x1b[31mred\x00\r\n")
first = peer.receive("\r\n")[0]
peer.send("EHLO (evil)\"<x>\r\n")
second = peer.receive("\r\n250 ")[0]
peer.send("MAIL FROM:<a@evil.test>\r\nRCPT TO:<bob@lab.test>\r\nDATA\r\n")
peer.receive("354")
peer.send("Subject: \x1b[31minjected\r\n\r\nx\r\n.\r\n")
third = peer.receive("\r\n")[0]
rows["injection"] = {"codes": [first[:3], second[:3], third[:3]]}

# Too many recipients that are not there; an endless line; too many faults.
peer = begin(told["smtp"])
peer.send("MAIL FROM:<a@evil.test>\r\n" + "".join(f"RCPT TO:<user{n}@lab.test>\r\n" for n in range(60)))
text, closed = peer.receive()
rows["harvest"] = {"closed": closed, "refused": text.count("550 5.1.1")}
peer = Peer(told["smtp"])
peer.receive("220 ")
for _ in range(200):
    peer.send("x" * 65536)
peer.send("\r\nNOOP\r\n")
text, closed = peer.receive("250")
rows["endless line"] = {"code": text[:3], "text": text[:100], "served": "250" in text}
peer = Peer(told["smtp"])
peer.receive("220 ")
peer.send("XYZZY\r\n" * 50)
text, closed = peer.receive()
rows["faults"] = {"closed": closed, "answers": text.count("\r\n")}

# Relaying for strangers, in all spellings.
for name, address in [("plain", "x@elsewhere.test"), ("percent", "x%elsewhere.test@lab.test"), ("route", "@lab.test:x@elsewhere.test"),
                      ("bang", "elsewhere.test!x@lab.test"), ("quoted", "\"x@elsewhere.test\"@lab.test"), ("literal", "x@[192.0.2.1]")]:
    peer = begin(told["smtp"])
    peer.send("MAIL FROM:<a@evil.test>\r\n")
    peer.receive("\r\n")
    peer.send(f"RCPT TO:<{address}>\r\n")
    text, closed = peer.receive("\r\n", 2)
    rows["relay " + name] = {"code": text[:3], "text": text}
print(json.dumps(rows))
