"""Mail from smtp-source into a mailbox, beside Postfix handing on to Dovecot by LMTP; into a mailbox that is large already; and imports."""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

from .machine import accepts, family, folder, free_port, has, memory, processor_time, running, wait_until
from .portside import portside, prepare
from .table import Row, Table

SIZE, SESSIONS = 4_000, 8
RECIPIENT = "bob@lab.test"

MAIN = """
compatibility_level = 3.6
queue_directory = {work}/postfix/queue
data_directory = {work}/postfix/data
maillog_file = {work}/postfix/log
maillog_file_prefixes = {work}
myhostname = mx.lab.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = lab.test
virtual_transport = lmtp:unix:{work}/dovecot/lmtp
smtpd_recipient_restrictions = permit_mynetworks, reject
lmtp_destination_concurrency_limit = 20
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
DOVECOT = """
base_dir = {work}/dovecot/run
log_path = {work}/dovecot/log
protocols = lmtp
ssl = no
mail_location = sdbox:{work}/dovecot/mail/%u
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
first_valid_gid = 1
mail_fsync = optimized
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={work}/dovecot/mail/%u allow_all_users=yes
}}
service lmtp {{
  unix_listener {work}/dovecot/lmtp {{
    mode = 0666
  }}
}}
"""


def cost(pids: list[int]) -> float:
    """CPU seconds of these processes and of the children that they have waited for."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += sum(int(fields[index]) for index in range(11, 15))
    return ticks / os.sysconf("SC_CLK_TCK")


def source(port: int, count: int, recipient: str = RECIPIENT) -> float:
    """Seconds that smtp-source took."""
    begin = time.monotonic()
    subprocess.run(
        ["smtp-source", "-s", str(SESSIONS), "-l", str(SIZE), "-m", str(count), "-f", "far@lab.test", "-t", recipient, f"127.0.0.1:{port}"],
        check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


def delivered(log: pathlib.Path) -> int:
    return log.read_text(errors="replace").count("status=sent") if log.exists() else 0


@contextlib.contextmanager
def postfix(work: pathlib.Path):
    """Postfix and Dovecot; their processes, their port, and how many messages have arrived."""
    port = free_port()
    for name in ("postfix/etc", "postfix/queue", "postfix/data", "dovecot/mail", "dovecot/run"):
        (work / name).mkdir(parents=True, exist_ok=True)
    shutil.chown(work / "postfix/data", "postfix")
    shutil.chown(work / "dovecot/mail", "nobody", "nogroup")
    (work / "postfix/etc/main.cf").write_text(MAIN.format(work=work))
    (work / "postfix/etc/master.cf").write_text(MASTER.format(port=port))
    (work / "dovecot/dovecot.conf").write_text(DOVECOT.format(work=work))
    with running("dovecot", "-F", "-c", str(work / "dovecot/dovecot.conf"), log=work / "dovecot.out") as store:
        subprocess.run(["postfix", "-c", str(work / "postfix/etc"), "start"], check=True, capture_output=True)
        try:
            wait_until(lambda: accepts(port), "Postfix accepts")
            master = int((work / "postfix/queue/pid/master.pid").read_text())
            yield lambda: family(master) + family(store.pid), port, lambda: delivered(work / "postfix/log")
        finally:
            subprocess.run(["postfix", "-c", str(work / "postfix/etc"), "stop"], capture_output=True)


def configured(data: pathlib.Path, *, trusts: bool) -> None:
    """No limit that the load would meet; `trusts`: the source is a machine of our own, which nothing is asked of, as for Postfix."""
    text = (data / "portside.toml").read_text()
    text += "\n[limits]\nconnections = 10000\nconnections_per_source = 10000\nconnection_rate = 0\n[log]\nlevel = \"warning\"\n"
    if trusts:
        text = re.sub(r"(submissions_port = 10465)", r'\1\nrelay = { allow = ["127.0.0.0/8"] }', text)
    (data / "portside.toml").write_text(text)


def rows(binary: str, seconds: int, table: Table, work: pathlib.Path) -> None:
    count = max(1_000, seconds * 400)
    load = f"{count} messages of {SIZE // 1000} kB, {SESSIONS} sessions"
    if has("postfix") and has("dovecot") and os.geteuid() == 0:
        with postfix(work) as (processes, port, arrived):
            source(port, 100)
            wait_until(lambda: arrived() >= 100, "Dovecot has the first", 60)
            before, begin = cost(processes()), time.monotonic()
            source(port, count)
            wait_until(lambda: arrived() >= 100 + count, "Dovecot has them all", 600)
            took = time.monotonic() - begin
            table.add(Row("postfix+dovecot", load, count / took, (cost(processes()) - before) / count * 1e6, memory(processes()) / 1e6))
    for name, trusts in [(load, True), (load + ", SPF, DKIM and DMARC looked for", False)]:
        data = work / f"lab-{trusts}"
        prepare(binary, data)
        configured(data, trusts=trusts)
        with portside(binary, data) as server:
            port = server.port("smtp")
            source(port, 100)
            before = cost(server.processes)
            took = source(port, count)
            used = cost(server.processes) - before
            table.add(Row("portside", name, count / took, used / count * 1e6, memory(server.worker("mail")) / 1e6))


def large(binary: str, table: Table, work: pathlib.Path, messages: int) -> None:
    """Imports, then delivers into a mailbox that has all of that."""
    data = work / "large"
    prepare(binary, data)
    configured(data, trusts=True)
    box = work / "large.mbox"
    with open(box, "w") as file:
        text = "word " * 10 + "\n"
        for number in range(messages):
            file.write(f"From far@lab.test Wed Nov 25 12:00:00 2026\nFrom: far@lab.test\nTo: {RECIPIENT}\nSubject: number {number}\n"
                       f"Message-ID: <{number}@lab.test>\nDate: Wed, 25 Nov 2026 12:00:00 +0000\n\n" + text * 95 + f"{number}\n\n")
    begin = time.monotonic()
    words = [binary, "mailbox", "import", RECIPIENT, str(box), "--config", str(data / "portside.toml")]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - begin
    table.add(Row(
        "portside", f"import of {messages} messages of 5 kB", messages / took, (usage.ru_utime + usage.ru_stime) / messages * 1e6,
        usage.ru_maxrss / 1000, note=f"{took:.0f} s" if status == 0 else process.stderr.read()[-200:], failed=status != 0))
    with portside(binary, data) as server:
        for name, recipient in [("an empty mailbox", "ann@lab.test"), (f"one of {messages}", RECIPIENT)]:
            source(server.port("smtp"), 100, recipient)
            before = cost(server.processes)
            took = source(server.port("smtp"), 1_000, recipient)
            table.add(Row("portside", f"delivery into {name}", 1_000 / took, (cost(server.processes) - before) / 1_000 * 1e6))


def run(binary: str, seconds: int, table: Table) -> None:
    if not has("smtp-source"):
        return
    with folder() as work:
        rows(binary, seconds, table, work)
        large(binary, table, work, int(os.environ.get("BENCH_MESSAGES", "100000")))
