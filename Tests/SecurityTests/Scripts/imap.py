"""IMAP: what must never work. Tells, by name, what came back and whether the connection was closed."""
import base64, socket, threading, time, zlib
from wire import *

t = told()
result = {}


def greeted(port):
    stream = plain(port)
    greeting = b""
    while not greeting.endswith(b"\r\n"):
        greeting += stream.recv(4096)
    return stream, greeting


def say(name, text, port="imap", limit=5):
    """In plain text, after the greeting."""
    stream, _ = greeted(t[port])
    with stream:
        stream.sendall(text)
        data, closed = until_closed(stream, limit)
        result[name] = {"reply": data.decode("latin-1"), "closed": closed}


# STARTTLS injection: what stands behind it in the same segment is never answered, and the connection is closed.
say("injection", b"a STARTTLS\r\nb NOOP\r\n")
say("injection of a log-in", b"a STARTTLS\r\nb LOGIN ann@lab.test x\r\n")
# ALPACA: a browser that was led here gets no word, and nothing of what it sent.
say("alpaca", b"GET /<script> HTTP/1.1\r\nHost: a\r\n\r\n")
say("alpaca post", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\na LOGIN ann x\r\n")
# Literals before log-in are tiny, and those that don't wait end the connection.
say("literal", b"a LOGIN {1025}\r\n", limit=1)
say("literal that does not wait", b"a LOGIN {99999999999999999999+}\r\n" + b"x" * 100)
say("append before log-in", b"a APPEND INBOX {9999999+}\r\n" + b"x" * 4000)
say("endless line", b"a NOOP " + b"x" * 300000)
say("bare line feed", b"a NOOP\nb NOOP\n")
say("depth before log-in", b"a SEARCH " + b"(" * 40000 + b"\r\n", limit=1)

# Inside TLS, logged in: hostile depth, hostile messages; the session and its worker go on.
with secure(t["imaps"], t["ca"]) as stream:
    stream.recv(4096)

    def command(text, tag=b"x"):
        stream.sendall(tag + b" " + text + b"\r\n")
        data = b""
        while not (data.endswith(b"\r\n") and b"\r\n" + tag + b" " in b"\r\n" + data):
            piece = stream.recv(65536)
            if not piece:
                break
            data += piece
        return data

    def last(data):
        return data.strip().split(b"\r\n")[-1].decode("latin-1")

    result["log-in"] = {"reply": last(command(b'LOGIN "%s" "%s"' % (t["name"].encode(), t["password"].encode())))}
    result["select"] = {"reply": last(command(b"SELECT Archive"))}
    result["depth"] = {"reply": last(command(b"SEARCH " + b"(" * 20000 + b"ALL" + b")" * 20000))}
    result["nots"] = {"reply": last(command(b"SEARCH " + b"NOT " * 10000 + b"ALL"))}
    result["huge set"] = {"reply": last(command(b"FETCH 1:4294967295,1:* FLAGS"))}
    deep = b"Content-Type: multipart/mixed; boundary=b0\r\n\r\n"
    for level in range(1, 300):
        deep += b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (level - 1, level)
    rfc822 = b"Content-Type: message/rfc822\r\n\r\n" * 2000 + b"x\r\n"
    parameters = b"Content-Type: text/plain;\r\n" + b"".join(b" a*%d=x;\r\n" % n for n in range(5000)) + b"\r\nx\r\n"
    addresses = b"To: " + b"(" * 5000 + b"a@b, " * 5000 + b"\r\n\r\nx\r\n"
    for name, message in (("parts", deep), ("messages", rfc822), ("parameters", parameters), ("addresses", addresses)):
        result["append " + name] = {"reply": last(command(b"APPEND Archive {%d+}\r\n" % len(message) + message))}
    begin = time.monotonic()
    fetched = command(b"FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY.PEEK[1.1.1.1.1.1.1.1] BODY.PEEK[HEADER])")
    result["fetch"] = {"reply": last(fetched), "rows": fetched.count(b" FETCH ("), "seconds": time.monotonic() - begin}
    result["path"] = {"reply": last(command(b"FETCH 1 BODY[" + b"1." * 200 + b"1]"))}
    result["after"] = {"reply": last(command(b"NOOP"))}

# A decompression bomb: a megabyte that unfolds into a gigabyte, once as one endless line, once as literals of a message that is too big.
def resident():
    with open("/proc/%s/status" % t["worker"]) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) // 1024


def bomb(name, opening, block, count):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    with secure(t["imaps"], t["ca"]) as stream:
        stream.recv(4096)
        for line in (b'a LOGIN "%s" "%s"' % (t["name"].encode(), t["password"].encode()), b"b COMPRESS DEFLATE"):
            stream.sendall(line + b"\r\n")
            answer = b""
            while b"\n" not in answer:
                answer += stream.recv(65536)
        before = resident()
        most, sent = before, 0
        try:
            stream.sendall(packer.compress(opening) + packer.flush(zlib.Z_SYNC_FLUSH))
            for _ in range(count):
                data = packer.compress(block) + packer.flush(zlib.Z_SYNC_FLUSH)
                stream.sendall(data)
                sent += len(data)
                most = max(most, resident())
        except OSError:
            pass
        data, closed = until_closed(stream, 15)
        unpacked = zlib.decompressobj(-15)
        try:
            said = unpacked.decompress(data)
        except zlib.error:
            said = data
        result[name] = {"reply": said.decode("latin-1"), "closed": closed, "grown": max(most, resident()) - before, "sent": sent}


bomb("bomb of a line", b"c NOOP ", b"x" * (8 << 20), 128)
bomb("bomb of literals", b"c SEARCH ", b"TEXT {100000+}\r\n" + b"y" * 100000 + b" ", 2000)
bomb("bomb of commands", b"", b"d NOOP\r\n" * 2000, 200)

# What new commands could be made to do: lists without end, filters in circles, URLs of others.
with secure(t["imaps"], t["ca"]) as stream:
    stream.recv(4096)
    command(b'LOGIN "%s" "%s"' % (t["name"].encode(), t["password"].encode()))
    names = b" ".join(b"m%d" % n for n in range(600))
    result["many mailboxes"] = {"reply": last(command(b"NOTIFY SET (mailboxes (" + names + b") (MessageNew MessageExpunge))"))}
    result["many groups"] = {"reply": last(command(b"NOTIFY SET" + b" (personal NONE)" * 200))}
    result["deep sources"] = {"reply": last(command(b"ESEARCH IN (" + b" ".join([b"personal"] * 200) + b") ALL"))}
    result["deep fuzzy"] = {"reply": last(command(b"ESEARCH IN (personal) " + b"FUZZY " * 5000 + b"ALL"))}
    command(b'SETMETADATA "" (/private/filters/values/a "FILTER b" /private/filters/values/b "OR FILTER a FILTER a")')
    command(b"SELECT Archive")
    result["circle"] = {"reply": last(command(b"SEARCH FILTER a"))}
    result["long words"] = {"reply": last(command(b'SEARCH FUZZY TEXT "' + b"a" * 1990 + b'"'))}
    result["others' URL"] = {"reply": command(b'URLFETCH "imap://nobody%40lab.test@h/INBOX/;UID=1;URLAUTH=authuser:internal:01"').decode("latin-1")}
    result["key"] = {"reply": last(command(b'SETMETADATA INBOX (/private/vendor/portside/urlauth "' + b"k" * 32 + b'")'))}
    for number in range(40):
        stream.sendall(b"u%d SEARCH RETURN (UPDATE) ALL\r\n" % number)
    result["contexts"] = {"reply": last(command(b"NOOP", b"z"))}

# Clients that send a byte now and then: bounded by time, while others are served.
slow = [greeted(t["imap"])[0] for _ in range(5)]
for stream in slow:
    stream.sendall(b"a LOG")
begin = time.monotonic()
other, _ = greeted(t["imap"])
other.sendall(b"a NOOP\r\n")
result["others"] = {"reply": other.recv(100).decode(), "seconds": time.monotonic() - begin}
closed = 0
end = time.monotonic() + 75
for stream in slow:
    data, is_closed = until_closed(stream, max(1, end - time.monotonic()))
    closed += is_closed
result["slow"] = {"closed": closed == 5}
tell(**result)
