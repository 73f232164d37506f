"""Kills one worker while clients load all services; says what they noticed.

Argument: a JSON object {"http", "https", "dns", "dot": ports, "ca": path, "worker": name, "pid": whom to kill}.
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
    services = {"web": ["http", "https"], "names": ["dns", "dot", "udp"], "gate": []}[told["worker"]]
    kept = {
        "http": (connect(told["http"]), get), "https": (connect(told["https"], ca), get),
        "dns": (connect(told["dns"]), ask), "dot": (connect(told["dot"], ca), ask),
    }
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
