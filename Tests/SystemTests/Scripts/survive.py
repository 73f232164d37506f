"""Kills one worker while clients load all services; says what they noticed.

Argument: a JSON object {"http", "https", "dns", "dot", "smtp", "imap", "pop3", "ftp", "ssh", "telnet", "rdp": ports, "ca": path,
"worker": name, "pid": whom to kill}.
Prints a JSON object; see `main`.
"""
import json, os, signal, socket, ssl, struct, sys, threading, time

HOST = "127.0.0.1"
QUERY = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + b"\x03srv\x03lab\x04test\x00" + struct.pack(">HH", 1, 1)


def connect(port, ca=None):
    plain = socket.create_connection((HOST, port), timeout=15)
    if not ca:
        return plain
    return ssl.create_default_context(cafile=ca).wrap_socket(plain, server_hostname="srv.lab.test")


def exactly(stream, count):
    data = b""
    while len(data) < count:
        piece = stream.recv(count - len(data))
        if not piece:
            raise ConnectionError("closed")
        data += piece
    return data


def get(stream):
    stream.sendall(b"GET / HTTP/1.1\r\nHost: www.lab.test\r\n\r\n")
    head = b""
    while b"\r\n\r\n" not in head:
        piece = stream.recv(65536)
        if not piece:
            raise ConnectionError("closed")
        head += piece
    head, body = head.split(b"\r\n\r\n", 1)
    length = next(int(l.split(b":")[1]) for l in head.lower().split(b"\r\n") if l.startswith(b"content-length:"))
    exactly(stream, length - len(body))
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise ConnectionError(head.decode())


def ask(stream):
    stream.sendall(struct.pack(">H", len(QUERY)) + QUERY)
    answer = exactly(stream, struct.unpack(">H", exactly(stream, 2))[0])
    if answer[:2] != QUERY[:2] or answer[3] & 15:
        raise ConnectionError("wrong answer")


def ask_datagram(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        datagram.settimeout(0.25)
        datagram.connect((HOST, port))
        datagram.send(QUERY)
        if datagram.recv(4096)[:2] != QUERY[:2]:
            raise ConnectionError("wrong answer")


def until(stream, end):
    """What comes up to the end of an answer."""
    data = b""
    while end not in data:
        piece = stream.recv(65536)
        if not piece:
            raise ConnectionError("closed")
        data += piece
    return data


def line(command, end, greeting=b"\r\n"):
    """A protocol of lines: its greeting at the first use of a connection, then a command and its answer."""
    greeted = set()

    def use(stream):
        if stream not in greeted:
            greeted.add(stream)
            until(stream, greeting)
        stream.sendall(command)
        until(stream, end)
        return stream
    return use


def lives(begin):
    """A protocol whose conversation is more than a test needs: its beginning, and after that whether the connection stands."""
    begun = set()

    def use(stream):
        if stream not in begun:
            begun.add(stream)
            begin(stream)
            return
        stream.setblocking(False)
        try:
            while True:
                if not stream.recv(65536):
                    raise ConnectionError("closed")
        except BlockingIOError:
            pass
        finally:
            stream.settimeout(15)
    return use


def begin_ssh(stream):
    if not until(stream, b"\n").startswith(b"SSH-2.0-"):
        raise ConnectionError("no SSH")
    stream.sendall(b"SSH-2.0-survive\r\n")


def begin_rdp(stream):
    # X.224 Connection Request with an RDP negotiation request: TLS or CredSSP ([MS-RDPBCGR] 2.2.1.1).
    request = bytes([14, 0xE0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0])
    stream.sendall(struct.pack(">BBH", 3, 0, len(request) + 4) + request)
    if exactly(stream, 6)[5] != 0xD0:
        raise ConnectionError("no confirm")


# The worker, the transport, and what one exchange is: for a connection of its own, and for one that is kept.
LINES = {
    "smtp": ("mail", lambda: line(b"NOOP\r\n", b"250 ")),
    "imap": ("mail", lambda: line(b"a NOOP\r\n", b"a OK")),
    "pop3": ("mail", lambda: line(b"CAPA\r\n", b"\r\n.\r\n")),
    "ftp": ("access", lambda: line(b"NOOP\r\n", b"200 ")),
    # Are you there? (RFC 854)
    "telnet": ("access", lambda: line(b"\xff\xf6", b"is here]", greeting=b"\xff")),
    "ssh": ("access", lambda: lives(begin_ssh)),
    "rdp": ("desktop", lambda: lives(begin_rdp)),
}


class Load(threading.Thread):
    """One client that begins anew again and again: connect, ask, close."""

    def __init__(self, once):
        super().__init__(daemon=True)
        self.once, self.good, self.refused, self.broken, self.running = once, [], [], [], True

    def run(self):
        while self.running:
            begin = time.monotonic()
            try:
                self.once()
                self.good.append((begin, time.monotonic()))
            except ConnectionRefusedError as error:
                self.refused.append(begin)
            except (OSError, ConnectionError) as error:
                self.broken.append((begin, repr(error)))
            time.sleep(0.01)


def main():
    told = json.loads(sys.argv[1])
    ca = told["ca"]

    def fresh(port, tls, use):
        def once():
            with connect(port, ca if tls else None) as stream:
                use(stream)
        return once

    loads = {
        "http": Load(fresh(told["http"], False, get)),
        "https": Load(fresh(told["https"], True, get)),
        "dns": Load(fresh(told["dns"], False, ask)),
        "dot": Load(fresh(told["dot"], True, ask)),
        "udp": Load(lambda: ask_datagram(told["dns"])),
    }
    services = {"web": ["http", "https"], "names": ["dns", "dot", "udp"]}.get(told["worker"], [])
    for name, (worker, use) in LINES.items():
        def once(port=told[name], use=use):
            with connect(port) as stream:
                use()(stream)
        loads[name] = Load(once)
        if worker == told["worker"]:
            services.append(name)
    kept = {
        "http": (connect(told["http"]), get), "https": (connect(told["https"], ca), get),
        "dns": (connect(told["dns"]), ask), "dot": (connect(told["dot"], ca), ask),
    }
    for name, (worker, use) in LINES.items():
        kept[name] = (connect(told[name]), use())
    for stream, use in kept.values():
        use(stream)
    for load in loads.values():
        load.start()
    time.sleep(0.5)
    os.kill(told["pid"], signal.SIGKILL)
    killed = time.monotonic()

    def back(load):
        return next((end - killed for begin, end in list(load.good) if begin > killed), None)

    deadline = killed + 20
    while time.monotonic() < deadline and any(back(loads[name]) is None for name in services):
        time.sleep(0.01)
    alive = {}
    for name, (stream, use) in kept.items():
        try:
            use(stream)
            alive[name] = True
        except (OSError, ConnectionError):
            alive[name] = False
    time.sleep(max(0, killed + 1 - time.monotonic()))
    for load in loads.values():
        load.running = False
    for load in loads.values():
        load.join(20)
    print(json.dumps({
        # Whether a connection that was open before the kill still answers.
        "kept": alive,
        "refused": {name: len(load.refused) for name, load in loads.items()},
        # Exchanges that failed although they had nothing to do with the killed worker.
        "disturbed": {name: load.broken for name, load in loads.items() if name not in services and load.broken},
        # Seconds from the kill to the first whole exchange that began after it.
        "back": {name: back(loads[name]) for name in services},
        "exchanges": {name: len(load.good) for name, load in loads.items()},
    }))


main()
