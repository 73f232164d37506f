"""Hostile SSH clients. Needs paramiko, from .venv. Prints a JSON object: what each row did and what came of it."""
import hashlib
import json
import os
import resource
import socket
import struct
import sys
import threading
import time

import paramiko

told = json.loads(sys.argv[1])
port = told["ssh"]
results = {}


def string(data):
    return struct.pack(">I", len(data)) + data


def packet(payload):
    padding = 8 - (5 + len(payload)) % 8
    padding += 8 if padding < 4 else 0
    return struct.pack(">IB", len(payload) + padding + 1, padding) + payload + bytes(padding)


def exchange_init(strict=True):
    names = [b"curve25519-sha256" + (b",kex-strict-c-v00@openssh.com" if strict else b""), b"ssh-ed25519",
             b"aes128-ctr", b"aes128-ctr", b"hmac-sha2-256", b"hmac-sha2-256", b"none", b"none", b"", b""]
    return bytes([20]) + os.urandom(16) + b"".join(map(string, names)) + bytes(5)


def raw():
    stream = socket.create_connection(("127.0.0.1", port), 10)
    stream.sendall(b"SSH-2.0-test\r\n")
    return stream


def ended(stream, limit=8):
    """Whether the server closes, whatever it says before."""
    stream.settimeout(limit)
    try:
        while stream.recv(65536):
            pass
        return True
    except ConnectionError:
        return True
    except OSError:
        return False


def transport():
    connection = paramiko.Transport(("127.0.0.1", port))
    connection.start_client(timeout=20)
    return connection


def message(number, *parts):
    result = paramiko.Message()
    result.add_byte(bytes([number]))
    result.packet.write(b"".join(parts))
    return result


class Answers:
    """Takes the answers to what is sent by hand."""

    def __init__(self, connection):
        self.got = []
        self.news = threading.Event()
        self._handler_table = {number: self.take(number) for number in (6, 51, 52, 53, 60)}
        connection.auth_handler = self
        self.connection = connection
        connection._send_message(message(5, string(b"ssh-userauth")))
        self.wait()

    def take(self, number):
        def handler(*arguments):
            self.got.append((number, arguments[-1].get_remainder()))
            self.news.set()
        return handler

    def wait(self):
        self.news.wait(10)
        self.news.clear()
        return self.got[-1] if self.got else None

    def abort(self):
        pass

    def ask(self, user, key, algorithm, signature=None, by=None):
        """A publickey request; with a signature over it, by another key if one is given."""
        body = (string(user) + string(b"ssh-connection") + string(b"publickey") +
                bytes([signature is not None or by is not None]) + string(algorithm) + string(key))
        if by is not None:
            signed = string(self.connection.session_id) + bytes([50]) + body
            signature = by.sign_ssh_data(signed, "ssh-ed25519").asbytes()
        if signature is not None:
            body += string(signature)
        self.connection._send_message(message(50, body))
        return self.wait()


def alive(key="id_bob", user="bob", source=None):
    """Logs in and lists files; how long it took."""
    begin = time.monotonic()
    stream = socket.create_connection(("127.0.0.1", port), 20, source_address=source)
    connection = paramiko.Transport(stream)
    connection.connect(username=user, pkey=paramiko.Ed25519Key.from_private_key_file(f"{told['data']}/{key}"))
    paramiko.SFTPClient.from_transport(connection).listdir("/")
    connection.close()
    return time.monotonic() - begin


def terrapin():
    """A packet that a man in the middle puts before KEXINIT, or between it and NEWKEYS."""
    stream = raw()
    stream.sendall(packet(bytes([2]) + string(b"x")) + packet(exchange_init()))
    results["terrapin: IGNORE before KEXINIT"] = ended(stream)
    stream = raw()
    stream.sendall(packet(exchange_init()) + packet(bytes([2]) + string(b"x")))
    results["terrapin: IGNORE within the exchange"] = ended(stream)
    stream = raw()
    stream.sendall(packet(exchange_init()) + packet(bytes([3]) + struct.pack(">I", 0)))
    results["terrapin: UNIMPLEMENTED within the exchange"] = ended(stream)


def before_log_in():
    openings = {
        "CHANNEL_OPEN": message(90, string(b"session"), struct.pack(">III", 0, 1 << 20, 1 << 15)),
        "CHANNEL_REQUEST": message(98, struct.pack(">I", 0), string(b"exec"), b"\1", string(b"id")),
        "CHANNEL_DATA": message(94, struct.pack(">I", 0), string(b"id\n")),
        "GLOBAL_REQUEST": message(80, string(b"tcpip-forward"), b"\1", string(b""), struct.pack(">I", 0)),
        "USERAUTH_SUCCESS": message(52),
        "USERAUTH_FAILURE": message(51, string(b"publickey"), b"\0"),
        "INFO_RESPONSE": message(61, struct.pack(">I", 0)),
    }
    for name, opening in openings.items():
        connection = transport()
        connection._send_message(opening)
        end = time.monotonic() + 8
        while connection.is_active() and time.monotonic() < end:
            time.sleep(0.02)
        results[f"before log-in: {name}"] = not connection.is_active()
        connection.close()
    stream = raw()
    stream.sendall(packet(bytes([90]) + string(b"session") + struct.pack(">III", 0, 1 << 20, 1 << 15)))
    results["before keys: CHANNEL_OPEN"] = ended(stream)


def key_confusion():
    ann = paramiko.Ed25519Key.from_private_key_file(told["data"] + "/id_ann")
    bob = paramiko.Ed25519Key.from_private_key_file(told["data"] + "/id_bob")
    algorithm = b"ssh-ed25519"
    connection = transport()
    answers = Answers(connection)
    results["probe of ann's key"] = answers.ask(b"ann", ann.asbytes(), algorithm)[0] == 60
    results["confusion: bob's key for ann"] = answers.ask(b"ann", bob.asbytes(), algorithm, by=bob)[0] == 51
    results["confusion: ann's key, bob's signature"] = answers.ask(b"ann", ann.asbytes(), algorithm, by=bob)[0] == 51
    results["confusion: an algorithm of another kind"] = answers.ask(b"ann", ann.asbytes(), b"rsa-sha2-512",
                                                                     by=ann)[0] == 51
    results["nobody was let in"] = not any(number == 52 for number, _ in answers.got)
    connection.close()
    connection = transport()
    answers = Answers(connection)
    short = string(algorithm) + string(bytes(31))
    results["a short Ed25519 key"] = answers.ask(b"ann", short, algorithm, string(algorithm) + string(bytes(64)))[0] == 51
    results["a short signature"] = answers.ask(b"ann", ann.asbytes(), algorithm, string(algorithm) + string(bytes(63)))[0] == 51
    results["an empty key"] = answers.ask(b"ann", b"", algorithm, b"")[0] == 51
    # The identity is that of the key that has signed.
    results["ann's own signature"] = answers.ask(b"ann", ann.asbytes(), algorithm, by=ann)[0] == 52
    connection.close()


def enumeration():
    """Unknown names are answered as known ones, in the same words and the same time."""
    stranger = paramiko.Ed25519Key.from_private_key_file(told["data"] + "/id_ann")
    spans = {}
    words = {}
    for user in ("bob", "nobody-here"):
        spans[user], words[user] = [], []
        for _ in range(3):
            connection = transport()
            answers = Answers(connection)
            words[user].append(answers.ask(user.encode(), stranger.asbytes(), b"ssh-ed25519"))
            for _ in range(2):
                begin = time.monotonic()
                connection._send_message(message(50, string(user.encode()), string(b"ssh-connection"),
                                                 string(b"password"), b"\0", string(b"wrong")))
                words[user].append(answers.wait())
                spans[user].append(time.monotonic() - begin)
            connection.close()
    # The quickest of each: what else the machine does makes answers slower, never quicker.
    known, unknown = (min(spans[user]) for user in spans)
    results["enumeration: same words"] = words["bob"] == words["nobody-here"]
    results["enumeration: same time"] = max(known, unknown) < 2 * min(known, unknown) + 0.02
    results["enumeration: seconds"] = [round(known, 4), round(unknown, 4)]


def half_open(count=1000):
    """regreSSHion's way: connections that never log in, past the grace time."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    streams = []
    for number in range(count):
        stream = socket.create_connection(("127.0.0.1", port), 10)
        if number % 2:
            stream.sendall(b"SSH-2.0-half\r\n")
        streams.append(stream)
    results["half-open: others meanwhile"] = alive() < 10
    time.sleep(told["grace"] + 2)
    closed = 0
    for stream in streams:
        closed += ended(stream, 5)
        stream.close()
    results["half-open: closed"] = closed == count
    results["half-open: afterwards"] = alive() < 5


def escape():
    connection = paramiko.Transport(("127.0.0.1", port))
    connection.connect(username="bob", pkey=paramiko.Ed25519Key.from_private_key_file(told["data"] + "/id_bob"))
    sftp = paramiko.SFTPClient.from_transport(connection)
    led = []
    for number, target in enumerate(("/etc", "..", "../ann@lab.test", "../../../accounts.json", "/proc/self/root", "/")):
        link = f"link{number}"
        sftp.symlink(target, link)
        for path in (link, link + "/passwd", link + "/id_ann"):
            for name, work in (("open", lambda: sftp.open(path).read(1)), ("stat", lambda: sftp.stat(path)),
                               ("list", lambda: sftp.listdir(path)), ("write", lambda: sftp.open(path, "w")),
                               ("chmod", lambda: sftp.chmod(path, 0o777)), ("mkdir", lambda: sftp.mkdir(path + "/x"))):
                try:
                    work()
                    led.append(f"{name} {path} -> {target}")
                except OSError:
                    pass
    results["escape: through links"] = led == [] or led
    results["escape: above the root"] = sftp.normalize("../../../..") == "/"
    for path in ("/../accounts.json", "/shared/../../accounts.json", "../../../../etc/passwd"):
        try:
            sftp.open(path).read(1)
            results[f"escape: {path}"] = False
        except OSError:
            results[f"escape: {path}"] = True
    # A folder that becomes a link to the outside again and again, while it is written through.
    other = paramiko.SFTPClient.from_transport(connection)
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            for work in (lambda: other.mkdir("d"), lambda: other.remove("d/f"), lambda: other.rmdir("d"),
                         lambda: other.symlink("/tmp", "d"), lambda: other.remove("d")):
                try:
                    work()
                except OSError:
                    pass

    mark = f"portside-escape-{os.getpid()}"
    thread = threading.Thread(target=swap)
    thread.start()
    for _ in range(300):
        try:
            sftp.open(f"d/{mark}", "w").close()
            sftp.remove(f"d/{mark}")
        except OSError:
            pass
    stop.set()
    thread.join()
    results["escape: a race"] = not os.path.exists(f"/tmp/{mark}")
    connection.close()


rows = {"terrapin": terrapin, "before": before_log_in, "keys": key_confusion, "names": enumeration,
        "half-open": half_open, "escape": escape}
for name in told["rows"]:
    rows[name]()
    results[f"{name}: still serving"] = alive() < 10
print(json.dumps(results))
