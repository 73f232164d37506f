"""SSH and SFTP beside OpenSSH's server: a large file by cat, get and put with each cipher, log-ins, commands, small files, idle connections."""
import asyncio
import concurrent.futures
import contextlib
import ctypes
import os
import pathlib
import socket
import subprocess
import time

from .ftp import cpu
from .machine import accepts, folder, free_port, has, memory, running, wait_until
from .portside import Portside
from .table import Row, Table

CIPHERS = ("aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr")
SMALL_FILES, SMALL_SIZE = 2000, 4096
LARGE = 512 << 20
IDLE, IDLE_PEER = 10_000, 200
SHORT = {"aes128-gcm@openssh.com": "aes128-gcm", "chacha20-poly1305@openssh.com": "chacha20", "aes256-ctr": "aes256-ctr"}
# Shells of root are not given out: as root, portside runs as somebody else here.
USER = 54321
ACCOUNT = "benchssh"


class Server:
    """Where to log in, as whom, whose CPU time counts, and where its files lie for its clients and for us."""

    def __init__(self, name, port, pids, user, key, root, disk):
        self.name, self.port, self.pids, self.user, self.key, self.root, self.disk = name, port, pids, user, key, root, disk

    def options(self, *more: str) -> list[str]:
        return ["-F", "none", "-q", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes",
                "-o", "IdentityAgent=none", "-i", str(self.key), *more]

    def ssh(self, command: str, *more: str) -> None:
        subprocess.run(["ssh", *self.options(*more), "-p", str(self.port), f"{self.user}@127.0.0.1", command], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def sftp(self, batch: str, *more: str) -> None:
        subprocess.run(["sftp", *self.options(*more), "-P", str(self.port), "-b", "-", f"{self.user}@127.0.0.1"], check=True,
                       input=batch, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure(server: Server, load: str, table: Table, count: float, body, note: str = "") -> None:
    before, begin = cpu(server), time.monotonic()
    failed = False
    try:
        body()
    except Exception as error:  # noqa: BLE001 - a row, not the end of the run
        note, failed = f"{type(error).__name__}: {error}"[:80], True
    elapsed = time.monotonic() - begin
    # What has just ended is still being taken note of.
    time.sleep(0.3)
    table.add(Row(server.name, f"ssh {load}", count / elapsed, (cpu(server) - before) * 1e6 / count, None, note=note,
                  failed=failed and server.name == "portside"))


def log_ins(server: Server, count: int) -> None:
    """Handshakes with log-in by key, and nothing more."""
    import asyncssh

    async def main() -> None:
        for _ in range(count):
            async with asyncssh.connect("127.0.0.1", server.port, username=server.user, client_keys=[str(server.key)], known_hosts=None,
                                        agent_path=None, config=None):
                pass

    asyncio.run(main())


class Holder:
    """Connections that have logged in and stay open, by libssh2: a Python client of its own for each would take the machine's memory."""

    def __init__(self, server: Server) -> None:
        self.server, self.sockets = server, []
        self.lib = ctypes.CDLL("libssh2.so.1")
        self.lib.libssh2_session_init_ex.restype = ctypes.c_void_p
        self.lib.libssh2_session_init_ex.argtypes = [ctypes.c_void_p] * 4
        self.lib.libssh2_session_handshake.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self.lib.libssh2_userauth_publickey_fromfile_ex.argtypes = [
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p]
        if self.lib.libssh2_init(0) != 0:
            raise RuntimeError("libssh2_init")

    def connect(self, _: int) -> None:
        held = socket.create_connection(("127.0.0.1", self.server.port), 120)
        held.setblocking(True)
        session = self.lib.libssh2_session_init_ex(None, None, None, None)
        code = self.lib.libssh2_session_handshake(session, held.fileno())
        if code != 0:
            raise RuntimeError(f"libssh2_session_handshake: {code}")
        name = self.server.user.encode()
        code = self.lib.libssh2_userauth_publickey_fromfile_ex(session, name, len(name), None, str(self.server.key).encode(), b"")
        if code != 0:
            raise RuntimeError(f"libssh2_userauth_publickey: {code}")
        self.sockets.append(held)

    def hold(self, count: int) -> None:
        # The library's work is done without Python's lock.
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            for _ in threads.map(self.connect, range(count)):
                pass

    def close(self) -> None:
        for held in self.sockets:
            held.close()


def idle(server: Server, table: Table, count: int) -> None:
    holder = Holder(server)
    try:
        holder.hold(20)
        before = memory(server.pids())
        began, used = time.monotonic(), cpu(server)
        holder.hold(count)
        elapsed, used = time.monotonic() - began, cpu(server) - used
        time.sleep(2)
        grown = memory(server.pids()) - before
        table.add(Row(server.name, f"ssh idle, {count} connections", count / elapsed, used * 1e6 / count, grown / count / 1024,
                      memory_unit="KB a connection", note="rate and CPU: of their log-ins"))
    finally:
        holder.close()


def load(server: Server, seconds: int, table: Table, work: pathlib.Path) -> None:
    megabytes = (LARGE if seconds >= 5 else LARGE // 8) >> 20
    big, small = work / "big", work / "small"
    with open(server.disk / "big", "wb") as copy, open(big, "wb") as file:
        for _ in range(megabytes):
            block = os.urandom(1 << 20)
            copy.write(block)
            file.write(block)
    small.write_bytes(os.urandom(SMALL_SIZE))
    os.makedirs(server.disk / "many", exist_ok=True)
    os.chmod(server.disk / "many", 0o777)
    for cipher in CIPHERS:
        name = SHORT[cipher]
        with_cipher = ["-c", cipher]
        measure(server, f"cat {name}", table, megabytes, lambda: server.ssh(f"cat {server.disk}/big", *with_cipher), "per MiB")
        measure(server, f"get {name}", table, megabytes, lambda: server.sftp(f"get {server.root}big /dev/null\n", *with_cipher), "per MiB")
        measure(server, f"put {name}", table, megabytes, lambda: server.sftp(f"put {big} {server.root}put\n", *with_cipher), "per MiB")
    names = [f"f{number}" for number in range(SMALL_FILES)]
    measure(server, "small put", table, SMALL_FILES, lambda: server.sftp("".join(f"put {small} {server.root}many/{n}\n" for n in names)))
    measure(server, "small get", table, SMALL_FILES, lambda: server.sftp("".join(f"get {server.root}many/{n} /dev/null\n" for n in names)))
    count = 30 if seconds >= 5 else 10
    measure(server, "log-in", table, count, lambda: log_ins(server, count))
    measure(server, "log-in and exec true", table, count, lambda: [server.ssh("true") for _ in range(count)])
    control = ["-o", "ControlPath=" + str(work / "control")]
    subprocess.run(["ssh", *server.options(*control), "-o", "ControlMaster=yes", "-f", "-N", "-p", str(server.port), f"{server.user}@127.0.0.1"],
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    measure(server, "exec true", table, count * 5, lambda: [server.ssh("true", *control) for _ in range(count * 5)])
    subprocess.run(["ssh", *server.options(*control), "-O", "exit", "-p", str(server.port), f"{server.user}@127.0.0.1"], capture_output=True)
    idle(server, table, IDLE if server.name == "portside" else IDLE_PEER)


@contextlib.contextmanager
def openssh(work: pathlib.Path):
    port, files = free_port(), work / "files"
    files.mkdir()
    # An account with root's number, and a home without a profile: sessions of others run in a process whose time sshd takes no note of.
    work.chmod(0o755)
    subprocess.run(["userdel", "-f", ACCOUNT], capture_output=True)
    subprocess.run(["useradd", "-o", "-u", "0", "-g", "0", "-M", "-p", "*", "-d", str(files), "-s", "/bin/bash", ACCOUNT], check=True, capture_output=True)
    for name in ("host", "id"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(work / name)], check=True)
    (work / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {work}/host\nAuthorizedKeysFile {work}/id.pub\nStrictModes no\nPermitRootLogin yes\n"
        "UsePAM no\nPidFile none\nMaxStartups 1000\nMaxSessions 100\nSubsystem sftp /usr/lib/openssh/sftp-server\n")
    os.makedirs("/run/sshd", exist_ok=True)
    from .machine import family

    with running("/usr/sbin/sshd", "-D", "-f", str(work / "sshd_config"), log=work / "sshd.log") as process:
        wait_until(lambda: accepts(port), "sshd accepts")
        yield Server("OpenSSH", port, lambda: family(process.pid), ACCOUNT, work / "id", f"{files}/", files)
    subprocess.run(["userdel", "-f", ACCOUNT], capture_output=True)


@contextlib.contextmanager
def ours(binary: str, work: pathlib.Path):
    """A laboratory with shells, without limits that the load would meet."""
    import json

    data = work / "data"
    work.chmod(0o777)
    words = [binary, "try", "--data", str(data), "--ports", "0", "--json"]
    if os.geteuid() == 0:
        words = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--", *words]
    os.environ["HOME"] = str(work)
    with running(*words, log=work / "portside.log") as first:
        if not first.stdout.readline():
            raise SystemExit((work / "portside.log").read_text()[-2000:])
    text = (data / "portside.toml").read_text().replace(
        "[listen]", "[log]\nlevel = \"warning\"\n\n[limits]\nconnections = 100000\nconnections_per_source = 100000\nconnection_rate = 0\n\n[listen]")
    (data / "portside.toml").write_text(text)
    with running(*words, log=work / "portside.log") as process:
        line = process.stdout.readline()
        if not line:
            raise SystemExit((work / "portside.log").read_text()[-2000:])
        server = Portside(process, json.loads(line))
        account = server.ready["accounts"][0]
        home = data / "files" / "home" / account["name"]
        key = work / "portside-key"
        key.write_bytes(pathlib.Path(account["ssh_key"]).read_bytes())
        key.chmod(0o600)
        found = Server("portside", server.port("ssh"), lambda: server.worker("access"), account["name"], key, "/", home)
        # The first session makes the home.
        found.sftp("ls\n")
        yield found


def run(binary: str, seconds: int, table: Table) -> None:
    if has("/usr/sbin/sshd") and os.geteuid() == 0:
        with folder() as work, openssh(work) as server:
            load(server, seconds, table, work)
    with folder() as work, ours(binary, work) as server:
        load(server, seconds, table, work)
