"""More cases over the laboratory of laboratory.py. Usage: extras.py PORTSIDE CASE."""
import hashlib
import os
import re
import subprocess
import sys
import threading
import time

from fixture import run
from laboratory import Laboratory, case, expect, program


def connected(lab, account):
    import paramiko

    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect("127.0.0.1", port=lab.port, username=account, password=lab.passwords[account], look_for_keys=False, allow_agent=False)
    return client, client.open_sftp()


def sftp_extras():
    """Uploads that are seen whole, sums of files, room, and what the audit trail says of it all."""
    with Laboratory(edit=[('home = "', 'uploads = "whole", home = "')]) as lab:
        content = lab.random_file("big", 3_000_000)
        client, sftp = connected(lab, "bob")
        sftp.put(lab.path("big"), "whole")
        expect(lab.read(lab.home("whole", "bob")) == content, "an upload")
        with sftp.open("whole") as file:
            expect(file.check("sha256") == hashlib.sha256(content).digest(), "a sum")
            expect(file.check("md5", 1000, 2000) == hashlib.md5(content[1000:3000]).digest(), "a sum of a part")
            sums = file.check("sha1", 0, 0, 1 << 20)
            expect(sums == b"".join(hashlib.sha1(content[i:i + (1 << 20)]).digest() for i in range(0, len(content), 1 << 20)), "sums of blocks")
        half = sftp.open("half", "wb")
        half.write(b"x" * 100_000)
        half.flush()
        expect("half" not in sftp.listdir(), "half an upload is seen")
        old = sftp.open("whole", "wb")
        old.write(b"new")
        old.flush()
        expect(lab.read(lab.home("whole", "bob")) == content, "the old one stands")
        old.close()
        expect(lab.read(lab.home("whole", "bob")) == b"new", "the new one")
        client.close()
        end = time.monotonic() + 30
        while os.listdir(lab.home("", "bob")) != ["whole"]:
            expect(time.monotonic() < end, f"something is left: {os.listdir(lab.home('', 'bob'))}")
            time.sleep(0.1)
        run(["sftp", *lab.options("bob"), "-P", str(lab.port), "-b", "-", "bob@127.0.0.1"], input=f"put {lab.path('big')} again\nrm whole\n".encode())
        trail = lab.portside("audit", "list", "--json")
        for words in ("file stored", "file removed"):
            expect(words in trail, f"the audit trail lacks {words}: {trail[-2000:]}")


def versions():
    """What an account's uploads replace stays, whatever protocol they come by."""
    with Laboratory(edit=[('staff = ["mail", "files:home"', 'staff = ["mail", "files:home", "files:versions"')]) as lab:
        for number, uploads in enumerate((b"one\n", b"two\n", b"three\n")):
            with open(lab.path("config"), "wb") as file:
                file.write(uploads)
            if number == 1:
                run(["curl", "-sS", "-u", "bob:" + lab.passwords["bob"], "-T", lab.path("config"), f"ftp://127.0.0.1:{lab.ports['ftp']}/router.cfg"])
            else:
                run(["sftp", *lab.options("bob"), "-P", str(lab.port), "-b", "-", "bob@127.0.0.1"], input=f"put {lab.path('config')} router.cfg\n".encode())
        kept = lab.home("versions/router.cfg", "bob")
        names = sorted(os.listdir(kept))
        expect([lab.read(os.path.join(kept, n)) for n in names] == [b"one\n", b"two\n"], f"{names}")
        expect(all(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z(\.\d+)?", n) for n in names), f"{names}")
        expect(lab.read(lab.home("router.cfg", "bob")) == b"three\n", "the latest")


def host_certificates():
    """Clients that know an authority instead of the keys; words before the log-in; keys of another server."""
    with Laboratory(edit=[('shell      = "os"', 'shell      = "os"\nbanner = "Authorised users only."')]) as lab:
        for name in ("ca", "old"):
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", lab.path(name)])
        for kind in ("ed25519", "rsa", "ecdsa"):
            run(["ssh-keygen", "-q", "-s", lab.path("ca"), "-I", "srv", "-h", "-n", "127.0.0.1,srv.lab.test", f"{lab.data}/ssh/host_{kind}.pub"])
            os.chmod(f"{lab.data}/ssh/host_{kind}-cert.pub", 0o644)
        lab.stop()
        lab.start()
        with open(lab.path("known-ca"), "w") as file:
            file.write(f"@cert-authority * {open(lab.path('ca.pub')).read()}")
        for algorithm in ("ssh-ed25519-cert-v01@openssh.com", "rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-256-cert-v01@openssh.com", "ecdsa-sha2-nistp256-cert-v01@openssh.com"):
            options = ["-F", "none", "-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=" + lab.path("known-ca"), "-o", "IdentitiesOnly=yes", "-o",
                       "IdentityAgent=none", "-o", "HostKeyAlgorithms=" + algorithm, "-o", "RekeyLimit=1M", "-i", lab.path("id_ann"), "-p", str(lab.port), "-l", "ann"]
            said = run(["ssh", *options, "127.0.0.1", "head -c 3000000 /dev/zero | wc -c; echo certain"], check=False)
            expect(said.returncode == 0 and b"certain" in said.stdout and b"Authorised users only." in said.stderr, f"{algorithm}: {said}")
        # Without a word for certificates nothing is different.
        expect(lab.ssh("echo plain").stdout == b"plain\n", "plain keys")
        if lab.user:
            os.chown(lab.path("old"), lab.user["user"], lab.user["user"])
        said = lab.portside("ssh", "host-key", "import", lab.path("old"))
        expect("ssh-ed25519 SHA256:" in said, said)
        lab.stop()
        lab.start()
        keys = run(["ssh-keyscan", "-t", "ed25519", "-p", str(lab.port), "127.0.0.1"]).stdout.decode()
        expect(open(lab.path("old.pub")).read().split()[1] in keys, "the imported key is not shown")


def rekey_under_load():
    """New keys every megabyte, both ways at once, with four transfers in one connection."""
    with Laboratory() as lab:
        content = lab.random_file("big", 32_000_000)
        control = lab.path("control")
        master = subprocess.Popen(["ssh", *lab.options(), "-o", "RekeyLimit=1M", "-o", f"ControlPath={control}", "-M", "-N", "-p", str(lab.port), "ann@127.0.0.1"])
        end = time.monotonic() + 30
        while not os.path.exists(control):
            expect(time.monotonic() < end, "no connection")
            time.sleep(0.1)
        results = {}

        def transfer(number):
            batch = f"put {lab.path('big')} f{number}\nget f{number} {lab.path(f'back{number}')}\n"
            results[number] = run(["sftp", "-o", f"ControlPath={control}", "-b", "-", "ann@127.0.0.1"], input=batch.encode(), check=False, timeout=240)

        threads = [threading.Thread(target=transfer, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        master.terminate()
        master.wait()
        for number in range(4):
            expect(results[number].returncode == 0 and lab.read(lab.path(f"back{number}")) == content, f"{number}: {results[number]}")


def display():
    """Windows at home: a display that only says whether the cookie is the one that its own client would have sent."""
    import socket
    import struct

    cookie = os.urandom(16)
    heard = []

    def serve(listener):
        while True:
            try:
                stream, _ = listener.accept()
            except OSError:
                return
            stream.settimeout(20)
            data = b""
            while len(data) < 48:
                piece = stream.recv(4096)
                if not piece:
                    break
                data += piece
            heard.append(data)
            stream.sendall(b"DISPLAY" + data[-16:])
            stream.close()

    listener = socket.create_server(("127.0.0.1", 0))
    for number in range(200, 400):
        try:
            listener = socket.create_server(("127.0.0.1", 6000 + number))
            break
        except OSError:
            continue
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    program_text = (
        "import os,socket,struct,sys\n"
        "data=open(os.environ['XAUTHORITY'],'rb').read()\n"
        "fields,at=[],2\n"
        "for _ in range(4):\n n=struct.unpack('>H',data[at:at+2])[0]; fields.append(data[at+2:at+2+n]); at+=2+n\n"
        "number=int(os.environ['DISPLAY'].split(':')[1].split('.')[0])\n"
        "assert fields[1]==str(number).encode() and os.stat(os.environ['XAUTHORITY']).st_mode & 0o77 == 0\n"
        "s=socket.create_connection(('127.0.0.1',6000+number))\n"
        "s.sendall(b'l\\0'+struct.pack('<HHHHH',11,0,len(fields[2]),len(fields[3]),0)+fields[2]+b'\\0'*(-len(fields[2])%4)+fields[3])\n"
        "print(s.recv(100)[:7].decode())\n")
    with Laboratory() as lab:
        with open(lab.home("x.py") if os.path.isdir(lab.home("")) else lab.path("x.py"), "w") as file:
            file.write(program_text)
        place = file.name
        # The client's own way to the display: its cookie, by an xauth of ours.
        with open(lab.path("xauth"), "w") as file:
            file.write(f"#!/bin/sh\necho 'localhost:{number}  MIT-MAGIC-COOKIE-1  {cookie.hex()}'\n")
        os.chmod(lab.path("xauth"), 0o755)
        said = lab.ssh("-Y", "-o", f"XAuthLocation={lab.path('xauth')}", f"python3 {place}", env=dict(os.environ, DISPLAY=f"localhost:{number}.0"), check=False)
        expect(said.stdout == b"DISPLAY\n", f"{said}")
        expect(heard and heard[0].endswith(cookie), f"the client did not find its cookie: {heard}")
        said = lab.ssh("echo ${DISPLAY-none}; ls -d /tmp/portside-x11-* 2>/dev/null | wc -l", check=False)
        expect(said.stdout.split()[0] == b"none", f"{said}")
        lab.portside("account", "set", "ann", "--role", "staff")
        said = lab.ssh("-Y", "-o", f"XAuthLocation={lab.path('xauth')}", "true", env=dict(os.environ, DISPLAY=f"localhost:{number}.0"), check=False)
        expect(b"X11 forwarding request failed" in said.stderr or said.returncode != 0, f"without the permission: {said}")


def published():
    """The fingerprints of the host keys stand in the zone (SSHFP), as ssh-keygen makes them."""
    with Laboratory(edit=[("[dns]\n", '[dns]\npublish  = ["sshfp"]\n')]) as lab:
        dns = next(s["port"] for s in lab.services if s["name"] == "dns" and s["transport"] == "tcp")

        def asked():
            said = run(["dig", "+tcp", "+short", "-p", str(dns), "@127.0.0.1", "srv.lab.test", "SSHFP"], check=False).stdout.decode()
            return sorted("".join(line.split()).lower() for line in said.splitlines())

        def wanted():
            lines = []
            for kind in ("ed25519", "rsa", "ecdsa"):
                said = run(["ssh-keygen", "-r", "srv.lab.test", "-f", f"{lab.data}/ssh/host_{kind}.pub"]).stdout.decode()
                lines += ["".join(line.split()[3:]).lower() for line in said.splitlines() if line.split()[4] == "2"]
            return sorted(lines)

        end = time.monotonic() + 60
        while asked() != wanted():
            expect(time.monotonic() < end, f"{asked()} and not {wanted()}")
            time.sleep(0.5)
        expect(len(wanted()) == 3, f"{wanted()}")


def known_hosts():
    """The probe judges OpenSSH's server by a known_hosts file that OpenSSH has written: names, hashes, authorities, revocations."""
    import socket
    import tempfile

    folder = tempfile.mkdtemp(prefix="portside-sshd-")
    path = lambda name: os.path.join(folder, name)
    for name in ("host", "ca", "other"):
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path(name)])
    public = {name: open(path(name + ".pub")).read().strip() for name in ("host", "ca", "other")}
    # Below the ports that the kernel gives away.
    import random
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
                break
            except OSError:
                pass

    def sign(*options):
        run(["ssh-keygen", "-q", "-s", path("ca"), "-I", "the host", "-h", *options, path("host.pub")])

    with open(path("config"), "w") as file:
        file.write(f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {path('host')}\nHostCertificate {path('host-cert.pub')}\nPidFile none\n")
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)

    def probe(known, certified):
        with open(path("known"), "w") as file:
            file.write(known)
        if "|" not in known and "HASH" in known:
            with open(path("known"), "w") as file:
                file.write(known.replace("HASH ", ""))
            run(["ssh-keygen", "-H", "-f", path("known")])
        result = run([program, "probe", f"ssh://127.0.0.1:{port}", "--known-hosts", path("known")], check=False)
        text = result.stdout.decode() + result.stderr.decode()
        expect(not certified or "host certificate: the host, by SHA256:" in text, f"{known}\n{text}")
        return result.returncode == 0, text

    name = f"[127.0.0.1]:{port}"
    sign("-n", "127.0.0.1", "-V", "-1h:+1h")
    sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", path("config")], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                expect(time.monotonic() < end, "sshd does not listen")
                time.sleep(0.1)
        expect(probe(f"{name} {public['host']}\n", False)[0], "a key that is known")
        expect(probe(f"HASH {name} {public['host']}\n", False)[0], "a hashed name")
        expect(probe(f"@cert-authority {name} {public['ca']}\n", True)[0], "an authority")
        expect(probe(f"@cert-authority * {public['ca']}\n", True)[0], "an authority for all")
        expect(probe(f"@cert-authority * {public['other']}\n{name} {public['host']}\n", False)[0], "another authority, but the key is known")
        for what, known in {"nothing": "", "another key": f"{name} {public['other']}\n", "another name": f"elsewhere {public['host']}\n",
                            "another authority": f"@cert-authority * {public['other']}\n",
                            "an authority as a key": f"{name} {public['ca']}\n",
                            "a revoked key": f"{name} {public['host']}\n@revoked * {public['host']}\n",
                            "a revoked authority": f"@cert-authority * {public['ca']}\n@revoked * {public['ca']}\n"}.items():
            good, text = probe(known, False)
            expect(not good and ("expected" in text or "does not count" in text), f"{what}: {text}")
    finally:
        sshd.terminate()
        sshd.wait()
    for what, options in {"another name": ("-n", "elsewhere"), "all names": (), "long ago": ("-n", "127.0.0.1", "-V", "20200101:20200102")}.items():
        sign(*options)
        sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", path("config")], stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + 30
            while True:
                good, text = probe(f"@cert-authority * {public['ca']}\n", False)
                if "does not count" in text or time.monotonic() > end:
                    break
                time.sleep(0.2)
            expect(not good and "not for this name" in text, f"a certificate for {what}: {text}")
        finally:
            sshd.terminate()
            sshd.wait()


def bad_line():
    """20 ms each way, one packet in a hundred lost, some twice and some out of order; between two networks of their own."""
    if not os.environ.get("OWN_NETWORK"):
        os.environ["OWN_NETWORK"] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    from badline import BadLine

    with BadLine(delay=0.02, loss=0.01, duplicates=0.005, disorder=0.01) as line, Laboratory(edit=[
            ('here = ["127.0.0.1"]', f'here = ["127.0.0.1"]\nline = ["{line.near}"]'), ('[ssh]\non         = ["here"]', '[ssh]\non         = ["here", "line"]')]) as lab:
        content = lab.random_file("big", 10_000_000)
        batch = f"put {lab.path('big')} f\nget f {lab.path('back')}\n"
        options = [*lab.options(), "-o", "RekeyLimit=2M"]
        port = next(s["port"] for s in lab.services if s["name"] == "ssh" and s["address"] == line.near)
        run(line.far("sftp", *options, "-P", str(port), "-b", "-", f"ann@{line.near}"), input=batch.encode())
        expect(lab.read(lab.path("back")) == content, "what came back is not what was sent")
        said = run(line.far("ssh", *options, "-p", str(port), "-l", "ann", line.near, "cat > /dev/null; echo done"), input=content)
        expect(said.stdout == b"done\n", f"{said}")
        expect(line.lost > 50, f"only {line.lost} packets were lost")


cases = {"sftp-extras": sftp_extras, "versions": versions, "host-certificates": host_certificates, "rekey-under-load": rekey_under_load, "bad-line": bad_line, "display": display, "published": published,
         "known-hosts": known_hosts}
cases[case]()
