"""Sessions of the operating system's accounts: `portside serve` as root, with accounts that this script makes and removes.
Usage: system.py PORTSIDE. As root alone; says nothing when all is well."""
import json
import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from fixture import run

program = sys.argv[1]
TAG = "ps" + secrets.token_hex(3)
NOBODY = pwd.getpwnam("nobody")


def expect(condition, text):
    if not condition:
        sys.exit(f"system accounts: {text}")


def until(condition, text, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < end, text)
        time.sleep(0.1)


class Server:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="ps-system-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.data = self.folder + "/data"
        self.config = self.data + "/portside.toml"
        first = subprocess.Popen([program, "try", "--data", self.data, "--ports", "0", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        ready = json.loads(first.stdout.readline())
        expect(ready["event"] == "ready", f"{ready}")
        first.terminate()
        first.wait(30)
        text = open(self.config).read()
        for old, new in (("[server]", '[server]\nuser = "nobody"'), ('shell      = "os"', 'shell      = "system"'),
                         ("[roles]", '[roles]\ndev = ["shell", "files:home"]')):
            expect(old in text, f"portside.toml has no {old}")
            text = text.replace(old, new)
        # Any free ports: `try --ports 0` has them for one run, and other tests run beside this one.
        text = re.sub(r"(?m)^(\w*port\s*= )\d+", r"\g<1>0", text)
        open(self.config, "w").write(text)
        subprocess.run(["chown", "-R", "nobody:" + str(NOBODY.pw_gid), self.data], check=True)
        # What seals everything else is root's.
        os.chown(self.data + "/key", 0, 0)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder + "/id"], check=True)
        self.log = open(self.folder + "/log", "w+")
        self.process = subprocess.Popen([program, "serve", "--config", self.config], stderr=self.log)
        until(lambda: run([program, "status", "--config", self.config], check=False).returncode == 0, "serve does not start: " + self.words())
        status = run([program, "status", "--json", "--config", self.config]).stdout.decode()
        self.port = int(re.search(r'"ssh\.port tcp[^}]*?"port":(\d+)', status).group(1))

    def words(self):
        return open(self.folder + "/log").read()[-4000:]

    def account(self, name, role="dev"):
        run([program, "account", "add", name, "--role", role, "--no-password", "--config", self.config])
        run([program, "account", "key", "add", name, open(self.folder + "/id.pub").read().strip(), "--config", self.config])

    def options(self):
        return ["-F", "none", "-q", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes",
                "-o", "IdentityAgent=none", "-i", self.folder + "/id"]

    def ssh(self, name, *words, **more):
        return run(["ssh", *self.options(), "-p", str(self.port), "-l", name, "127.0.0.1", *words], check=False, **more)

    def sftp(self, name, batch):
        return run(["sftp", *self.options(), "-P", str(self.port), "-b", "-", f"{name}@127.0.0.1"], input=batch.encode(), check=False)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


class Users:
    def __init__(self):
        self.made = []

    def add(self, name, *words):
        subprocess.run(["useradd", "-m", "-s", "/bin/bash", *words, name], check=True, capture_output=True)
        self.made.append(name)
        return pwd.getpwnam(name)

    def remove(self):
        for name in self.made:
            subprocess.run(["pkill", "-KILL", "-u", name], capture_output=True)
            subprocess.run(["userdel", "-rf", name], capture_output=True)


def shells(server, name, entry):
    said = server.ssh(name, "id -un; id -Gn; pwd; echo $HOME $USER $LOGNAME $SHELL; umask; exit 3")
    lines = said.stdout.decode().splitlines()
    groups = set(run(["id", "-Gn", name]).stdout.decode().split())
    expect(said.returncode == 3 and lines[0] == name and set(lines[1].split()) == groups and "games" in groups, f"{said}")
    expect(lines[2] == entry.pw_dir and lines[3] == f"{entry.pw_dir} {name} {name} /bin/bash", f"{said}")
    said = server.ssh(name, "cat /etc/shadow; echo err >&2; kill -TERM $$")
    expect(b"denied" in said.stderr and b"err" in said.stderr and said.returncode != 0 and not said.stdout, f"{said}")
    said = server.ssh(name, "-tt", "tty; stat -c '%U %a' $(tty); echo $SSH_TTY $TERM; stty size", env=dict(os.environ, TERM="vt220"))
    lines = said.stdout.decode().split()
    expect(lines[0].startswith("/dev/pts/") and lines[1:3] == [name, "620"] and lines[3:5] == [lines[0], "vt220"], f"{said}")
    login = server.ssh(name, "-tt", input=b"shopt -q login_shell && echo it-is-one; exit 7\n")
    expect(login.returncode == 7 and b"it-is-one" in login.stdout, f"{login}")
    # What PAM's modules set.
    said = server.ssh(name, "ulimit -n")
    expect(said.stdout.strip() == b"333", f"pam_limits: {said}")


def record(server, name):
    with subprocess.Popen(["ssh", *server.options(), "-tt", "-p", str(server.port), "-l", name, "127.0.0.1"], stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as session:
        until(lambda: name in run(["who"]).stdout.decode(), "who does not show the session")
        line = next(l for l in run(["who"]).stdout.decode().splitlines() if name in l)
        expect("pts/" in line and "127.0.0.1" in line, line)
        # The client vanishes: what it ran is hung up.
        session.kill()
    until(lambda: name not in run(["who"]).stdout.decode(), "who still shows the session")
    until(lambda: run(["pgrep", "-u", name], check=False).returncode == 1, "its processes live on")


def files(server, name, entry):
    content = os.urandom(3_000_000)
    path = server.folder + "/big"
    open(path, "wb").write(content)
    os.symlink("/etc/hostname", entry.pw_dir + "/absolute")
    said = server.sftp(name, f"put {path} there\nget there {path}2\npwd\nget absolute {path}3\nmkdir made\nrename there made/there\n")
    expect(said.returncode == 0 and f"working directory: {entry.pw_dir}".encode() in said.stdout, f"{said}")
    status = os.stat(entry.pw_dir + "/made/there")
    expect((status.st_uid, status.st_gid) == (entry.pw_uid, entry.pw_gid) and open(path + "2", "rb").read() == content, f"{status}")
    expect(open(path + "3", "rb").read() == open("/etc/hostname", "rb").read(), "an absolute link")
    for line in ("get /etc/shadow /tmp/none", "put " + path + " /etc/none", "rm /etc/hostname"):
        expect(server.sftp(name, line + "\n").returncode != 0, line)
    expect(run(["scp", "-O", *server.options(), "-P", str(server.port), path, f"{name}@127.0.0.1:by-scp"], check=False).returncode == 0, "scp")
    expect(os.stat(entry.pw_dir + "/by-scp").st_uid == entry.pw_uid, "scp's owner")


def refusals(server, users, name):
    expired = TAG + "x"
    users.add(expired)
    run(["chage", "-E", "1", expired])
    server.account(expired)
    said = server.ssh(expired, "id")
    expect(said.returncode == 1 and b"does not let this account in" in said.stderr and not said.stdout, f"expired: {said}")
    shell = TAG + "n"
    users.add(shell, "-s", "/usr/sbin/nologin")
    server.account(shell)
    expect(b"not available" in server.ssh(shell, "id").stdout, "nologin")
    server.account("root")
    said = server.ssh("root", "id")
    expect(said.returncode == 1 and b"root has no sessions" in said.stderr and not said.stdout, f"root: {said}")
    # Known to this server alone: its files, and no shell.
    server.account(TAG + "v")
    expect(b"neither a shell" in server.ssh(TAG + "v", "id").stderr, "no account of the system")
    expect(server.sftp(TAG + "v", "mkdir own\nls\n").returncode == 0, "its files")
    # Without the permission: the server's files, not the system's.
    run([program, "account", "set", name, "--role", "staff", "--config", server.config])
    expect(b"neither a shell" in server.ssh(name, "id").stderr, "without the permission")
    run([program, "account", "set", name, "--role", "dev", "--config", server.config])
    # The gate looks once more: whoever is shut out has nothing any more.
    run([program, "account", "disable", name, "--config", server.config])
    expect(server.ssh(name, "id").returncode == 255, "a disabled account")
    run([program, "account", "enable", name, "--config", server.config])


def helper(server, name):
    """The helper believes nobody but the gate."""
    path = server.data + "/run/sessions.sock"
    ask = ("import json,socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.settimeout(20)\ns.connect(sys.argv[1])\n"
           "s.sendall(sys.argv[2].encode()+b'\\n')\nprint(s.recv(4096).decode())\n")
    forged = json.dumps({"ticket": sys.argv[0], "program": {"shell": {}}, "environment": [], "host": "127.0.0.1", "connection": "x"})
    ticket = "eyJhY2NvdW50IjoicSIsInVzZXIiOiIlcyIsImV4cGlyZXMiOjk5OTk5OTk5OTl9.AAAA"
    for words in (forged, forged.replace(json.dumps(sys.argv[0]), json.dumps(ticket)), "nonsense", "x" * 300_000):
        said = run(["setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups", "python3", "-c", ask, path, words[:100_000]], check=False)
        expect(b"started" not in said.stdout, f"a forged ticket: {said}")
    said = run(["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", "python3", "-c", ask, path, forged], check=False)
    expect(said.returncode != 0 and b"Permission" in said.stderr, f"another user asks: {said}")


def main():
    users, server = Users(), Server()
    limits = f"/etc/security/limits.d/{TAG}.conf"
    try:
        if not os.path.exists("/var/run/utmp"):
            open("/var/run/utmp", "w").close()
        with open(limits, "w") as file:
            file.write(f"{TAG} hard nofile 333\n{TAG} soft nofile 333\n")
        entry = users.add(TAG, "-G", "games")
        server.account(TAG)
        shells(server, TAG, entry)
        files(server, TAG, entry)
        record(server, TAG)
        refusals(server, users, TAG)
        helper(server, TAG)
        for pid in open(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read().split():
            status = open(f"/proc/{pid}/status").read()
            expect("Uid:\t0\t" not in status, f"a process of root is left: {open(f'/proc/{pid}/cmdline').read()}")
        log = server.words()
        expect(len(re.findall("crash", log)) == 0, log)
    except BaseException:
        sys.stderr.write(server.words())
        raise
    finally:
        server.stop()
        users.remove()
        if os.path.exists(limits):
            os.unlink(limits)
        shutil.rmtree(server.folder, ignore_errors=True)


main()
