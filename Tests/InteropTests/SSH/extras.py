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
        content = lab.random_file("big", 64_000_000)
        control = lab.path("control")
        master = subprocess.Popen(["ssh", *lab.options(), "-o", "RekeyLimit=1M", "-o", f"ControlPath={control}", "-M", "-N", "-p", str(lab.port), "ann@127.0.0.1"])
        end = time.monotonic() + 30
        while not os.path.exists(control):
            expect(time.monotonic() < end, "no connection")
            time.sleep(0.1)
        results = {}

        def transfer(number):
            batch = f"put {lab.path('big')} f{number}\nget f{number} {lab.path(f'back{number}')}\n"
            results[number] = run(["sftp", "-o", f"ControlPath={control}", "-b", "-", "ann@127.0.0.1"], input=batch.encode(), check=False)

        threads = [threading.Thread(target=transfer, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        master.terminate()
        master.wait()
        for number in range(4):
            expect(results[number].returncode == 0 and lab.read(lab.path(f"back{number}")) == content, f"{number}: {results[number]}")


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


cases = {"sftp-extras": sftp_extras, "versions": versions, "host-certificates": host_certificates, "rekey-under-load": rekey_under_load, "bad-line": bad_line}
cases[case]()
