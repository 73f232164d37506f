"""A hostile Telnet client: environment, endless sub-negotiations, option loops, START_TLS injection, names that exist or not."""
from wire import *

t = told()
IAC, SB, SE, WILL, WONT, DO, DONT = 255, 250, 240, 251, 252, 253, 254


def until(stream, text, limit=10):
    data, deadline = b"", time.monotonic() + limit
    while text not in data and time.monotonic() < deadline:
        stream.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            piece = stream.recv(65536)
        except socket.timeout:
            break
        if not piece:
            break
        data += piece
    return data


def log_in(stream, name, password):
    seen = until(stream, b"login: ")
    stream.sendall(name.encode() + b"\r\0")
    seen += until(stream, b"Password: ")
    stream.sendall(password.encode() + b"\r\0")
    return seen


def environment():
    """What would log somebody in as root elsewhere (CVE-2026-24061, CVE-1999-0073), before and after we are asked."""
    hostile = bytes([IAC, WILL, 39, IAC, SB, 39, 0]) + b"\0USER\1-f root\3LD_PRELOAD\1/tmp/x.so\0LOGNAME\1root\3IFS\1/" + bytes([IAC, SE])
    with plain(t["plain"]) as stream:
        stream.sendall(hostile + hostile.replace(b"\x27", b"\x24"))
        seen = until(stream, b"login: ")
        stream.sendall(b"\r\0" + b"show accounts\r\0")
        seen += until(stream, b"Password: ")
        stream.sendall(b"\r\0")
        seen += until(stream, b"incorrect")
    with plain(t["plain"]) as stream:
        stream.sendall(hostile)
        log_in(stream, "ann", t["password"])
        until(stream, b"> ")
        stream.sendall(b"show sessions | json\r\0")
        sessions = until(stream, b"]\r\n")
    return {"asked": seen.count(b"login: ") >= 2 and b"Password: " in seen, "inside": b"ann@srv> " in seen or b"lab.test " in seen,
            "account": b'"account":"ann@lab.test"' in sessions, "root": b"root" in sessions}


def endless():
    with plain(t["plain"]) as stream:
        until(stream, b"login: ")
        try:
            stream.sendall(bytes([IAC, SB, 24]))
            for _ in range(2000):
                stream.sendall(b"A" * 1024)
        except (ConnectionError, BrokenPipeError):
            return {"closed": True}
        return {"closed": until_closed(stream, 10)[1]}


def loops():
    """Each of these asks for an answer each time; RFC 1143's machine, and a bound, end it."""
    answers = {}
    for name, piece in {"will wont": bytes([IAC, WILL, 31, IAC, WONT, 31]), "do dont": bytes([IAC, DO, 0, IAC, DONT, 0]),
                        "timing marks": bytes([IAC, DO, 6]), "are you there": bytes([IAC, 246]),
                        "unknown": bytes([IAC, WILL, 200, IAC, DO, 201])}.items():
        with plain(t["plain"]) as stream:
            until(stream, b"login: ")
            try:
                for _ in range(200):
                    stream.sendall(piece * 500)
            except (ConnectionError, BrokenPipeError):
                pass
            data, closed = until_closed(stream, 10)
            answers[name] = {"closed": closed, "bytes": len(data)}
    # What changes nothing is never answered.
    with plain(t["plain"]) as stream:
        until(stream, b"login: ")
        stream.sendall(bytes([IAC, WILL, 31]) * 50 + bytes([IAC, DO, 1]) * 50 + bytes([IAC, WONT, 77]) * 50)
        answers["nothing new"] = {"closed": False, "bytes": len(until(stream, b"never", 1))}
    return answers


def injection():
    """A log-in behind FOLLOWS, in plain text: nothing of it may be answered as if it had come inside TLS."""
    with plain(t["plain"]) as stream:
        until(stream, b"login: ")
        stream.sendall(bytes([IAC, WILL, 46, IAC, SB, 46, 1, IAC, SE]) + b"ann\r\0" + t["password"].encode() + b"\r\0show zones\r\0")
        data, closed = until_closed(stream, 10)
    return {"closed": closed, "answered": b"Password" in data or b"> " in data or b"SERIAL" in data}


def enumeration():
    """The same words, and about the same time, for a name that exists and one that does not."""
    seen, times = {}, {}
    # In turns, and by the quickest of each: what else the machine does makes answers slower, never quicker.
    for _ in range(6):
        for name in ("bob", "nobody-here", "ann"):
            with plain(t["plain"]) as stream:
                begin = time.monotonic()
                words = log_in(stream, name, "zebra quagga")
                words += until(stream, b"login: ")
                times.setdefault(name, []).append(time.monotonic() - begin)
                seen.setdefault(name, set()).add(words)
    quickest = {name: min(each) for name, each in times.items()}
    return {"same": len({frozenset(each) for each in seen.values()}) == 1,
            "ratio": max(quickest.values()) / max(1e-6, min(quickest.values())), "seconds": times}


def crowd():
    """Many connections of one source: those above the bound are turned away, and places are free again."""
    streams = [plain(t["plain"]) for _ in range(t["bound"] + 20)]
    time.sleep(1)
    away = 0
    for stream in streams:
        stream.settimeout(0.2)
        data = until(stream, b"login: ", 2)
        away += b"takes no more" in data or not data
    for stream in streams:
        stream.close()
    time.sleep(0.7)
    with plain(t["plain"]) as stream:
        return {"away": away, "after": b"login: " in until(stream, b"login: ")}


def without_tls():
    """Where plain text is not allowed: no question before TLS, whatever the client says."""
    with plain(t["plain"]) as stream:
        first = until(stream, bytes([IAC, DO, 46]), 5)
        stream.sendall(b"ann\r\0" + t["password"].encode() + b"\r\0")
        more = until(stream, b"never", 2)
        stream.sendall(bytes([IAC, WONT, 46]))
        rest, closed = until_closed(stream, 5)
    with plain(t["plain"]) as stream:
        until(stream, bytes([IAC, DO, 46]), 5)
        stream.sendall(bytes([IAC, WILL, 46, IAC, SB, 46, 1, IAC, SE]))
        until(stream, bytes([IAC, SB, 46, 1, IAC, SE]), 5)
        context = ssl.create_default_context(cafile=t["ca"])
        with context.wrap_socket(stream, server_hostname="srv.lab.test") as inside:
            log_in(inside, "ann", t["password"])
            inside.sendall(b"show zones\r\0")
            zones = until(inside, b"lab.test")
    return {"asked": b"login" in first + more or b"Password" in first + more, "closed": closed, "told": b"without TLS" in rest,
            "inside": b"lab.test" in zones}


tell(**{name: globals()[name]() for name in t["cases"]})
