"""IMAP beside Dovecot (sdbox): log-in, small operations, a mailbox of 100,000 messages, push, and memory of idle sessions."""
import base64
import hashlib
import hmac
import os
import pathlib
import resource
import socket
import statistics
import subprocess
import time

from . import mailcorpus
from .dovecot import Dovecot
from .machine import folder, has, memory
from .portside import portside, prepare
from .table import Row, Table

MESSAGES = 100_000
IDLE = 1_000
SMALL = 60


class Session:
    """A client that reads no more of an answer than it must: the server's time is what counts."""

    def __init__(self, port: int) -> None:
        self.stream = socket.create_connection(("127.0.0.1", port), 300)
        self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.tag = 0
        self.line()

    def line(self) -> bytes:
        while b"\r\n" not in self.buffer:
            piece = self.stream.recv(1 << 18)
            if not piece:
                raise OSError("closed: " + repr(self.buffer[-200:]))
            self.buffer += piece
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def command(self, text: bytes | str) -> bytes:
        """Everything up to the tagged answer, which must be OK."""
        self.tag += 1
        tag = b"t%d " % self.tag
        self.stream.sendall(tag + (text.encode() if isinstance(text, str) else text) + b"\r\n")
        return self.until(tag)

    def until(self, tag: bytes) -> bytes:
        pieces, mark = [self.buffer], b"\r\n" + tag
        # The tag begins the last line: the end of what has come is enough to see it.
        window = b"\r\n" + self.buffer
        self.buffer = b""
        while not (window.endswith(b"\r\n") and mark in window):
            piece = self.stream.recv(1 << 18)
            if not piece:
                raise OSError("closed")
            pieces.append(piece)
            window = window[-4096:] + piece
        answer = b"".join(pieces)
        last = answer.rstrip(b"\r\n").rpartition(b"\r\n")[2]
        if not last.startswith(tag + b"OK"):
            raise OSError(last[:200].decode("latin-1"))
        return answer

    def plain(self, name: str, password: str) -> "Session":
        self.command("AUTHENTICATE PLAIN " + base64.b64encode(f"\0{name}\0{password}".encode()).decode())
        return self

    def scram(self, name: str, password: str) -> "Session":
        """SCRAM-SHA-256: the client does the hash, the server does not."""
        self.tag += 1
        nonce = base64.b64encode(os.urandom(12)).decode()
        first = f"n={name},r={nonce}"
        send = lambda text: self.stream.sendall(base64.b64encode(text.encode()) + b"\r\n")  # noqa: E731
        self.stream.sendall(b"t%d AUTHENTICATE SCRAM-SHA-256 " % self.tag + base64.b64encode(("n,," + first).encode()) + b"\r\n")
        server = base64.b64decode(self.line()[2:]).decode()
        fields = dict(part.split("=", 1) for part in server.split(","))
        salted = self.salted(password, fields["s"], int(fields["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        last = f"c=biws,r={fields['r']}"
        proof = hmac.digest(hashlib.sha256(key).digest(), f"{first},{server},{last}".encode(), "sha256")
        send(last + ",p=" + base64.b64encode(bytes(a ^ b for a, b in zip(key, proof))).decode())
        self.line()
        self.stream.sendall(b"\r\n")
        self.until(b"t%d " % self.tag)
        return self

    _known: dict = {}

    @classmethod
    def salted(cls, password: str, salt: str, count: int) -> bytes:
        found = cls._known.get((password, salt, count))
        if found is None:
            found = cls._known[password, salt, count] = hashlib.pbkdf2_hmac(
                "sha256", password.encode(), base64.b64decode(salt), count)
        return found

    def append(self, mailbox: str, message: bytes) -> None:
        self.command(b"APPEND %s {%d+}\r\n" % (mailbox.encode(), len(message)) + message)

    def close(self) -> None:
        self.stream.close()


class Server:
    """Where to log in, and whose CPU time counts."""

    def __init__(self, name: str, port: int, pids, log_in) -> None:
        self.name, self.port, self.pids, self.log_in = name, port, pids, log_in

    def session(self) -> Session:
        return self.log_in(Session(self.port))

    def cpu(self) -> float:
        """Of processes that come and go as well: those that are gone are in their parents' sums."""
        ticks = 0
        for pid in self.pids():
            try:
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            ticks += sum(int(fields[index]) for index in (11, 12, 13, 14))
        return ticks / os.sysconf("SC_CLK_TCK")


def measure(server: Server, load: str, table: Table, count: int, body, note: str = "") -> None:
    before, begin = server.cpu(), time.monotonic()
    failed = False
    try:
        body()
    except Exception as error:  # noqa: BLE001 - whatever a server does is a row, not the end of the run
        note, failed = f"{type(error).__name__}: {error}"[:80], True
    elapsed, used = time.monotonic() - begin, server.cpu() - before
    note = note or f"{elapsed * 1000 / count:.2f} ms each"
    table.add(Row(server.name, f"imap {load}", count / elapsed, used * 1e6 / count, note=note,
                  failed=failed and server.name == "portside"))


def small(server: Server, seconds: int, table: Table) -> None:
    """What mail programs do all day, in a mailbox of at most 60 messages."""
    times = 200 * max(1, seconds)
    logins = 20 * max(1, seconds)

    def log_in() -> None:
        for _ in range(logins):
            session = server.session()
            session.command("LOGOUT")
            session.close()

    measure(server, "log-in and log-out", table, logins, log_in)
    session = server.session()
    session.command("CREATE Bench")
    session.command("SELECT Bench")
    body = (b"From: a@lab.test\r\nTo: b@lab.test\r\nSubject: five kilobytes\r\nMessage-ID: <%d@lab.test>\r\n\r\n"
            + b"0123456789 abcdefghijklmnopqrstuvwxyz\r\n" * 128)

    def append() -> None:
        for number in range(times):
            session.append("Bench", body % number)

    measure(server, "APPEND 5 kB", table, times, append)
    session.command(f"STORE {SMALL + 1}:* +FLAGS.SILENT (\\Deleted)")
    session.command("EXPUNGE")

    def repeat(command: str):
        def body() -> None:
            for number in range(times):
                session.command(command.replace("%d", str(number % SMALL + 1)))
        return body

    measure(server, "FETCH metadata of 60", table, times, repeat("FETCH 1:60 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"))
    measure(server, "FETCH BODY[] 5 kB", table, times, repeat("FETCH %d BODY.PEEK[]"))
    measure(server, "SEARCH in 60", table, times, repeat("SEARCH SUBJECT kilobytes UNSEEN"))
    measure(server, "STATUS", table, times, repeat("STATUS INBOX (MESSAGES UNSEEN UIDNEXT)"))

    def store() -> None:
        for number in range(times):
            sign = "+" if number // SMALL % 2 == 0 else "-"
            session.command(f"STORE {number % SMALL + 1} {sign}FLAGS (\\Flagged)")

    measure(server, "STORE (Dovecot's is not durable)", table, times, store)
    push(server, session, table)
    session.close()


def push(server: Server, writer: Session, table: Table) -> None:
    """From the moment at which APPEND is answered to EXISTS in a session that waits."""
    reader = server.session()
    reader.command("SELECT Bench")
    reader.stream.sendall(b"i IDLE\r\n")
    reader.line()
    waits = []
    before = server.cpu()
    for number in range(50):
        writer.append("Bench", b"Subject: %d\r\n\r\nx\r\n" % number)
        begin = time.monotonic()
        while not reader.line().endswith(b" EXISTS"):
            pass
        waits.append((time.monotonic() - begin) * 1000)
    used = server.cpu() - before
    table.add(Row(server.name, "imap APPEND to EXISTS elsewhere", None, used * 1e6 / len(waits),
                  note=f"median {statistics.median(waits):.2f} ms, longest {max(waits):.2f} ms after the answer"))
    reader.close()


def large(server: Server, table: Table) -> None:
    """A mailbox of 100,000 messages, the server just started."""
    session = server.session()
    measure(server, f"first SELECT of {MESSAGES}", table, 1, lambda: session.command("SELECT Big"))
    other = server.session()
    measure(server, f"second SELECT of {MESSAGES}", table, 1, lambda: other.command("SELECT Big"))
    other.close()

    def once(load: str, command: str, per: int = MESSAGES, times: int = 1) -> None:
        def body() -> None:
            for _ in range(times):
                session.command(command)
        begin = time.monotonic()
        measure(server, load, table, per * times, body, note="")
        table.rows[-1].note = f"{(time.monotonic() - begin) * 1000 / times:.1f} ms a command; CPU per message" if per > 1 else table.rows[-1].note

    once("FETCH 1:* (FLAGS UID)", "FETCH 1:* (FLAGS UID)")
    once("FETCH 1:* ENVELOPE, first", "FETCH 1:* (ENVELOPE)")
    once("FETCH 1:* ENVELOPE, again", "FETCH 1:* (ENVELOPE)")
    once("SEARCH TEXT, rare word, first", f"SEARCH TEXT {mailcorpus.NEEDLE}", per=1)
    once("SEARCH TEXT, rare word, again", f"SEARCH TEXT {mailcorpus.NEEDLE}", per=1, times=3)
    once("SEARCH UNSEEN", "SEARCH UNSEEN", per=1, times=3)
    once("SEARCH SUBJECT", f"SEARCH SUBJECT {mailcorpus.WORDS[7]}", per=1, times=2)
    once("SORT (DATE)", "UID SORT (DATE) UTF-8 ALL", per=1)
    once("THREAD REFERENCES", "UID THREAD REFERENCES UTF-8 ALL", per=1)
    once("STORE of one in the large one", "STORE 500 +FLAGS (\\Flagged)", per=1, times=20)
    session.close()


def idle(server: Server, table: Table) -> None:
    """Sessions that have selected a mailbox and wait in IDLE."""
    def wait() -> Session:
        session = server.session()
        session.command("SELECT Bench")
        session.stream.sendall(b"i IDLE\r\n")
        session.line()
        return session

    warm = [wait() for _ in range(20)]
    before = memory(server.pids())
    held = [wait() for _ in range(IDLE)]
    grown = memory(server.pids()) - before
    table.add(Row(server.name, "imap idle session", memory=grown / IDLE / 1024, memory_unit="KB a session"))
    for session in warm + held:
        session.close()


def settle(server: Server) -> None:
    """Waits until the server has nothing left to do."""
    while True:
        before = server.cpu()
        time.sleep(2)
        if server.cpu() - before < 0.05:
            return


def import_with(command: list[str], server: str, table: Table) -> None:
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    note_import(server, before, begin, table)


def note_import(server: str, before, begin: float, table: Table) -> None:
    after, elapsed = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - begin
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    table.add(Row(server, f"imap import of {MESSAGES} from mbox", MESSAGES / elapsed, used * 1e6 / MESSAGES,
                  note=f"{elapsed:.1f} s"))


def with_dovecot(work: pathlib.Path, mbox: pathlib.Path, seconds: int, table: Table) -> None:
    peer = Dovecot(work / "dovecot", "ann@lab.test", "bench-2026")

    def server() -> Server:
        return Server("dovecot", peer.port, lambda: peer.processes, lambda s: s.plain(peer.account, peer.password))

    with peer.serving():
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        peer.take(mbox, "Big")
        note_import("dovecot", before, begin, table)
        small(server(), seconds, table)
        idle(server(), table)
    with peer.serving():
        large(server(), table)


def with_portside(binary: str, work: pathlib.Path, mbox: pathlib.Path, seconds: int, table: Table) -> None:
    data = work / "data"
    prepare(binary, data)
    text = (data / "portside.toml").read_text()
    limits = "[limits]\nconnections = 100000\nconnections_per_source = 100000\nconnection_rate = 0\n\n[log]\nlevel = \"warning\"\n\n[listen]"
    (data / "portside.toml").write_text(text.replace("[listen]", limits, 1))
    import_with([binary, "mailbox", "import", "ann@lab.test", str(mbox), "--into", "Big", "--config", str(data / "portside.toml")],
                "portside", table)

    def server(running) -> Server:
        account = running.ready["accounts"][0]
        pids = lambda: running.worker("mail") + running.worker("gate")  # noqa: E731
        return Server("portside", running.port("imap"), pids, lambda s: s.scram(account["name"], account["password"]))

    with portside(binary, data) as running:
        # The text index follows behind an import; nothing else is measured before it is done.
        before, begin = server(running).cpu(), time.monotonic()
        settle(server(running))
        table.add(Row("portside", f"imap text index of {MESSAGES}", cpu=(server(running).cpu() - before) * 1e6 / MESSAGES,
                      note=f"done {time.monotonic() - begin - 2:.0f} s after the start"))
        small(server(running), seconds, table)
        idle(server(running), table)
    with portside(binary, data) as running:
        large(server(running), table)


def run(binary: str, seconds: int, table: Table) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2 * IDLE + 500)), hard))
    with folder() as work:
        mbox = work / "big.mbox"
        mailcorpus.write(mbox, MESSAGES)
        os.chmod(mbox, 0o644)
        if has("dovecot") and os.geteuid() == 0:
            with_dovecot(work, mbox, seconds, table)
        with_portside(binary, work, mbox, seconds, table)
