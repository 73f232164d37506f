"""Real FTP clients against a running laboratory. `peers.py PART JSON` prints one object: what was checked, and whether it held."""
import filecmp, ftplib, hashlib, io, json, os, re, socket, ssl, struct, subprocess, sys, tempfile, time, zlib

part, told = sys.argv[1], json.loads(sys.argv[2])
FTP, FTPS, CA, USER, PASSWORD, HOME = (told[k] for k in ("ftp", "ftps", "ca", "user", "password", "home"))
AUTH = "%s:%s" % (USER, PASSWORD)
checks = {}
work = tempfile.mkdtemp(prefix="ftp-peers-")
BIG = os.urandom(3_000_000)


def path(name):
    return os.path.join(work, name)


def put(name, content):
    os.makedirs(os.path.dirname(path(name)), exist_ok=True)
    with open(path(name), "wb") as file:
        file.write(content)
    return path(name)


def stored(name):
    with open(os.path.join(HOME, name), "rb") as file:
        return file.read()


def run(*words, timeout=60, **more):
    return subprocess.run(words, capture_output=True, timeout=timeout, **more)


def tree():
    put("tree/big", BIG)
    for i in range(60):
        put("tree/sub/file %d.txt" % i, b"%d\n" % i)
    put("tree/sub/deep/\u00fcn\u00ef \u20ac.txt", b"x")
    put("tree/empty", b"")
    os.utime(path("tree/sub/deep/\u00fcn\u00ef \u20ac.txt"), (1580688000, 1580688000))
    return path("tree")


def same(a, b):
    compared = filecmp.dircmp(a, b)
    if compared.left_only or compared.right_only or compared.funny_files:
        return False
    _, mismatch, errors = filecmp.cmpfiles(a, b, compared.common_files, shallow=False)
    return not mismatch and not errors and all(same(os.path.join(a, d), os.path.join(b, d)) for d in compared.common_dirs)


def trees():
    """10,000 files in 100 folders, there and back."""
    for i in range(10000):
        put("many/%02d/file %d" % (i % 100, i), b"%d" % i)
    result = run(
        "lftp", "-c", "set ftp:ssl-allow no; set net:timeout 20; set net:max-retries 1; open -u %s,%s ftp://127.0.0.1:%d; mirror -R -P 4 %s many; mirror -P 4 many %s"
        % (USER, PASSWORD, FTP, path("many"), path("back")), timeout=240)
    checks["lftp"] = result.returncode == 0
    checks["10,000 files there"] = same(path("many"), HOME + "/many")
    checks["10,000 files back"] = same(path("many"), path("back"))


def quota():
    """5 MB for the account, over all protocols."""
    ftp = plain()

    def store(name, size, code):
        try:
            conn = ftp.transfercmd("STOR " + name)
            conn.sendall(b"x" * size)
            conn.close()
        except OSError:
            pass
        return ends(ftp, code)

    def put_by(program, name, size):
        options = ["-q", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-i", told["key"], "-P", str(told["ssh"])]
        source = put(name, b"x" * size)
        if program == "scp":
            return run("scp", "-O", *options, source, "%s@127.0.0.1:%s" % (USER, name)).returncode == 0
        return run("sftp", *options, "-b", "-", USER + "@127.0.0.1", input=("put %s %s\n" % (source, name)).encode()).returncode == 0

    checks["what fits"] = store("a", 3_000_000, 226)
    checks["the rest is told"] = 1_900_000 < int(ftp.sendcmd("AVBL").split()[1]) <= 2_250_000
    checks["too much by FTP"] = store("b", 3_000_000, 552) and sorted(os.listdir(HOME)) == ["a"]
    checks["too much by SFTP"] = not put_by("sftp", "c", 3_000_000)
    ftp.voidcmd("NOOP")
    if "c" in os.listdir(HOME):
        ftp.delete("c")
    checks["too much by SCP"] = not put_by("scp", "d", 3_000_000)
    if "d" in os.listdir(HOME):
        ftp.delete("d")
    checks["what fits by SFTP"] = put_by("sftp", "e", 1_500_000) and len(stored("e")) == 1_500_000
    checks["counts for FTP"] = store("f", 900_000, 552) and sorted(os.listdir(HOME)) == ["a", "e"]
    checks["replacing needs room for both"] = store("a", 1_000_000, 552) and len(stored("a")) == 3_000_000
    ftp.delete("a")
    checks["what goes gives room"] = store("f", 3_000_000, 226) and put_by("scp", "g", 400_000)
    checks["ALLO"] = refused(ftp, "ALLO 400000", 452)


def port20():
    """In a network of its own, where port 20 is nobody's: the server as root, its workers as nobody."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    server = subprocess.Popen([told["portside"], "serve", "--config", told["config"]], stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                ftp = plain()
                break
            except (OSError, ftplib.Error):
                if time.monotonic() > deadline or server.poll() is not None:
                    raise
                time.sleep(0.1)
        # One that has just been started has yet to become somebody else.
        while any("Uid:\t0" in open("/proc/%s/status" % pid).read() for pid in children(server.pid)) and time.monotonic() < deadline:
            time.sleep(0.1)
        checks["no worker is root"] = len(children(server.pid)) >= 2 and time.monotonic() < deadline
        for command in ("PORT", "EPRT"):
            for _ in range(3):
                # One after the other, to a port of their own each: the pair of addresses must be free again.
                door = socket.create_server(("127.0.0.1", 0))
                host, port = door.getsockname()
                ftp.sendcmd("PORT 127,0,0,1,%d,%d" % (port >> 8, port & 255) if command == "PORT" else "EPRT |1|127.0.0.1|%d|" % port)
                ftp.putcmd("LIST")
                data, peer = door.accept()
                ok = ftp.getline()[:3] == "150" and data.recv(10000) and ftp.getline()[:3] == "226"
                checks["%s: from port 20" % command] = checks.get("%s: from port 20" % command, True) and bool(ok) and peer == ("127.0.0.1", 20)
                data.close()
                door.close()
        source = put("big", BIG)
        base = ["curl", "-sS", "--max-time", "20", "-u", AUTH, "-P", "127.0.0.1"]
        url = "ftp://127.0.0.1:%d/" % FTP
        checks["curl active"] = run(*base, "-T", source, url + "active").returncode == 0 and run(*base, url + "active").stdout == BIG
    finally:
        server.terminate()
        words = server.communicate(timeout=30)[1].decode()
    if not all(checks.values()):
        print(words, file=sys.stderr)


def children(pid):
    """Of every thread: whichever of them started a worker is its parent."""
    return [child for task in os.listdir("/proc/%d/task" % pid) for child in open("/proc/%d/task/%s/children" % (pid, task)).read().split()]


def curl():
    source = put("big", BIG)
    small = put("small", b"hello\n")
    tls = ["--cacert", CA, "--ssl-reqd"]
    # Not active and encrypted: curl 7.88 never begins TLS then, with vsftpd and ProFTPD neither. ftplib does it below.
    modes = {
        "passive": ([], "ftp", FTP), "PASV": (["--disable-epsv"], "ftp", FTP), "active": (["-P", "127.0.0.1"], "ftp", FTP),
        "PORT": (["-P", "127.0.0.1", "--disable-eprt"], "ftp", FTP), "AUTH TLS": (tls, "ftp", FTP),
        "AUTH TLS 1.2": (tls + ["--tls-max", "1.2"], "ftp", FTP), "implicit": (tls, "ftps", FTPS),
        "implicit 1.2": (tls + ["--tls-max", "1.2"], "ftps", FTPS),
    }
    for mode, (options, scheme, port) in modes.items():
        base = ["curl", "-sS", "--max-time", "20", "-u", AUTH] + options
        url = "%s://127.0.0.1:%d/" % (scheme, port)
        name = mode.replace(" ", "")
        up = run(*base, "-T", source, url + name)
        checks["%s: upload" % mode] = up.returncode == 0 and stored(name) == BIG
        down = run(*base, url + name)
        checks["%s: download" % mode] = down.returncode == 0 and down.stdout == BIG
        listing = run(*base, url)
        checks["%s: listing" % mode] = listing.returncode == 0 and name.encode() in listing.stdout
    base = ["curl", "-sS", "--max-time", "20", "-u", AUTH]
    url = "ftp://127.0.0.1:%d/" % FTP
    cleared = run(*base, *tls, "--ftp-ssl-ccc-mode", "active", "-v", url + "passive")
    checks["CCC"] = cleared.returncode == 0 and cleared.stdout == BIG and b"> CCC" in cleared.stderr
    checks["range"] = run(*base, "-r", "100-199", url + "passive").stdout == BIG[100:200]
    checks["resume"] = run(*base, "-C", "2999000", url + "passive").stdout == BIG[2999000:]
    checks["append"] = run(*base, "-a", "-T", small, url + "passive").returncode == 0 and stored("passive") == BIG + b"hello\n"
    checks["folders made"] = run(*base, "--ftp-create-dirs", "-T", small, url + "a/b/c/x").returncode == 0 and stored("a/b/c/x") == b"hello\n"
    checks["shared"] = run(*base, "-T", small, url + "shared/x").returncode == 0 and os.path.exists(told["data"] + "/files/shared/x")
    many = run(*base, "-o", "/dev/null", url + "small0", "-o", "/dev/null", url + "passive", "-w", "%{num_connects} ")
    checks["wrong password"] = run("curl", "-sS", "-u", USER + ":wrong", url).returncode == 67
    checks["no such file"] = run(*base, url + "nothing").returncode == 78
    head = run(*base, "-I", url + "passive")
    checks["size and time"] = b"Content-Length: 3000006" in head.stdout and b"Last-Modified" in head.stdout
    probe = run(told["portside"], "probe", "ftps://%s@127.0.0.1:%d/a" % (AUTH.replace("@", "%40"), FTPS), "--ca", CA)
    checks["own probe"] = probe.returncode == 0 and b"folder - b" in probe.stdout and PASSWORD.encode() not in probe.stdout


class Resuming(ftplib.FTP_TLS):
    """Resumes the control connection's TLS session on data connections, as FileZilla insists on."""

    def ntransfercmd(self, cmd, rest=None):
        conn, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:
            conn = self.context.wrap_socket(conn, server_hostname=self.host, session=self.sock.session)
            self.reused = conn.session_reused
        return conn, size


def plain():
    ftp = ftplib.FTP(encoding="utf-8")
    ftp.connect("127.0.0.1", FTP, timeout=15)
    ftp.login(USER, PASSWORD)
    ftp.voidcmd("TYPE I")
    return ftp


def fetch(ftp, name, rest=None):
    out = io.BytesIO()
    ftp.retrbinary("RETR " + name, out.write, rest=rest)
    return out.getvalue()


def refused(ftp, line, code):
    try:
        return False if ftp.sendcmd(line) else False
    except ftplib.Error as error:
        return str(error)[:3] == str(code)


def with_ftplib():
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for passive in (True, False):
            context = ssl.create_default_context(cafile=CA)
            context.minimum_version = context.maximum_version = version
            ftp = Resuming(context=context)
            ftp.connect("127.0.0.1", FTP, timeout=15)
            ftp.login(USER, PASSWORD)
            ftp.prot_p()
            ftp.set_pasv(passive)
            ftp.storbinary("STOR tls.bin", io.BytesIO(BIG))
            checks["%s passive=%s: the same" % (version.name, passive)] = fetch(ftp, "tls.bin") == BIG
            checks["%s passive=%s: session resumed" % (version.name, passive)] = ftp.reused
            ftp.quit()
            if passive:
                # CCC: commands in plain text, data inside TLS as before.
                ftp = Resuming(context=context)
                ftp.connect("127.0.0.1", FTP, timeout=15)
                ftp.login(USER, PASSWORD)
                ftp.prot_p()
                ftp.ccc()
                ftp.voidcmd("TYPE I")
                checks["%s CCC: plain text" % version.name] = ftp.sock.version() is None and ftp.pwd() == "/"
                conn, _ = ftplib.FTP.ntransfercmd(ftp, "RETR tls.bin")
                out = b""
                with context.wrap_socket(conn, server_hostname=ftp.host) as data:
                    while piece := data.recv(1 << 20):
                        out += piece
                ftp.voidresp()
                checks["%s CCC: data is protected" % version.name] = out == BIG
                checks["%s CCC: PROT is settled" % version.name] = refused(ftp, "PROT C", 503)
                ftp.quit()
    ftp = plain()
    ftp.storbinary("STOR a", io.BytesIO(BIG[:1000000]))
    checks["size"] = ftp.size("a") == 1000000
    checks["restart"] = fetch(ftp, "a", 999000) == BIG[999000:1000000]
    ftp.storbinary("STOR a", io.BytesIO(BIG[500000:]), rest=500000)
    checks["restart of an upload"] = fetch(ftp, "a") == BIG
    ftp.storbinary("APPE a", io.BytesIO(b"tail"))
    checks["append"] = fetch(ftp, "a") == BIG + b"tail"
    checks["restart behind the end"] = refused_transfer(ftp, "RETR a", 554, rest=9_000_000)
    # Text.
    ftp.storlines("STOR t", io.BytesIO(b"one\ntwo\r\nthree\n"))
    checks["text is stored with LF"] = stored("t") == b"one\ntwo\nthree\n"
    lines = []
    ftp.retrlines("RETR t", lines.append)
    checks["text comes as lines"] = lines == ["one", "two", "three"]
    ftp.voidcmd("TYPE A")
    checks["size as text"] = ftp.size("t") == len(b"one\r\ntwo\r\nthree\r\n")
    ftp.voidcmd("TYPE I")
    # Names.
    for name in ("sp\u00e4ce \"q\" \u20ac", " leading", "trailing ", "-la", "*", "a;b=c", "x" * 200, "x" * 255):
        ftp.storbinary("STOR " + name, io.BytesIO(b"n"))
        checks["name %r" % name[:12]] = stored(name) == b"n" and ("*" in name or name in ftp.nlst())
        facts = dict(ftp.mlsd())
        checks["name %r in MLSD" % name[:12]] = name in facts or name.startswith(" ") or name.endswith(" ")
        ftp.delete(name)
    open(os.path.join(HOME, "line\nbreak"), "w").close()
    checks["line ends in names are not shown"] = not any("line" in n for n in ftp.nlst())
    os.unlink(os.path.join(HOME, "line\nbreak"))
    checks["quotes"] = ftp.mkd('dir "x"') == '/dir "x"' and ftp.cwd('dir "x"') and ftp.pwd() == '/dir "x"'
    ftp.cwd("..")
    ftp.rename('dir "x"', "plain dir")
    ftp.rmd("plain dir")
    # Attributes.
    ftp.sendcmd("MFMT 20200102030405 a")
    checks["MFMT, MDTM"] = ftp.sendcmd("MDTM a") == "213 20200102030405" and int(os.stat(HOME + "/a").st_mtime) == 1577934245
    ftp.sendcmd("MFF modify=20210203040506;UNIX.mode=0600; a")
    checks["MFF"] = os.stat(HOME + "/a").st_mode & 0o777 == 0o600 and "modify=20210203040506" in ftp.sendcmd("MLST a")
    ftp.sendcmd("SITE CHMOD 6755 a")
    checks["CHMOD, no set-user"] = os.stat(HOME + "/a").st_mode & 0o7777 == 0o755
    checks["HASH"] = ftp.sendcmd("HASH a").endswith(hashlib.sha256(BIG + b"tail").hexdigest())
    ftp.sendcmd("OPTS HASH CRC32")
    ftp.sendcmd("RANG 10 19")
    checks["HASH of a range"] = ftp.sendcmd("HASH a") == "213 CRC32 10-19 %08x" % zlib.crc32(BIG[10:20])
    checks["AVBL"] = int(ftp.sendcmd("AVBL").split()[1]) > 0
    checks["ALLO too much"] = refused(ftp, "ALLO 9000000000000000000", 452)
    # MODE Z.
    ftp.voidcmd("TYPE I")
    ftp.sendcmd("MODE Z")
    conn = ftp.transfercmd("STOR z")
    conn.sendall(zlib.compress(BIG + b"\0" * 5_000_000))
    conn.close()
    ftp.voidresp()
    checks["MODE Z up"] = stored("z") == BIG + b"\0" * 5_000_000
    checks["MODE Z down"] = zlib.decompress(fetch(ftp, "z")) == BIG + b"\0" * 5_000_000
    conn = ftp.transfercmd("STOR z2")
    conn.sendall(b"this is no deflate")
    conn.close()
    checks["MODE Z nonsense"] = ends(ftp, 426) and not os.path.exists(HOME + "/z2")
    ftp.sendcmd("MODE S")
    # Unique names.
    names = set()
    for _ in range(3):
        conn = ftp.transfercmd("STOU up")
        conn.sendall(b"u")
        conn.close()
        ftp.voidresp()
    checks["STOU"] = {"up", "up.1", "up.2"} <= set(ftp.nlst())
    # Many names.
    os.makedirs(HOME + "/many")
    for i in range(10000):
        open("%s/many/f%05d" % (HOME, i), "w").close()
    checks["10,000 names"] = len(ftp.nlst("many")) == 10000 and sum(1 for _ in ftp.mlsd("many")) >= 10000
    ftp.cwd("many")
    checks["patterns"] = len(ftp.nlst("f0000*")) == 10 and sorted(ftp.nlst("f0000[12]")) == ["f00001", "f00002"]
    ftp.cwd("/")
    for line, code in (("CWD nothing", 550), ("RMD many", 550), ("DELE many", 550), ("RNTO x", 503), ("STRU R", 504), ("CCC", 533), ("SMNT x", 550), ("XNOPE", 500)):
        checks[line] = refused(ftp, line, code)
    os.symlink("/etc", HOME + "/out")
    for line in ("CWD out", "SIZE out/passwd", "MLST out/passwd", "DELE out/passwd"):
        checks["no way out: " + line] = refused(ftp, line, 550)
    checks["no way out: .."] = ftp.cwd("../../..") and ftp.pwd() == "/"
    ftp.quit()


def refused_transfer(ftp, line, code, rest=None):
    try:
        ftp.transfercmd(line, rest)
        return False
    except ftplib.Error as error:
        return str(error)[:3] == str(code)


def ends(ftp, code):
    try:
        return ftp.voidresp()[:3] == str(code)
    except ftplib.Error as error:
        return str(error)[:3] == str(code)


def broken():
    ftp = plain()
    with open(HOME + "/huge", "wb") as file:
        file.truncate(400_000_000)
    conn = ftp.transfercmd("RETR huge")
    conn.recv(100000)
    checks["STAT meanwhile"] = ftp.sendcmd("STAT").startswith("213 A transfer runs")
    ftp.sock.sendall(b"\xff\xf4\xff\xf2ABOR\r\n")
    checks["ABOR of a download"] = ftp.getline()[:3] == "426" and ftp.getline()[:3] == "226"
    conn.close()
    checks["goes on"] = ftp.voidcmd("NOOP")[:3] == "200"
    # An upload that is cut: not seen, its size is told, and it can be gone on with.
    step = 300_000
    for cut in (1, step, 2 * step, 3 * step + 7):
        conn = ftp.transfercmd("STOR cut")
        conn.sendall(BIG[:cut])
        time.sleep(0.2)
        ftp.sock.sendall(b"ABOR\r\n")
        checks["ABOR at %d" % cut] = ftp.getline()[:3] == "426" and ftp.getline()[:3] == "226"
        conn.close()
        checks["cut at %d: not seen" % cut] = "cut" not in ftp.nlst() and not os.path.exists(HOME + "/cut")
        ftp.voidcmd("TYPE I")
        checks["cut at %d: resumed" % cut] = resume(ftp, "cut", cut)
        ftp.delete("cut")
    # Both connections die together.
    other = plain()
    conn = other.transfercmd("STOR dead")
    conn.sendall(BIG[:500000])
    time.sleep(0.2)
    other.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    other.sock.close()
    other.file.close()
    time.sleep(0.2)
    conn.close()
    time.sleep(0.5)
    checks["a dead client's upload is not seen"] = not os.path.exists(HOME + "/dead")
    checks["and resumed"] = resume(ftp, "dead", ftp.size("dead"))
    # The data connection is reset.
    conn = ftp.transfercmd("STOR reset")
    conn.sendall(BIG[:100000])
    time.sleep(0.2)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()
    checks["reset"] = ends(ftp, 426) and not os.path.exists(HOME + "/reset")
    # TLS that ends without a word.
    context = ssl.create_default_context(cafile=CA)
    tls = ftplib.FTP_TLS(context=context)
    tls.connect("127.0.0.1", FTP, timeout=15)
    tls.login(USER, PASSWORD)
    tls.prot_p()
    conn = tls.transfercmd("STOR cutoff")
    conn.sendall(BIG[:100000])
    time.sleep(0.3)
    os.close(conn.detach())
    checks["TLS cut off"] = ends(tls, 426) and not os.path.exists(HOME + "/cutoff")
    # ALLO says how much; another size is no whole file.
    ftp.sendcmd("ALLO 500")
    conn = ftp.transfercmd("STOR allo")
    conn.sendall(b"x" * 400)
    conn.close()
    checks["ALLO differs"] = ends(ftp, 426) and not os.path.exists(HOME + "/allo")
    # Two at once to one name.
    first = ftp.transfercmd("STOR both")
    first.sendall(b"1")
    time.sleep(0.2)
    second = plain()
    checks["two uploads to one name"] = refused_transfer(second, "STOR both", 450)
    first.close()
    checks["the first is stored"] = ends(ftp, 226) and stored("both") == b"1"
    # An upload over a file: the old one stands until the new one is whole.
    conn = ftp.transfercmd("STOR both")
    conn.sendall(b"new")
    time.sleep(0.2)
    checks["the old stands meanwhile"] = stored("both") == b"1"
    conn.close()
    checks["then the new"] = ends(ftp, 226) and stored("both") == b"new"
    # No data connection.
    checks["no port"] = refused(ftp, "RETR both", 425)
    checks["foreign address"] = refused(ftp, "PORT 127,0,0,2,40,40", 501) and refused(ftp, "EPRT |1|127.0.0.1|79|", 501)
    ftp.sendcmd("PORT 127,0,0,1,250,250")
    ftp.putcmd("RETR both")
    checks["nobody listens"] = ftp.getline()[:3] == "150" and ftp.getline()[:3] == "425"


def paces():
    """Peers that now keep up and now do not: a transfer goes from a thread of its own to the event loop on the way, and loses nothing."""
    ftp = plain()
    content = os.urandom(9_000_001)
    for name, pauses in {"at once": (), "before": (0,), "in between": (4_000_000,), "often": range(0, 9_000_000, 500_000)}.items():
        conn = ftp.transfercmd("STOR paced")
        place = 0
        for pause in (*pauses, len(content)):
            conn.sendall(content[place:pause])
            place = pause
            time.sleep(0.03 if pauses else 0)
        conn.close()
        checks["STOR, pauses " + name] = ends(ftp, 226) and stored("paced") == content
        conn = ftp.transfercmd("RETR paced")
        got = bytearray()
        for pause in (*pauses, len(content) + 1):
            time.sleep(0.03 if pauses else 0)
            while len(got) < pause:
                piece = conn.recv(min(1 << 20, pause - len(got)))
                if not piece:
                    break
                got += piece
        conn.close()
        checks["RETR, pauses " + name] = ends(ftp, 226) and got == content
    checks["from the middle"] = fetch(ftp, "paced", 4_000_003) == content[4_000_003:]
    # A word at a time, as scripts type.
    conn = ftp.transfercmd("STOR words")
    for word in range(200):
        conn.sendall(b"%d\n" % word)
        time.sleep(0.001)
    conn.close()
    checks["a word at a time"] = ends(ftp, 226) and stored("words") == b"".join(b"%d\n" % word for word in range(200))
    # More at once than there are threads for it.
    many = [plain() for _ in range(9)]
    conns = [client.transfercmd("STOR many%d" % number) for number, client in enumerate(many)]
    for place in range(0, len(content), 1_000_000):
        for conn in conns:
            conn.sendall(content[place:place + 1_000_000])
    for conn in conns:
        conn.close()
    checks["nine at once"] = all([ends(client, 226) for client in many]) and all(stored("many%d" % number) == content for number in range(9))


def resume(ftp, name, size):
    if ftp.size(name) != size:
        return False
    ftp.storbinary("STOR " + name, io.BytesIO(BIG[size:]), rest=size)
    return stored(name) == BIG


def lftp():
    source = tree()
    modes = {
        "plain": "set ftp:ssl-allow no", "active": "set ftp:ssl-allow no; set ftp:passive-mode off",
        "tls": "set ftp:ssl-force yes; set ftp:ssl-protect-data yes; set ssl:ca-file " + CA,
        "no mode z": "set ftp:ssl-allow no; set ftp:use-mode-z no",
        "elsewhere": "set ftp:ssl-allow no",
    }
    for mode, setting in modes.items():
        back = path("back " + mode)
        result = run(
            "lftp", "-c", "%s; set net:timeout 8; set net:max-retries 1; open -u %s,%s ftp://127.0.0.1:%d; mirror -R %s tree; mirror tree '%s'; rm -r tree"
            % (setting, USER, PASSWORD, FTP, source, back), env={**os.environ, **({"TZ": "America/St_Johns"} if mode == "elsewhere" else {})})
        checks["%s: there and back" % mode] = result.returncode == 0 and same(source, back)
        checks["%s: times" % mode] = int(os.stat(back + "/sub/deep/\u00fcn\u00ef \u20ac.txt").st_mtime) == 1580688000
        checks["%s: removed" % mode] = not os.path.exists(HOME + "/tree")
    cleared = "set ftp:ssl-force yes; set ftp:ssl-protect-data yes; set ftp:ssl-use-ccc yes; set ssl:ca-file %s; set net:timeout 8; set net:max-retries 1; debug 5; open -u %s,%s ftp://127.0.0.1:%d; put %s -o cleared; cat cleared" % (CA, USER, PASSWORD, FTP, path("tree/big"))
    result = run("lftp", "-c", cleared)
    checks["CCC"] = result.returncode == 0 and result.stdout == BIG and b"---> CCC" in result.stderr
    setting = "set ftp:ssl-allow no; set net:timeout 8; set net:max-retries 1; open -u %s,%s ftp://127.0.0.1:%d; " % (USER, PASSWORD, FTP)
    with open(HOME + "/begun", "wb") as file:
        file.write(BIG)
    put("begun", BIG[:1234567])
    result = run("lftp", "-c", setting + "get -c begun -o %s" % path("begun"))
    checks["get -c"] = result.returncode == 0 and open(path("begun"), "rb").read() == BIG
    with open(HOME + "/up", "wb") as file:
        file.write(BIG[:1234567])
    result = run("lftp", "-c", setting + "put -c %s -o up" % path("tree/big"))
    checks["put -c"] = result.returncode == 0 and stored("up") == BIG
    result = run("lftp", "-c", setting + "pget -n 4 begun -o %s" % path("parts"))
    checks["pget"] = result.returncode == 0 and open(path("parts"), "rb").read() == BIG


def old():
    source = tree()
    place = ["-u", USER, "-p", PASSWORD, "-P", str(FTP)]
    home = {**os.environ, "HOME": work}
    checks["ncftpput"] = run("ncftpput", "-m", "-R", *place, "127.0.0.1", "/nc", source, env=home).returncode == 0
    os.makedirs(path("nc"))
    checks["ncftpget"] = run("ncftpget", "-R", *place, "127.0.0.1", path("nc"), "/nc/tree", env=home).returncode == 0
    checks["ncftp: the same"] = same(source, path("nc/tree"))
    listing = run("ncftpls", "-l", *place[:4], "ftp://127.0.0.1:%d/nc/tree/" % FTP, env=home)
    checks["ncftpls"] = b"big" in listing.stdout
    for mode, words in (("passive", []), ("active", ["passive off"])):
        script = ["open 127.0.0.1 %d" % FTP, "user %s %s" % (USER, PASSWORD), "prompt"] + words + [
            "binary", "put %s tn" % path("tree/big"), "get tn", "mkdir md", "cd md", "mput file*", "mget file*", "ls", "rename file1.txt x", "delete x",
            "cd ..", "size tn", "ascii", "put %s ascii.txt" % put("ascii.txt", b"a\nb\n"), "bye"]
        folder = path("tn " + mode)
        for i in range(3):
            put("tn %s/file%d.txt" % (mode, i), b"f")
        result = run("tnftp", "-n", "-v", input=("\n".join(script) + "\n").encode(), cwd=folder)
        checks["tnftp %s" % mode] = open(folder + "/tn", "rb").read() == BIG and stored("md/file0.txt") == b"f" and not os.path.exists(HOME + "/md/file1.txt")
        checks["tnftp %s: text" % mode] = stored("ascii.txt") == b"a\nb\n"
    checks["busybox ftpput"] = run("busybox", "ftpput", *place, "127.0.0.1", "bb", path("tree/big")).returncode == 0 and stored("bb") == BIG
    checks["busybox ftpget"] = run("busybox", "ftpget", *place, "127.0.0.1", path("bb"), "bb").returncode == 0 and open(path("bb"), "rb").read() == BIG
    put("bb", BIG[:1000])
    checks["busybox ftpget -c"] = run("busybox", "ftpget", "-c", *place, "127.0.0.1", path("bb"), "bb").returncode == 0 and open(path("bb"), "rb").read() == BIG


def with_aioftp():
    import asyncio, aioftp
    source = tree()

    async def main():
        async with aioftp.Client.context("127.0.0.1", FTP, USER, PASSWORD) as client:
            await client.upload(source, "/aio", write_into=True)
            names = [str(p) async for p, _ in client.list("/aio", recursive=True)]
            checks["aioftp lists"] = len(names) == 65
            await client.download("/aio", path("aio"), write_into=True)
            checks["aioftp: the same"] = same(source, path("aio"))
            await client.remove("/aio")
            checks["aioftp removes"] = not await client.exists("/aio")

    asyncio.run(main())


def anonymous():
    ftp = ftplib.FTP(encoding="utf-8")
    ftp.connect("127.0.0.1", FTP, timeout=15)
    ftp.login()
    checks["reads"] = fetch(ftp, "read me.txt") == b"public\n"
    checks["lists"] = "read me.txt" in ftp.nlst() and dict(ftp.mlsd())["read me.txt"]["perm"] == "r"
    ftp.voidcmd("TYPE I")
    for line in ("DELE read me.txt", "MKD x", "MFMT 20200101000000 read me.txt", "RMD x"):
        checks["not " + line] = refused(ftp, line, 550)
    checks["not STOR"] = refused_transfer(ftp, "STOR x", 550) and refused_transfer(ftp, "APPE read me.txt", 550)
    ftp.quit()
    time.sleep(0.5)


def passive():
    ftp = plain()
    reply = ftp.sendcmd("PASV")
    checks["the address for this network is told"] = "192,0,2,7" in reply
    other = plain()
    checks["no port left"] = refused(other, "EPSV", 421)
    # Somebody else's connection is not taken. The client's own is.
    numbers = [int(n) for n in re.search(r"\((.*)\)", reply).group(1).split(",")]
    port = numbers[4] * 256 + numbers[5]
    thief = socket.socket()
    thief.bind(("127.0.0.9", 0))
    thief.connect(("127.0.0.1", port))
    thief.settimeout(5)
    try:
        checks["a thief is turned away"] = thief.recv(1) == b""
    except ConnectionError:
        checks["a thief is turned away"] = True
    data = socket.create_connection(("127.0.0.1", port))
    ftp.putcmd("NLST")
    checks["the client is served"] = ftp.getline()[:3] == "150" and b"shared" in data.recv(1000) and ftp.getline()[:3] == "226"
    checks["the port is free again"] = "|||%d|" % port in other.sendcmd("EPSV")


def drop():
    """An account that may make files in the shared folder, and nothing else."""
    shared = told["data"] + "/files/shared/"
    with open(shared + "secret", "w") as file:
        file.write("secret")
    ftp = plain()
    ftp.cwd("shared")
    ftp.voidcmd("TYPE I")
    ftp.storbinary("STOR scan.pdf", io.BytesIO(BIG))
    checks["stored"] = open(shared + "scan.pdf", "rb").read() == BIG
    checks["nothing beside it"] = sorted(os.listdir(shared)) == ["scan.pdf", "secret"]
    conn = ftp.transfercmd("STOU scan.pdf")
    conn.sendall(b"second")
    conn.close()
    ftp.voidresp()
    checks["stored under another name"] = any(open(shared + n).read() == "second" for n in os.listdir(shared) if n not in ("scan.pdf", "secret"))
    for line in ("STOR secret", "APPE secret", "RETR secret", "LIST", "MLSD"):
        checks["not " + line] = refused_transfer(ftp, line, 550)
    for line in ("DELE secret", "RNFR secret", "SIZE secret", "MDTM secret", "HASH secret", "SITE CHMOD 777 secret", "RMD ../shared"):
        checks["not " + line] = refused(ftp, line, 550)
    checks["as it was"] = open(shared + "secret").read() == "secret"


def ipv6():
    port = next(int(p) for name, address, p in told["all"] if name == "ftp" and address == "::1")
    source = put("big", BIG)
    url = "ftp://[::1]:%d/" % port
    for mode, options in {"EPSV": [], "EPRT": ["-P", "::1"], "AUTH TLS": ["--ssl-reqd", "-k"]}.items():
        base = ["curl", "-sS", "--max-time", "20", "-u", AUTH] + options
        checks["%s: upload" % mode] = run(*base, "-T", source, url + "six").returncode == 0 and stored("six") == BIG
        checks["%s: download" % mode] = run(*base, url + "six").stdout == BIG
    ftp = ftplib.FTP()
    ftp.connect("::1", port, timeout=15)
    ftp.login(USER, PASSWORD)
    checks["PASV has no form for it"] = refused(ftp, "PASV", 522) and refused(ftp, "EPSV 1", 522)
    checks["EPSV 2"] = ftp.sendcmd("EPSV 2")[:3] == "229"
    checks["EPRT elsewhere"] = refused(ftp, "EPRT |2|::2|4000|", 501)


def full():
    shared = told["data"] + "/files/shared/"
    ftp = plain()
    ftp.cwd("shared")
    ftp.storbinary("STOR kept", io.BytesIO(b"old"))
    ftp.voidcmd("TYPE I")
    for name in ("new", "kept"):
        try:
            conn = ftp.transfercmd("STOR " + name)
            conn.sendall(BIG)
            conn.close()
        except OSError:
            pass
        checks["%s: a clear reply" % name] = ends(ftp, 452)
    checks["nothing is left behind"] = os.listdir(shared) == ["kept"] and open(shared + "kept").read() == "old"
    ftp.storbinary("STOR small", io.BytesIO(b"x" * 1000))
    checks["and there is room again"] = os.path.getsize(shared + "small") == 1000


{"trees": trees, "quota": quota, "port20": port20, "drop": drop, "ipv6": ipv6, "full": full, "curl": curl, "ftplib": with_ftplib, "broken": broken, "paces": paces, "lftp": lftp, "old": old, "aioftp": with_aioftp, "anonymous": anonymous, "passive": passive}[part]()
print(json.dumps(checks))
