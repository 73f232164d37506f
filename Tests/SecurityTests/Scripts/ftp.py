"""Hostile FTP clients. Tells rows of what happened, by the part that was asked for."""
import ftplib, io, os, ssl, threading
from wire import *

t = told()
result = {}


def lines(stream):
    return stream.makefile("rb")


def reply(reader):
    """One whole reply; its text."""
    line = reader.readline()
    while line[3:4] == b"-" or line[:1] == b" ":
        line = reader.readline()
    return line.decode().strip()


def logged_in():
    ftp = ftplib.FTP(encoding="utf-8")
    ftp.connect(HOST, t["ftp"], timeout=20)
    ftp.login(t["user"], t["password"])
    ftp.voidcmd("TYPE I")
    return ftp


def code(ftp, line):
    try:
        return ftp.sendcmd(line)[:3]
    except ftplib.Error as error:
        return str(error)[:3]


def bounce():
    # Somebody else's door: another address of this machine, and a port of the system's.
    door = socket.create_server(("127.0.0.2", 0))
    door.settimeout(1.5)
    port = door.getsockname()[1]
    ftp = logged_in()
    ftp.storbinary("STOR x", io.BytesIO(b"x"))
    for line in (
        "PORT 127,0,0,2,%d,%d" % (port >> 8, port & 255), "EPRT |1|127.0.0.2|%d|" % port, "PORT 127,0,0,1,0,22", "EPRT |1|127.0.0.1|1023|",
        "PORT 0,0,0,0,%d,%d" % (port >> 8, port & 255), "EPRT |2|::ffff:127.0.0.2|%d|" % port, "EPRT |1|255.255.255.255|%d|" % port,
    ):
        refusal = code(ftp, line)
        ftp.putcmd("RETR x")
        ftp.getline()
        try:
            door.accept()
            reached = True
        except socket.timeout:
            reached = False
        result[line.replace(str(port), "PORT").replace("%d,%d" % (port >> 8, port & 255), "P")] = {"code": refusal, "reached": reached}
    # A thief at the passive port, before and after the client.
    for when in ("before", "after"):
        ftp = logged_in()
        port = int(ftp.sendcmd("EPSV").split("|")[3])
        own = socket.create_connection((HOST, port)) if when == "after" else None
        thief = socket.socket()
        thief.bind(("127.0.0.9", 0))
        thief.settimeout(2)
        ftp.putcmd("RETR x")
        try:
            thief.connect((HOST, port))
            stolen = thief.recv(10) != b""
        except OSError:
            stolen = False
        result["thief " + when] = {"reached": stolen}


def injection():
    for name, behind in {"NOOP": b"NOOP\r\n", "USER": b"USER ann\r\nPASS x\r\n", "half a line": b"US", "line end": b"\r\n"}.items():
        with plain(t["ftp"]) as stream:
            reader = lines(stream)
            reply(reader)
            stream.sendall(b"AUTH TLS\r\n" + behind)
            data, closed = until_closed(stream, 8)
            result[name] = {"closed": closed, "injected": data.count(b"\r\n") > 1 or b"331" in data or b"200" in data}


def alpaca():
    get = b"GET /<script>alert(1)</script> HTTP/1.1\r\nHost: srv.lab.test\r\n\r\n"
    texts = {
        "get": get, "post": b"POST / HTTP/1.1\r\nHost: <script>\r\n\r\nUSER ann\r\n", "ehlo": b"EHLO <script>\r\n", "head": b"HEAD /<script> HTTP/1.0\r\n\r\n",
        "pri": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "options": b"OPTIONS /<script> HTTP/1.1\r\n\r\n",
    }
    for name, text in texts.items():
        with plain(t["ftp"]) as stream:
            stream.sendall(text)
            data, closed = until_closed(stream, 8)
            result["plain " + name] = {"closed": closed, "reflected": b"<script" in data or data.count(b"\r\n") > 1}
        with secure(t["ftps"], t["ca"]) as stream:
            stream.sendall(text)
            data, closed = until_closed(stream, 8)
            result["tls " + name] = {"closed": closed, "reflected": b"<script" in data or data.count(b"\r\n") > 1}
    for name, protocols, host in (("alpn", ["http/1.1"], "srv.lab.test"), ("sni", ["ftp"], "mail.example.com")):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(protocols)
        side = context.wrap_bio(incoming, outgoing, server_hostname=host)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            pass
        with plain(t["ftps"]) as stream:
            stream.sendall(outgoing.read())
            data, closed = until_closed(stream, 8)
            result[name] = {"closed": closed, "reflected": False, "alert": data.hex()}


def escape():
    home, outside = t["home"], t["data"] + "/outside"
    ftp = logged_in()
    os.makedirs(outside, exist_ok=True)
    for place in (t["data"] + "/secret.txt", outside + "/secret.txt"):
        with open(place, "w") as file:
            file.write("TOPSECRET")
    for link, target in (("link", "../../../secret.txt"), ("folder", "../../../outside"), ("absolute", "/etc/passwd"), ("process", "/proc/self"), ("self", "self")):
        os.symlink(target, home + "/" + link)
    os.mkfifo(home + "/pipe")
    paths = ["../../../secret.txt", "/../../../../secret.txt", "link", "folder/secret.txt", "absolute", "process/environ", "self", "pipe", "./folder/../link", "shared/../../../../secret.txt"]

    def fetch(path):
        out = io.BytesIO()
        try:
            ftp.retrbinary("RETR " + path, out.write)
        except (ftplib.Error, OSError):
            pass
        return out.getvalue()

    for path in paths:
        data = fetch(path)
        result["RETR " + path] = {"leaked": b"TOPSECRET" in data or b"root:" in data or b"PATH=" in data or bool(data)}
    for line in ("CWD folder", "CWD process", "MLST link", "SIZE absolute", "HASH link", "STAT folder", "DELE folder/secret.txt", "RNFR folder/secret.txt", "MKD folder/new", "SITE CHMOD 777 link", "MFMT 20200101000000 absolute"):
        result[line] = {"leaked": code(ftp, line)[0] != "5"}
    for path in ("folder/new.txt", "link", "absolute"):
        try:
            ftp.storbinary("STOR " + path, io.BytesIO(b"OVERWRITTEN"))
        except ftplib.Error:
            pass
        result["STOR " + path] = {"leaked": os.path.exists(outside + "/new.txt") or open(t["data"] + "/secret.txt").read() != "TOPSECRET"}
    # A folder that is now one, now a link out.
    inside, swing, stop = home + "/inside", home + "/swing", threading.Event()
    os.makedirs(inside)
    with open(inside + "/secret.txt", "w") as file:
        file.write("harmless")
    os.symlink("inside", swing)

    def turn():
        while not stop.is_set():
            for target in ("../../../outside", "inside"):
                os.symlink(target, swing + ".new")
                os.replace(swing + ".new", swing)

    thread = threading.Thread(target=turn)
    thread.start()
    answers = [fetch("swing/secret.txt") for _ in range(150)]
    stop.set()
    thread.join()
    result["race"] = {"leaked": any(b"TOPSECRET" in a for a in answers), "served": sum(a == b"harmless" for a in answers)}


def plaintext():
    with plain(t["ftp"]) as stream:
        reader = lines(stream)
        reply(reader)
        stream.sendall(("USER %s\r\nPASS %s\r\nPWD\r\n" % (t["user"], t["password"])).encode())
        codes = [reply(reader)[:3] for _ in range(3)]
        result["control"] = {"refused": codes == ["530", "503", "530"], "codes": codes}
    ftp = ftplib.FTP_TLS(context=ssl.create_default_context(cafile=t["ca"]))
    ftp.connect(HOST, t["ftp"], timeout=20)
    ftp.auth()
    # The password is wrong on purpose: only what comes before it matters.
    with plain(t["ftp"]) as stream:
        reader = lines(stream)
        reply(reader)
        stream.sendall(b"PBSZ 0\r\nPROT P\r\n")
        result["PROT without TLS"] = {"refused": [reply(reader)[:3] for _ in range(2)] == ["503", "503"]}
    ftp.voidcmd("PBSZ 0")
    result["PROT C"] = {"refused": code(ftp, "PROT C") == "534"}


def slow():
    def ended(name, stream, limit):
        start = time.monotonic()
        data, closed = until_closed(stream, limit)
        result[name] = {"ended": closed, "seconds": round(time.monotonic() - start, 1), "data": data[-60:].decode("latin-1")}

    threads = []

    def begin(body):
        thread = threading.Thread(target=body)
        thread.start()
        threads.append(thread)

    def idle():
        ftp = logged_in()
        ended("idle after log-in", ftp.sock, 20)

    def drip():
        ftp = logged_in()
        start = time.monotonic()
        try:
            while time.monotonic() - start < 20:
                ftp.sock.sendall(b"N")
                time.sleep(0.5)
        except OSError:
            pass
        result["a letter at a time"] = {"ended": time.monotonic() - start < 19}

    def reads_nothing():
        ftp = logged_in()
        with open(t["home"] + "/huge", "wb") as file:
            file.truncate(200_000_000)
        data = ftp.transfercmd("RETR huge")
        data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        start = time.monotonic()
        line = ftp.getline()
        result["reads nothing"] = {"ended": line[:3] == "426", "seconds": round(time.monotonic() - start, 1)}

    def sends_nothing():
        ftp = logged_in()
        data = ftp.transfercmd("STOR never")
        data.sendall(b"x")
        result["sends nothing"] = {"ended": ftp.getline()[:3] == "426"}

    def no_handshake():
        ftp = ftplib.FTP_TLS(context=ssl.create_default_context(cafile=t["ca"]))
        ftp.connect(HOST, t["ftp"], timeout=40)
        ftp.login(t["user"], t["password"])
        ftp.prot_p()
        conn, _ = ftplib.FTP.ntransfercmd(ftp, "NLST")
        result["no handshake on data"] = {"ended": ftp.getline()[:3] in ("425", "426")}

    def no_control_handshake():
        with plain(t["ftp"]) as stream:
            stream.sendall(b"AUTH TLS\r\n")
            ended("no handshake on control", stream, 20)

    for body in (idle, drip, reads_nothing, sends_nothing, no_handshake, no_control_handshake):
        begin(body)
    for thread in threads:
        thread.join()


def words():
    for name, account in (("known", t["user"]), ("unknown", "nobody@lab.test")):
        with plain(t["ftp"]) as stream:
            reader = lines(stream)
            reply(reader)
            stream.sendall(("USER %s\r\nPASS sw0rdf1sh\r\n" % account).encode())
            first = reply(reader)
            result[name] = {"reply": reply(reader), "first": first}
    clean = True
    for evil in ("\x1b[31mPWNED", "a 09:00:00 notice portside forged line", "\x07bell"):
        with plain(t["ftp"]) as stream:
            reader = lines(stream)
            reply(reader)
            stream.sendall(("USER %s\r\nPASS sw0rdf1sh\r\n%s sw0rdf1sh\r\n" % (evil, evil)).encode())
            got = [reply(reader) for _ in range(3)]
            clean = clean and not any("PWNED" in g or "forged" in g for g in got)
        ftp = logged_in()
        try:
            ftp.storbinary("STOR " + evil, io.BytesIO(b"x"))
            ftp.delete(evil)
        except ftplib.Error:
            pass
    result["names"] = {"clean": clean}


{"bounce": bounce, "injection": injection, "alpaca": alpaca, "escape": escape, "plaintext": plaintext, "slow": slow, "words": words}[t["part"]]()
tell(**result)
