"""Real clients against the running `portside try`. Usage: laboratory.py PORTSIDE CASE. A peer that is missing is a failure.

As root the laboratory runs as another user: shells of root are not given out.
"""
import asyncio
import base64
import filecmp
import hashlib
import hmac
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from fixture import need, run

program, case = sys.argv[1:3]
USER = 54321


def expect(condition, text):
    if not condition:
        sys.exit(f"{case}: {text}")


class Laboratory:
    """`portside try` in a folder of its own, and a folder for the clients; as a context it ends both."""

    def __init__(self, edit=()):
        self.folder = tempfile.mkdtemp(prefix="ps-ssh-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.user = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
        if self.user:
            os.chown(self.folder, USER, USER)
        self.work = self.folder + "/work"
        os.mkdir(self.work)
        self.data = self.folder + "/data"
        self.start()
        if edit:
            self.stop()
            path = self.data + "/portside.toml"
            text = open(path).read()
            for old, new in edit:
                expect(old in text, f"portside.toml has no {old}")
                text = text.replace(old, new)
            open(path, "w").write(text)
            self.start()
        for name in ("ann", "bob"):
            shutil.copy(f"{self.data}/id_{name}", self.path(f"id_{name}"))
            os.chmod(self.path(f"id_{name}"), 0o600)

    def start(self):
        environment = dict(os.environ, SWIFT_BACKTRACE="enable=no", HOME=self.folder)
        self.log = open(self.folder + "/log", "a")
        self.process = subprocess.Popen([program, "try", "--data", self.data, "--ports", "0", "--json"], cwd="/tmp",
                                        stdout=subprocess.PIPE, stderr=self.log, env=environment, **self.user)
        line = self.process.stdout.readline()
        if not line:
            sys.exit("try did not start:\n" + open(self.folder + "/log").read())
        ready = json.loads(line)
        self.services = ready["services"]
        self.ports = {s["name"]: s["port"] for s in self.services}
        self.port = self.ports["ssh"]
        self.passwords = {account["name"].split("@")[0]: account["password"] for account in ready["accounts"]}

    def stop(self):
        self.process.terminate()
        expect(self.process.wait(30) == 0, "try did not stop with 0:\n" + open(self.folder + "/log").read())

    def portside(self, *words):
        return run([program, *words, "--config", self.data + "/portside.toml"], **self.user).stdout.decode()

    def path(self, name):
        return os.path.join(self.work, name)

    def home(self, name, account="ann"):
        return f"{self.data}/files/home/{account}@lab.test/{name}"

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def random_file(self, name, size):
        content = os.urandom(size)
        with open(self.path(name), "wb") as file:
            file.write(content)
        return content

    def tree(self):
        os.makedirs(self.path("tree/sub"))
        for number in range(20):
            self.random_file(f"tree/f{number}", 3_000 * number)
        self.random_file("tree/sub/a b", 100)

    def same(self, name, other):
        return run(["diff", "-r", self.path(name), other], check=False).returncode == 0

    def options(self, account="ann", batch="yes"):
        return ["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={self.path('known')}", "-o",
                "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "LogLevel=ERROR", "-o", f"BatchMode={batch}",
                "-i", self.path("id_" + account)]

    def ssh(self, *arguments, account="ann", **options):
        return run(["ssh", *self.options(account), "-p", str(self.port), "-l", account, "127.0.0.1", *arguments],
                   **options)

    def wrapper(self, account):
        path = self.path("ssh-" + account)
        with open(path, "w") as file:
            file.write("#!/bin/sh\nexec ssh " + " ".join(self.options(account)) + f" -p {self.port} -l {account} \"$@\"\n")
        os.chmod(path, 0o755)
        return path

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        if kind not in (None, SystemExit):
            sys.stderr.write(open(self.folder + "/log").read()[-3000:])
        shutil.rmtree(self.folder, ignore_errors=True)


def shells():
    with Laboratory() as lab:
        result = lab.ssh("pwd; echo $HOME; exit 3", check=False)
        home = lab.home("").rstrip("/")
        expect(result.returncode == 3 and result.stdout.decode().split() == [home, home], f"{result}")
        expect(b"/dev/pts/" in lab.ssh("-tt", "tty").stdout, "no terminal")
        result = lab.ssh("id", account="bob", check=False)
        expect(result.returncode == 1 and b"neither a shell" in result.stderr, f"bob: {result}")
        lab.tree()
        run(["rsync", "-a", "-e", lab.wrapper("ann"), lab.path("tree/"), "127.0.0.1:copy/"])
        expect(lab.same("tree", lab.home("copy")), "rsync")
        lab.ssh("git init -q --bare repository")
        run(["git", "init", "-q", lab.path("own")])
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        run(["git", "-C", lab.path("own"), *identity, "commit", "-q", "--allow-empty", "-m", "x"])
        run(["git", "-C", lab.path("own"), "push", "-q", f"127.0.0.1:{home}/repository", "HEAD:refs/heads/main"],
            env=dict(os.environ, GIT_SSH=lab.wrapper("ann")))


def files():
    with Laboratory() as lab:
        content = lab.random_file("big", 8_000_000)
        lab.tree()
        for account in ("ann", "bob"):
            batch = "put big\nget big big2\nput -r tree\nrename tree/f1 tree/g1\nls -la tree\ndf\npwd\n"
            command = ["sftp", *lab.options(account), "-P", str(lab.port), "-b", "-", f"{account}@127.0.0.1"]
            output = run(command, input=batch.encode(), cwd=lab.work).stdout.decode()
            expect("Remote working directory: /\n" in output, output)
            expect(lab.read(lab.path("big2")) == content == lab.read(lab.home("big", account)), "sftp")
            expect(os.stat(lab.home("", account)).st_mode & 0o777 == 0o700, "the home's mode")
        scp = ["-P", str(lab.port)]
        for old in ([], ["-O"]):
            arguments = ["scp", *old, *lab.options("bob"), *scp]
            run([*arguments, "-r", "-p", lab.path("tree"), "bob@127.0.0.1:t" + "".join(old)])
            shutil.rmtree(lab.path("back"), ignore_errors=True)
            run([*arguments, "-r", "-p", "bob@127.0.0.1:t" + "".join(old), lab.path("back")])
            expect(lab.same("tree", lab.path("back")), f"scp {old}")
            expect(int(os.stat(lab.path("back/f3")).st_mtime) == int(os.stat(lab.path("tree/f3")).st_mtime), "times")
            os.makedirs(lab.path("some"), exist_ok=True)
            run([*arguments, "bob@127.0.0.1:tree/f1?", lab.path("some")])
            expect(len(os.listdir(lab.path("some"))) == 10, f"a pattern {old}: {os.listdir(lab.path('some'))}")
            result = run([*arguments, "bob@127.0.0.1:../../etc/passwd", lab.path("x")], check=False)
            expect(result.returncode == 1 and not os.path.exists(lab.path("x")), f"{result}")
            result = run([*arguments, lab.path("big"), "bob@127.0.0.1:/none/x"], check=False)
            expect(result.returncode == 1, f"{result}")
        # The shared folder is for those who may see it.
        for account, code in (("ann", 0), ("bob", 1)):
            command = ["sftp", *lab.options(account), "-P", str(lab.port), "-b", "-", f"{account}@127.0.0.1"]
            expect(run(command, input=b"put big /shared/x\n", cwd=lab.work, check=False).returncode == code, account)
        expect(lab.read(lab.data + "/files/shared/x") == content, "the shared file")


def more_clients():
    with Laboratory() as lab:
        content = lab.random_file("big", 4_000_000)
        lab.tree()
        password = lab.passwords["bob"]
        url = f"127.0.0.1:{lab.port}"
        run(["curl", "-sS", "-k", "-u", f"bob:{password}", "-T", lab.path("big"), f"sftp://{url}/up"])
        run(["curl", "-sS", "-k", "-u", f"bob:{password}", f"scp://{url}/up", "-o", lab.path("c1")])
        expect(lab.read(lab.path("c1")) == content, "curl")
        fingerprint = run(["ssh-keygen", "-lf", lab.data + "/ssh/host_ed25519.pub"]).stdout.split()[1].decode()
        base = ["-batch", "-P", str(lab.port), "-pw", password, "-hostkey", fingerprint]
        for way in ("-scp", "-sftp"):
            os.mkdir(lab.home("p" + way, "bob"))
            if lab.user:
                os.chown(lab.home("p" + way, "bob"), USER, USER)
            run(["pscp", "-q", way, "-r", *base, lab.path("tree"), "bob@127.0.0.1:p" + way])
            expect(lab.same("tree", lab.home(f"p{way}/tree", "bob")), f"pscp {way}")
            run(["pscp", "-q", way, *base, "bob@127.0.0.1:up", lab.path("c2")])
            expect(lab.read(lab.path("c2")) == content, f"pscp {way}")
        need("lftp")
        run(["lftp", "-e", f"set sftp:auto-confirm yes; set sftp:connect-program '{lab.wrapper('bob')} -a -x'; "
             f"mirror -R tree l; mirror l l2; bye", "sftp://bob:@127.0.0.1"], cwd=lab.work)
        expect(lab.same("tree", lab.path("l2")), "lftp")
        os.mkdir(lab.path("mount"))
        run(["sshfs", "-o", f"ssh_command={lab.wrapper('bob')}", "bob@127.0.0.1:/", lab.path("mount")])
        try:
            expect(lab.read(lab.path("mount/up")) == content, "sshfs")
            shutil.copy(lab.path("big"), lab.path("mount/new"))
            expect(lab.read(lab.home("new", "bob")) == content, "sshfs")
        finally:
            run(["fusermount", "-u", lab.path("mount")])


def libraries():
    import asyncssh
    import paramiko

    async def with_asyncssh():
        async with asyncssh.connect("127.0.0.1", port=lab.port, username="bob", known_hosts=None, config=None,
                                    client_keys=[lab.path("id_bob")], agent_path=None) as connection:
            async with connection.start_sftp_client() as sftp:
                await sftp.put(lab.path("big"), "a")
                await sftp.get("a", lab.path("c1"))
            await asyncssh.scp(lab.path("tree"), (connection, "s"), recurse=True, preserve=True)
            await asyncssh.scp((connection, "s"), lab.path("s"), recurse=True)

    with Laboratory() as lab:
        content = lab.random_file("big", 4_000_000)
        lab.tree()
        asyncio.run(with_asyncssh())
        expect(lab.read(lab.path("c1")) == content and lab.same("tree", lab.path("s")), "asyncssh")
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect("127.0.0.1", port=lab.port, username="bob", password=lab.passwords["bob"], look_for_keys=False,
                       allow_agent=False)
        sftp = client.open_sftp()
        sftp.put(lab.path("big"), "p")
        sftp.get("p", lab.path("c2"))
        expect(lab.read(lab.path("c2")) == content, "paramiko")
        client.close()


def forwarding():
    def serve(listener, text):
        while True:
            try:
                stream, _ = listener.accept()
            except OSError:
                return
            stream.sendall(text)
            stream.close()

    with Laboratory() as lab:
        listener = socket.create_server(("127.0.0.1", 0))
        text = os.urandom(300_000)
        threading.Thread(target=serve, args=(listener, text), daemon=True).start()
        port = listener.getsockname()[1]
        result = run(["ssh", *lab.options(), "-W", f"127.0.0.1:{port}", "-p", str(lab.port), "ann@127.0.0.1"])
        expect(result.stdout == text, "-W")
        errors = open(lab.path("errors"), "w+")
        process = subprocess.Popen(["ssh", "-o", "LogLevel=INFO", *lab.options(), "-o", "ExitOnForwardFailure=yes", "-N",
                                    "-R", f"0:127.0.0.1:{port}", "-p", str(lab.port), "ann@127.0.0.1"], stderr=errors)
        for _ in range(100):
            found = re.search(r"Allocated port (\d+)", open(lab.path("errors")).read())
            if found:
                break
            time.sleep(0.1)
        expect(found, "no port: " + open(lab.path("errors")).read())
        back = int(found.group(1))
        for address in ("127.0.0.1", "::1"):
            stream = socket.create_connection((address, back), 10)
            received = b""
            while data := stream.recv(65536):
                received += data
            expect(received == text, f"-R on {address}")
        process.terminate()
        process.wait(10)
        time.sleep(0.5)
        try:
            socket.create_connection(("127.0.0.1", back), 2)
            sys.exit("the listener outlives its connection")
        except OSError:
            pass
        for options in (["-R", f"0:127.0.0.1:{port}"], ):
            result = run(["ssh", *lab.options("bob"), "-o", "ExitOnForwardFailure=yes", "-N", *options, "-p",
                          str(lab.port), "bob@127.0.0.1"], check=False)
            expect(result.returncode == 255, f"bob may forward: {options}")
        result = run(["ssh", *lab.options("bob"), "-W", f"127.0.0.1:{port}", "-p", str(lab.port), "bob@127.0.0.1"],
                     check=False)
        expect(result.returncode == 255 and not result.stdout, "bob may connect")
        # Options of the key.
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", lab.path("id_tied")])
        key = open(lab.path("id_tied.pub")).read().strip()
        lab.portside("account", "key", "add", "ann",
                     f'restrict,port-forwarding,permitopen="127.0.0.1:{port}",command="echo forced $SSH_ORIGINAL_COMMAND" {key}')
        tied = ["ssh", *lab.options("tied"), "-p", str(lab.port)]
        expect(run([*tied, "ann@127.0.0.1", "id"]).stdout == b"forced id\n", "a forced command")
        expect(run([*tied, "-W", f"127.0.0.1:{port}", "ann@127.0.0.1"]).stdout == text, "permitopen")
        result = run([*tied, "-W", f"127.0.0.1:{lab.port}", "ann@127.0.0.1"], check=False)
        expect(result.returncode == 255 and not result.stdout, "permitopen did not hold")
        result = run([*tied, "-tt", "ann@127.0.0.1"], check=False)
        expect(b"PTY allocation request failed" in result.stderr, f"restrict: {result}")


def sockets_and_agent():
    with Laboratory() as lab:
        # A Unix socket at the server, reached by the client, and one at the client, reached from the server.
        there = lab.home("there")
        process = subprocess.Popen(["ssh", *lab.options(), "-p", str(lab.port), "ann@127.0.0.1",
                                    f"mkdir -p {lab.home('')} && exec python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); "
                                    f"s.bind(\"{there}\"); s.listen(); print(1, flush=True); c, _ = s.accept(); c.sendall(b\"x\" * 200000)'"],
                                   stdout=subprocess.PIPE)
        expect(process.stdout.readline() == b"1\n", "no listener")
        tunnel = subprocess.Popen(["ssh", *lab.options(), "-N", "-L", f"{lab.path('here')}:{there}", "-p", str(lab.port),
                                   "ann@127.0.0.1"])
        for _ in range(100):
            if os.path.exists(lab.path("here")):
                break
            time.sleep(0.1)
        stream = socket.socket(socket.AF_UNIX)
        stream.connect(lab.path("here"))
        received = b""
        while data := stream.recv(65536):
            received += data
        expect(len(received) == 200_000, f"streamlocal: {len(received)}")
        tunnel.terminate()
        tunnel.wait(10)
        process.wait(10)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(lab.path("own"))
        listener.listen()
        back = lab.home("back")
        tunnel = subprocess.Popen(["ssh", *lab.options(), "-N", "-o", "ExitOnForwardFailure=yes", "-R",
                                   f"{back}:{lab.path('own')}", "-p", str(lab.port), "ann@127.0.0.1"])
        for _ in range(100):
            if os.path.exists(back):
                break
            time.sleep(0.1)
        expect(os.stat(back).st_mode & 0o777 == 0o600, "the socket's mode")
        stream = socket.socket(socket.AF_UNIX)
        stream.connect(back)
        peer, _ = listener.accept()
        peer.sendall(b"hello")
        expect(stream.recv(5) == b"hello", "streamlocal-forward")
        tunnel.terminate()
        tunnel.wait(10)
        for _ in range(50):
            if not os.path.exists(back):
                break
            time.sleep(0.1)
        expect(not os.path.exists(back), "the socket outlives its connection")
        # The client's agent.
        agent = run(["ssh-agent", "-s"]).stdout.decode()
        environment = dict(os.environ, **dict(re.findall(r"(SSH_\w+)=([^;]+)", agent)))
        try:
            run(["ssh-add", "-q", lab.path("id_bob")], env=environment)
            command = ["ssh", *[o for o in lab.options() if o != "IdentityAgent=none"], "-p", str(lab.port)]
            command = [o for index, o in enumerate(command) if not (o == "-o" and command[index + 1:index + 2] == ["-o"])]
            listed = run([*command, "-A", "ann@127.0.0.1", "ssh-add -l; ls -ld $(dirname $SSH_AUTH_SOCK)"], env=environment,
                         check=False)
            expect(b"bob@lab.test (ED25519)" in listed.stdout and b"drwx------" in listed.stdout, f"{listed}")
            expect(b"SSH_AUTH_SOCK=\n" in run([*command, "-a", "ann@127.0.0.1", "echo SSH_AUTH_SOCK=$SSH_AUTH_SOCK"],
                                              env=environment).stdout, "an agent that nobody asked for")
        finally:
            os.kill(int(environment["SSH_AGENT_PID"]), 15)


def certificates():
    folder = tempfile.mkdtemp(prefix="ps-ssh-ca-", dir="/tmp")
    os.chmod(folder, 0o755)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder + "/ca"])
    run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", folder + "/ca_rsa"])
    authorities = ", ".join('"' + open(f"{folder}/{name}.pub").read().strip() + '"' for name in ("ca", "ca_rsa"))
    run(["ssh-keygen", "-q", "-k", "-f", folder + "/krl"])
    os.chmod(folder + "/krl", 0o644)
    auth = (f"[auth]", f"[auth]\nssh_authorities = [{authorities}]\nssh_revoked = \"{folder}/krl\"")
    with Laboratory(edit=[auth]) as lab:
        number = 0

        def attempt(kind, *options, principals="ann", ca="ca", command="echo in", account="ann", more=()):
            nonlocal number
            number += 1
            key = lab.path(f"id_c{number}")
            run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", key])
            run(["ssh-keygen", "-q", "-s", f"{folder}/{ca}", "-I", f"id {number}", "-n", principals, "-z", str(number),
                 *options, key + ".pub"])
            return run(["ssh", *lab.options(f"c{number}"), *more, "-p", str(lab.port), f"{account}@127.0.0.1", command],
                       check=False)

        for kind in ("ed25519", "ecdsa", "rsa"):
            for ca in ("ca", "ca_rsa"):
                result = attempt(kind, ca=ca)
                expect(result.stdout == b"in\n", f"{kind} by {ca}: {result}")
        expect(attempt("ed25519", principals="x,ann@lab.test").stdout == b"in\n", "the full name")
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder + "/other"])
        for options, what in ((dict(principals="bob"), "another's"), (dict(principals="annx"), "a longer name"),
                              (dict(ca="other"), "another authority's"), (dict(account="bob"), "for another account")):
            result = attempt("ed25519", **options)
            expect(result.returncode == 255, f"{what}: {result}")
        expect(attempt("ed25519", "-V", "20200101:20210101").returncode == 255, "an old one")
        expect(attempt("ed25519", "-V", "+1d:+2d").returncode == 255, "one of tomorrow")
        expect(attempt("ed25519", "-h").returncode == 255, "one for hosts")
        expect(attempt("ed25519", "-O", "source-address=10.0.0.0/8").returncode == 255, "from elsewhere")
        expect(attempt("ed25519", "-O", "source-address=127.0.0.0/8").stdout == b"in\n", "from here")
        expect(attempt("ed25519", "-O", "force-command=echo forced").stdout == b"forced\n", "force-command")
        expect(attempt("ed25519", "-O", "critical:new@lab.test=x").returncode == 255, "an unknown critical option")
        result = attempt("ed25519", "-O", "no-pty", more=["-tt"])
        expect(b"PTY allocation request failed" in result.stderr, f"no-pty: {result}")
        # Revoked: by serial, by identifier, by key, by authority; and plain keys.
        last = number
        for specification in (f"serial: {last + 1}", f"id: id {last + 2}", "serial: 1000-2000"):
            with open(folder + "/spec", "w") as file:
                file.write(specification + "\n")
            run(["ssh-keygen", "-q", "-k", "-u", "-f", folder + "/krl", "-s", folder + "/ca.pub", folder + "/spec"])
        expect(attempt("ed25519").returncode == 255, "revoked by serial")
        expect(attempt("ed25519").returncode == 255, "revoked by identifier")
        expect(attempt("ed25519").stdout == b"in\n", "not revoked")
        expect(lab.ssh("echo in").stdout == b"in\n", "ann's key")
        run(["ssh-keygen", "-q", "-k", "-u", "-f", folder + "/krl", lab.data + "/id_ann.pub"])
        expect(lab.ssh("true", check=False).returncode == 255, "a revoked key")
        with open(folder + "/spec", "w") as file:
            file.write("sha256: " + open(folder + "/ca_rsa.pub").read())
        run(["ssh-keygen", "-q", "-k", "-u", "-f", folder + "/krl", folder + "/spec"])
        expect(attempt("ed25519", ca="ca_rsa").returncode == 255, "a revoked authority")
        expect(attempt("ed25519").stdout == b"in\n", "the other authority")
        with open(folder + "/krl", "w") as file:
            file.write("no list")
        expect(attempt("ed25519").returncode == 255, "a list that can't be read")
    shutil.rmtree(folder)


def ansible():
    """Files by SFTP or SCP at the paths that the shell tells, modules over many channels of one connection.

    With ansible_user it would look for ~ann, which only a user of the system has.
    """
    with Laboratory() as lab:
        content = lab.random_file("big", 300_000)
        arguments = " ".join(lab.options()[:-2])
        with open(lab.path("inventory"), "w") as file:
            file.write(f"server ansible_host=127.0.0.1 ansible_port={lab.port} "
                       f"ansible_ssh_private_key_file={lab.path('id_ann')} ansible_python_interpreter=/usr/bin/python3 "
                       f"ansible_ssh_common_args='{arguments} -o User=ann'\n")
        for method in ("sftp", "scp"):
            environment = dict(os.environ, ANSIBLE_SSH_TRANSFER_METHOD=method, HOME=lab.work, LC_ALL="C.UTF-8",
                               ANSIBLE_SSH_CONTROL_PATH_DIR=lab.work, ANSIBLE_LOCAL_TEMP=lab.work)
            base = [sys.executable, "-m", "ansible", "adhoc", "-i", lab.path("inventory"), "all"]
            expect(b"pong" in run([*base, "-m", "ping"], env=environment, timeout=120).stdout, f"ping by {method}")
            result = run([*base, "-m", "copy", "-a", f"src={lab.path('big')} dest=~/copied-{method} mode=0600"],
                         env=environment, timeout=120)
            expect(os.path.exists(lab.home(f"copied-{method}")), result.stdout.decode())
            expect(lab.read(lab.home(f"copied-{method}")) == content, f"copy by {method}")
            run([*base, "-m", "fetch", "-a", f"src=~/copied-{method} dest={lab.path('fetched-' + method)} flat=yes"],
                env=environment, timeout=120)
            expect(lab.read(lab.path("fetched-" + method)) == content, f"fetch by {method}")


def quotas():
    with Laboratory() as lab:
        lab.portside("account", "set", "bob", "--quota", "10MB")
        lab.random_file("six", 6_000_000)
        command = ["sftp", *lab.options("bob"), "-P", str(lab.port), "-b", "-", "bob@127.0.0.1"]
        run(command, input=b"put six a\n", cwd=lab.work)
        result = run(command, input=b"put six b\n", cwd=lab.work, check=False)
        expect(result.returncode == 1, f"{result}")
        result = run(["scp", "-O", *lab.options("bob"), "-P", str(lab.port), lab.path("six"), "bob@127.0.0.1:c"], check=False)
        expect(result.returncode == 1 and b"Quota exceeded" in result.stderr, f"{result}")
        run(command, input=b"rm a\nrm b\nrm c\nput six d\n", cwd=lab.work)


def one_time_code(secret):
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    place = digest[19] & 15
    return f"{(struct.unpack('>I', digest[place:place + 4])[0] & 0x7fffffff) % 1_000_000:06}"


def log_in():
    import paramiko
    with Laboratory() as lab:
        for method in ("password", "keyboard-interactive"):
            for password, code in ((lab.passwords["bob"], 0), ("wrong", 255)):
                command = ["sshpass", "-p", password, "sftp", *lab.options("bob", batch="no"), "-o",
                           "PubkeyAuthentication=no", "-o", f"PreferredAuthentications={method}", "-o",
                           "NumberOfPasswordPrompts=1", "-P", str(lab.port), "bob@127.0.0.1"]
                result = run(command, input=b"pwd\n", check=False)
                expect(result.returncode == code or code and result.returncode, f"{method}: {result}")
        secret = re.search(r"secret=([A-Z2-7]+)", lab.portside("account", "totp", "begin", "bob")).group(1)
        lab.portside("account", "totp", "confirm", "bob", one_time_code(secret))
        # The code that confirmed is used up.
        time.sleep(30 - time.time() % 30 + 0.5)
        prompts = []

        def answer(title, instructions, questions):
            prompts.extend(text for text, _ in questions)
            return [lab.passwords["bob"] if "Password" in text else one_time_code(secret) for text, _ in questions]

        transport = paramiko.Transport(("127.0.0.1", lab.port))
        transport.start_client(timeout=20)
        transport.auth_interactive("bob", answer)
        expect(transport.is_authenticated() and prompts == ["Password: ", "Verification code: "], f"{prompts}")
        transport.close()
    with Laboratory(edit=[("shell      = \"os\"", "shell = \"os\"\nmethods = [\"publickey,password\"]")]) as lab:
        expect(lab.ssh("true", check=False).returncode == 255, "a key alone was enough")
        command = ["sshpass", "-p", lab.passwords["ann"], "ssh", *lab.options("ann", batch="no"), "-p", str(lab.port),
                   "ann@127.0.0.1", "echo in"]
        expect(run(command).stdout == b"in\n", "key and password")


def host_keys():
    with Laboratory() as lab:
        keys = {name: lab.read(f"{lab.data}/ssh/host_{name}.pub") for name in ("ed25519", "ecdsa", "rsa")}
        for name in keys:
            path = f"{lab.data}/ssh/host_{name}"
            expect(os.stat(path).st_mode & 0o777 == 0o600, f"{path} is open to others")
            expect(b"PRIVATE KEY" not in lab.read(path) and b"openssh-key" not in lab.read(path), f"{path} is not sealed")
        for algorithm in ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"):
            lab.ssh("-o", f"HostKeyAlgorithms={algorithm}", "true")
        scanned = run(["ssh-keyscan", "-p", str(lab.port), "127.0.0.1"]).stdout
        expect(all(key.split()[1] in scanned for key in keys.values()), "keyscan")
        # The client learns of the other keys (hostkeys-00@openssh.com).
        known = lab.path("learnt")
        with open(known, "w") as file:
            file.write(f"[127.0.0.1]:{lab.port} " + keys["ed25519"].decode())
        run(["ssh", "-o", f"UserKnownHostsFile={known}", "-o", "UpdateHostKeys=yes", "-o", "StrictHostKeyChecking=yes",
             *lab.options(), "-p", str(lab.port), "ann@127.0.0.1", "sleep 1"])
        expect(all(key.split()[1] in lab.read(known) for key in keys.values()), "rotation")
        lab.stop()
        lab.start()
        expect(keys == {name: lab.read(f"{lab.data}/ssh/host_{name}.pub") for name in keys}, "keys changed")
        lab.ssh("true")
        # With another key of the server they don't open, and nobody makes new ones without a word.
        lab.stop()
        content = bytearray(lab.read(lab.data + "/ssh/host_rsa"))
        content[100] ^= 1
        open(lab.data + "/ssh/host_rsa", "wb").write(content)
        process = subprocess.run([program, "try", "--data", lab.data, "--ports", "0", "--json"], timeout=60, cwd="/tmp",
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, **lab.user)
        expect(process.returncode != 0 and b"can't be opened with server.key" in process.stderr, f"{process}")
        lab.process = process
        lab.process.poll = lambda: 1


def audit():
    with Laboratory(edit=[("shell      = \"os\"", "shell = \"os\"\nalgorithms = \"hardened\"")]) as lab:
        lab.ssh("true")
        policy = lab.path("policy")
        with open(policy, "w") as file:
            # ssh-audit's own policy for hardened servers (OpenSSH 10.0), as the most that may be offered.
            file.write("""name = "hardened"
version = 1
allow_algorithm_subset_and_reordering = true
host keys = rsa-sha2-512, rsa-sha2-256, ssh-ed25519
key exchanges = mlkem768x25519-sha256, sntrup761x25519-sha512, sntrup761x25519-sha512@openssh.com, curve25519-sha256, curve25519-sha256@libssh.org, ext-info-s, kex-strict-s-v00@openssh.com
ciphers = chacha20-poly1305@openssh.com, aes256-gcm@openssh.com, aes256-ctr, aes192-ctr, aes128-gcm@openssh.com, aes128-ctr
macs = hmac-sha2-512-etm@openssh.com, hmac-sha2-256-etm@openssh.com, umac-128-etm@openssh.com
""")
        tool = os.path.join(os.path.dirname(sys.executable), "ssh-audit")
        result = run([tool, "-P", policy, "-p", str(lab.port), "127.0.0.1"], check=False)
        expect(result.returncode == 0, result.stdout.decode())
        result = run([tool, "-j", "-p", str(lab.port), "127.0.0.1"], check=False)
        found = json.loads(result.stdout)
        failures = [entry["algorithm"] for kind in ("kex", "key", "enc", "mac") for entry in found[kind]
                    if entry.get("notes", {}).get("fail")]
        expect(failures == [] and not found.get("cves"), f"{failures} {found.get('cves')}")


def probes():
    with Laboratory() as lab:
        place = f"127.0.0.1:{lab.port}"
        text = run([program, "probe", f"ssh://{place}"]).stdout.decode()
        expect("host key: ssh-ed25519 SHA256:" in text and "log-in by: publickey" in text, text)
        text = run([program, "probe", f"ssh://ann@lab.test@{place}/echo%20from%20here", "--identity",
                    lab.path("id_ann"), "--host-keys", lab.data + "/ssh/host_ed25519.pub"]).stdout.decode()
        expect("as expected" in text and "\nfrom here\n" in text, text)
        text = run([program, "probe", f"sftp://ann@{place}/", "--identity", lab.path("id_ann")]).stdout.decode()
        expect(re.search(r"^d.* shared$", text, re.M), text)
        result = run([program, "probe", f"ssh://{place}", "--host-keys", lab.data + "/id_bob.pub"], check=False)
        expect(result.returncode == 1 and b"not the one that is expected" in result.stdout, f"{result}")
        result = run([program, "probe", f"ssh://ann@{place}/id"], env=dict(os.environ, PORTSIDE_PASSWORD="wrong"),
                     check=False)
        expect(result.returncode == 1 and b"log-in failed" in result.stdout, f"{result}")
        # What other services say is theirs.
        command = [program, "check", "--config", lab.data + "/portside.toml"]
        text = run(command, check=False, **lab.user).stdout.decode()
        expect(re.search(r"PASS +ssh tcp 127.0.0.1", text) and re.search(r"PASS +folder .*/files/shared", text), text)


cases = {"shells": shells, "files": files, "more-clients": more_clients, "libraries": libraries,
         "forwarding": forwarding, "sockets-and-agent": sockets_and_agent, "certificates": certificates,
         "ansible": ansible, "quotas": quotas,
         "log-in": log_in, "host-keys": host_keys, "audit": audit, "probes": probes}
if __name__ == "__main__":
    cases[case]()
