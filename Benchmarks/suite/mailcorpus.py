"""A mailbox of many messages, always the same: an mbox file."""
import pathlib
import random

WORDS = [
    "".join(syllables) for syllables in
    ((first + second) for first in ("ba", "cor", "de", "fin", "gu", "hal", "in", "jo", "ker", "lu", "mar", "no", "or", "pel")
     for second in ("den", "rat", "mis", "tol", "vek", "san", "lir", "dom", "gas", "hut", "pon", "rix", "wen", "zar", "ful"))
]
NEEDLE = "quasselstrippe"
"""In one of 5,000 messages."""


def message(number: int, generator: random.Random) -> str:
    def text(count: int) -> str:
        return " ".join(generator.choice(WORDS) for _ in range(count))

    sender, other = generator.randrange(400), generator.randrange(400)
    thread = number - number % 7
    subject = f"thread {thread} {WORDS[thread % len(WORDS)]}"
    head = [
        f"Received: from mx{number % 9}.example.org by mail.lab.test; Mon, 05 Jan 2026 08:00:00 +0000",
        f"From: Person {sender} <person{sender}@example.org>",
        f"To: ann@lab.test, person{other}@example.net",
        f"Subject: {'Re: ' if number % 7 else ''}{subject}",
        f"Date: {1 + number % 28:02d} {('Jan', 'Feb', 'Mar', 'Apr')[number % 4]} 20{10 + number % 15:02d} "
        f"{number % 24:02d}:{number % 60:02d}:00 +0000",
        f"Message-ID: <m{number}@example.org>",
    ]
    if number % 7:
        head += [f"In-Reply-To: <m{number - 1}@example.org>", f"References: <m{thread}@example.org> <m{number - 1}@example.org>"]
    head += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8"]
    lines = [text(11) for _ in range(generator.randrange(6, 22))]
    if number % 5000 == 17:
        lines.append(f"and then the {NEEDLE} called")
    return "\n".join(head) + "\n\n" + "\n".join(lines) + "\n"


def write(path: pathlib.Path, count: int) -> None:
    generator = random.Random(20261125)
    with open(path, "w", encoding="ascii") as file:
        for number in range(count):
            file.write(f"From person@example.org Mon Jan  5 08:{number % 60:02d}:00 2026\n")
            file.write(message(number, generator))
            file.write("\n")
