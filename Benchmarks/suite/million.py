"""One mailbox of a million messages: import in bounded memory, then SELECT, SEARCH, SORT, THREAD and APPEND.

Without a peer and not among what runs by default: it takes some minutes and 3 GB of disk.
"""
import os
import pathlib
import random
import subprocess
import time

from .imap import Server, Session, measure, settle
from .machine import folder
from .portside import portside, prepare
from .table import Row, Table

MESSAGES = 1_000_000
NEEDLE = "hapaxlegomenon"


def write(mbox: pathlib.Path) -> str:
    """Conversations of six, half a kilobyte each; ten hold the needle. Returns a word of subjects."""
    rng = random.Random(5)
    words = ["".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(3, 9))) for _ in range(5000)]
    with open(mbox, "w") as file:
        for n in range(MESSAGES):
            first = n // 6 * 6
            date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(1_500_000_000 + n * 97))
            follows = f"References: <{first}@big.test>\nIn-Reply-To: <{first}@big.test>\n" if n != first else ""
            needle = f" {NEEDLE}" if n % (MESSAGES // 10) == 777 else ""
            file.write(
                f"From a@lab.test Thu Jan  1 00:00:00 2026\nFrom: {words[n % 4999]} <{words[n % 4999]}@lab.test>\nTo: ann@lab.test\n"
                f"Subject: {'Re: ' if n != first else ''}{words[first % 5000]} {words[first // 7 % 5000]} {first}\nDate: {date}\n"
                f"Message-ID: <{n}@big.test>\n{follows}\n{' '.join(words[n * k % 5000] for k in range(1, 40))}{needle}\n\n")
    os.chmod(mbox, 0o644)
    return words[7]


def take(binary: str, data: pathlib.Path, mbox: pathlib.Path, table: Table) -> None:
    begin = time.monotonic()
    process = subprocess.Popen(
        [binary, "mailbox", "import", "ann@lab.test", str(mbox), "--into", "Big", "--config", str(data / "portside.toml")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.monotonic() - begin
    table.add(Row("portside", f"million import of {MESSAGES} from mbox", MESSAGES / elapsed,
                  (usage.ru_utime + usage.ru_stime) * 1e6 / MESSAGES, memory=usage.ru_maxrss / 1024,
                  note=f"{elapsed:.0f} s", failed=status != 0))


def peak(pid: int) -> float:
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def work(server: Server, word: str, table: Table) -> None:
    session = server.session()

    def one(command: str) -> None:
        measure(server, f"million {command}", table, 1, lambda: session.command(command))
        table.rows[-1].memory = peak(server.pids()[0])

    for command in [
        "SELECT Big", "SEARCH UNSEEN", f"SEARCH TEXT {NEEDLE}", f"SEARCH SUBJECT {word}", "SEARCH RETURN (COUNT) SENTSINCE 1-Jan-2020",
        "UID SORT (DATE) UTF-8 ALL", "UID SORT (SUBJECT) UTF-8 ALL", "UID THREAD REFERENCES UTF-8 ALL", "FETCH 1:* (FLAGS UID)",
        "STORE 500 +FLAGS (\\Flagged)",
    ]:
        one(command)
    for mailbox in ["Big", "INBOX"]:
        append(server, session, mailbox, table)
    session.close()


def append(server: Server, session: Session, mailbox: str, table: Table) -> None:
    """Delivery must not grow with the mailbox."""
    message = b"From: a@lab.test\r\nSubject: one more\r\nMessage-ID: <%d@x>\r\n\r\ntext of " + mailbox.encode() + b"\r\n"
    measure(server, f"million APPEND to {mailbox}", table, 200, lambda: [session.append(mailbox, message % n) for n in range(200)])


def run(binary: str, seconds: int, table: Table) -> None:
    with folder() as place:
        data, mbox = place / "data", place / "big.mbox"
        prepare(binary, data)
        word = write(mbox)
        take(binary, data, mbox, table)
        mbox.unlink()

        def server(running) -> Server:
            account = running.ready["accounts"][0]
            return Server("portside", running.port("imap"), lambda: running.worker("mail"),
                          lambda s: s.scram(account["name"], account["password"]))

        with portside(binary, data) as running:
            settle(server(running))
        with portside(binary, data) as running:
            work(server(running), word, table)
