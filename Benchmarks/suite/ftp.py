"""FTP beside vsftpd, ProFTPD and Pure-FTPd: a large file and small ones both ways, plain and inside TLS, and log-ins."""
import contextlib
import ftplib
import io
import os
import pathlib
import shutil
import ssl
import subprocess
import time

from .machine import accepts, family, folder, free_port, has, memory, processor_time, running, wait_until
from .portside import portside, prepare
from .table import Row, Table

LARGE = 512 << 20
SMALL_FILES, SMALL_SIZE = 1000, 4096
USER, PASSWORD = "benchftp", "bench-ftp-2026"


PEERS = pathlib.Path(__file__).resolve().parents[2] / ".peers" / "usr"


def program(name: str) -> str:
    """Where a server is: unpacked by Scripts/setup-test-peers, or installed."""
    unpacked = PEERS / "sbin" / name
    return str(unpacked) if unpacked.exists() else name


class Resuming(ftplib.FTP_TLS):
    """Data connections resume the control connection's session, as most clients do."""

    def ntransfercmd(self, cmd, rest=None):
        conn, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:
            conn = self.context.wrap_socket(conn, server_hostname=self.host, session=self.sock.session)
        return conn, size


class Server:
    """Where to log in, as whom, and whose CPU time counts."""

    def __init__(self, name, port, pids, user=USER, password=PASSWORD):
        self.name, self.port, self.pids, self.user, self.password = name, port, pids, user, password

    def connect(self, secure: bool) -> ftplib.FTP:
        if secure:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            ftp = Resuming(context=context)
        else:
            ftp = ftplib.FTP()
        ftp.connect("127.0.0.1", self.port, timeout=60)
        ftp.login(self.user, self.password)
        if secure:
            ftp.prot_p()
        ftp.voidcmd("TYPE I")
        return ftp


def user_of_the_system(home: pathlib.Path) -> bool:
    """vsftpd and ProFTPD know the system's users alone."""
    if os.geteuid() != 0:
        return False
    subprocess.run(["userdel", USER], capture_output=True)
    made = subprocess.run(["useradd", "-d", str(home), "-s", "/bin/bash", USER], capture_output=True).returncode == 0
    subprocess.run(["chpasswd"], input=f"{USER}:{PASSWORD}\n", text=True, capture_output=True)
    shutil.chown(home, USER)
    return made


def certificate(work: pathlib.Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
         work / "key.pem", "-out", work / "cert.pem", "-days", "30", "-subj", "/CN=localhost"], check=True, capture_output=True)
    (work / "both.pem").write_text((work / "key.pem").read_text() + (work / "cert.pem").read_text())
    os.chmod(work / "both.pem", 0o600)


@contextlib.contextmanager
def vsftpd(work: pathlib.Path):
    port = free_port()
    (work / "empty").mkdir(exist_ok=True)
    (work / "vsftpd.conf").write_text(f"""
listen=YES
background=NO
listen_port={port}
listen_address=127.0.0.1
local_enable=YES
write_enable=YES
anonymous_enable=NO
secure_chroot_dir={work}/empty
pam_service_name=login
ssl_enable=YES
force_local_data_ssl=NO
force_local_logins_ssl=NO
require_ssl_reuse=NO
rsa_cert_file={work}/cert.pem
rsa_private_key_file={work}/key.pem
ssl_ciphers=HIGH
""")
    with running(program("vsftpd"), str(work / "vsftpd.conf"), log=work / "vsftpd.log") as process:
        wait_until(lambda: accepts(port), "vsftpd accepts")
        yield Server("vsftpd", port, lambda: family(process.pid))


@contextlib.contextmanager
def proftpd(work: pathlib.Path):
    port = free_port()
    (work / "proftpd.conf").write_text(f"""
ModulePath {PEERS / "lib/proftpd" if PEERS.exists() else "/usr/lib/proftpd"}
LoadModule mod_tls.c
ServerType standalone
DefaultAddress 127.0.0.1
Port {port}
UseIPv6 off
PidFile {work}/proftpd.pid
ScoreboardFile {work}/proftpd.scores
SystemLog {work}/proftpd.system
TransferLog NONE
WtmpLog off
AllowOverwrite on
AllowStoreRestart on
RequireValidShell off
User nobody
Group nogroup
TLSEngine on
TLSECCertificateFile {work}/cert.pem
TLSECCertificateKeyFile {work}/key.pem
TLSOptions NoSessionReuseRequired
""")
    with running(program("proftpd"), "-n", "-c", str(work / "proftpd.conf"), log=work / "proftpd.log") as process:
        wait_until(lambda: accepts(port), "proftpd accepts")
        yield Server("proftpd", port, lambda: family(process.pid))


@contextlib.contextmanager
def pureftpd(work: pathlib.Path):
    port = free_port()
    words = [program("pure-ftpd"), "-S", f"127.0.0.1,{port}", "-l", "unix", "-E", "-Y", "1", "-2", str(work / "both.pem"), "-c", "50", "-C", "50"]
    with running(*words, log=work / "pure.log") as process:
        wait_until(lambda: accepts(port), "pure-ftpd accepts")
        yield Server("pure-ftpd", port, lambda: family(process.pid))


class Source(io.RawIOBase):
    """As many bytes as are asked for, from memory."""
    block = os.urandom(1 << 20)

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int = -1) -> bytes:
        size = min(size if size >= 0 else self.left, self.left, len(self.block))
        self.left -= size
        return self.block[:size]


def measure(server: Server, load: str, table: Table, count: int, body, unit: str) -> None:
    """CPU time of the server, of processes that come and go as well: those that are gone are in their parents' sums."""
    before, begin = cpu(server), time.monotonic()
    try:
        body()
        note, failed = "", False
    except Exception as error:  # noqa: BLE001 - whatever a server does is a row, not the end of the run
        note, failed = f"{type(error).__name__}: {error}"[:80], True
    elapsed, used = time.monotonic() - begin, cpu(server) - before
    held = None
    with contextlib.suppress(OSError):
        # Processes for one connection each may just be going.
        held = memory(server.pids()) / 1e6
    table.add(Row(server.name, f"ftp {load}", count / elapsed, used * 1e6 / count, held, note=f"{note}{unit}",
                  failed=failed and server.name.startswith("portside")))


def cpu(server) -> float:
    """Seconds: of threads that live to the nanosecond, of processes that have ended by the clock's ticks."""
    seconds = 0.0
    for pid in server.pids():
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            seconds += sum(int(fields[index]) for index in (13, 14)) / os.sysconf("SC_CLK_TCK")
            for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
                seconds += int((thread / "schedstat").read_text().split()[0]) / 1e9
    return seconds


def load(server: Server, seconds: int, table: Table) -> None:
    large = LARGE if seconds >= 5 else LARGE // 8
    megabytes = large >> 20
    for secure in (False, True):
        mark = " TLS" if secure else ""
        ftp = server.connect(secure)
        measure(server, f"STOR{mark}", table, megabytes, lambda: ftp.storbinary("STOR large", Source(large), 1 << 20), "per MiB")
        measure(server, f"RETR{mark}", table, megabytes, lambda: ftp.retrbinary("RETR large", lambda _: None, 1 << 20), "per MiB")

        def store():
            for index in range(SMALL_FILES):
                ftp.storbinary(f"STOR small{index}", io.BytesIO(Source.block[:SMALL_SIZE]))

        def retrieve():
            for index in range(SMALL_FILES):
                ftp.retrbinary(f"RETR small{index}", lambda _: None)

        measure(server, f"small STOR{mark}", table, SMALL_FILES, store, "")
        measure(server, f"small RETR{mark}", table, SMALL_FILES, retrieve, "")
        with contextlib.suppress(Exception):
            ftp.quit()
    count = 20 if seconds >= 5 else 5

    def log_in():
        for _ in range(count):
            server.connect(False).quit()

    measure(server, "log-in", table, count, log_in, "")


def run(binary: str, seconds: int, table: Table) -> None:
    with folder() as work:
        certificate(work)
        home = work / "home"
        home.mkdir()
        if user_of_the_system(home):
            try:
                for name, start in (("vsftpd", vsftpd), ("proftpd", proftpd), ("pure-ftpd", pureftpd)):
                    if has(program(name)):
                        with start(work) as server:
                            load(server, seconds, table)
            finally:
                subprocess.run(["userdel", USER], capture_output=True)
        data = work / "data"
        prepare(binary, data)
        text = (data / "portside.toml").read_text().replace("[listen]", "[log]\nlevel = \"warning\"\n\n[listen]")
        (data / "portside.toml").write_text(text)
        # As it is set, and answering without waiting for the disk, as the peers do.
        for name, setting in (("portside", ""), ("portside, sync = false", "[ftp]\nsync = false\n")):
            (data / "portside.toml").write_text(text.replace("[ftp]\n", setting or "[ftp]\n"))
            with portside(binary, data) as server:
                account = server.ready["accounts"][0]
                load(Server(name, server.port("ftp"), lambda: server.worker("access"), account["name"], account["password"]),
                     seconds, table)
