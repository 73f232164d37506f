"""Portside, knotd and named as processes on loopback, each in a folder of its own, for replication.py."""

import base64
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.zone

HOST = "127.0.0.1"
WAIT = 40


def free_port():
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            # Below those that the kernel gives to connections going out: a test beside this one makes many.
            port = random.randrange(20000, 32000)
            try:
                udp.bind((HOST, port))
                tcp.bind((HOST, port))
            except OSError:
                continue
            return port


def until(what, condition, seconds=WAIT):
    end = time.time() + seconds
    last = None
    while time.time() < end:
        try:
            last = condition()
            if last:
                return last
        except (OSError, dns.exception.DNSException) as error:
            last = error
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds} s (last: {last})")


def run(words, input=None, seconds=30):
    result = subprocess.run(words, input=input, capture_output=True, text=True, timeout=seconds)
    return result.returncode, result.stdout + result.stderr


class Key:
    """A TSIG key, in the forms that everybody wants it in."""

    def __init__(self, name, algorithm="hmac-sha256"):
        self.name, self.algorithm = name, algorithm
        self.secret = base64.b64encode(os.urandom(64 if algorithm == "hmac-sha512" else 32)).decode()

    def kdig(self):
        return f"{self.algorithm}:{self.name}:{self.secret}"

    def bind(self):
        return f'key "{self.name}" {{ algorithm {self.algorithm}; secret "{self.secret}"; }};\n'

    def knot(self):
        return f"  - id: {self.name}\n    algorithm: {self.algorithm}\n    secret: {self.secret}\n"

    def ring(self):
        return dns.tsigkeyring.from_text({self.name: (self.algorithm, self.secret)})


class Server:
    def __init__(self, name):
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix=f"dns-{name}-")
        os.chmod(self.folder, 0o755)
        self.process = None
        self.log = os.path.join(self.folder, "log")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def spawn(self, words, environment=None):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                words, stdout=log, stderr=log, cwd=self.folder, env={**os.environ, **(environment or {})})

    def stop(self, kill=False):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def text(self):
        with open(self.log) as log:
            return log.read()

    def ask(self, name, rdtype, tcp=False, keyring=None, **options):
        query = dns.message.make_query(name, rdtype, use_edns=0, payload=1232, **options)
        if keyring:
            query.use_tsig(keyring)
        function = dns.query.tcp if tcp else dns.query.udp
        return function(query, HOST, port=self.port, timeout=5)

    def serial(self, zone):
        answer = self.ask(zone, "SOA")
        return answer.answer[0][0].serial if answer.rcode() == 0 and answer.answer else None

    def records(self, zone, key=None):
        """All records of a zone as lines, by AXFR."""
        words = ["kdig", "-p", str(self.port), f"@{HOST}", zone, "AXFR", "+nocomments", "+nostats", "+noall", "+answer"]
        if key:
            words += ["-y", key.kdig()]
        code, output = run(words)
        lines = [re.sub(r"\s+", " ", line).lower().replace("\"", "") for line in output.splitlines() if line and not line.startswith(";")]
        return sorted(set(lines))


class Portside(Server):
    def __init__(self, program):
        super().__init__("portside")
        self.program = program
        self.sections = ""

    def configure(self, zones, more="", keys=(), tls="\"off\""):
        entries = []
        for key in keys:
            path = self.write(f"{key.name}.key", key.secret + "\n", 0o600)
            entries.append(f'{{ name = "{key.name}", algorithm = "{key.algorithm}", secret = "file:{path}" }}')
        user = 'user = "nobody"' if os.geteuid() == 0 else ""
        self.write("portside.toml", f"""
[server]
hostname = "srv.lab.test"
data = "{self.folder}/data"
key = "file:{self.folder}/key"
{user}

[listen]
here = ["{HOST}"]

[tls]
issuer = "internal-ca"

[dns]
on = ["here"]
port = {self.port}
tls_port = {tls}
rate_limit = 0
zones = [{zones}]
tsig = [{", ".join(entries)}]
{more}
""")
        return self

    def start(self):
        self.started = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        self.spawn([self.program, "serve", "--config", self.path("portside.toml")])
        until("portside is ready", lambda: '"worker ready","worker":"names"' in self.text()[self.started:])
        return self

    def reload(self):
        code, output = run([self.program, "reload", "--config", self.path("portside.toml")])
        assert code == 0, output


class Knot(Server):
    def __init__(self):
        super().__init__("knot")

    def start(self, zones, remotes="", acls="", keys=(), templates=""):
        self.write("knot.conf", f"""server:
    rundir: "{self.folder}"
    listen: {HOST}@{self.port}
database:
    storage: "{self.folder}"
control:
    listen: "{self.folder}/knot.sock"
log:
  - target: stderr
    any: debug
{"key:" if keys else ""}
{"".join(key.knot() for key in keys)}
{remotes}
{acls}
template:
  - id: default
    storage: "{self.folder}"
{templates}
zone:
{zones}
""")
        self.spawn(["knotd", "-c", self.path("knot.conf")])
        until("knotd runs", lambda: "server started" in self.text())
        return self

    def control(self, *words):
        return run(["knotc", "-s", self.path("knot.sock"), *words])


class Named(Server):
    def start(self, zones, keys=(), options=""):
        self.write("named.conf", f"""{"".join(key.bind() for key in keys)}
options {{
    directory "{self.folder}";
    listen-on port {self.port} {{ {HOST}; }};
    listen-on-v6 {{ none; }};
    pid-file "{self.folder}/named.pid";
    session-keyfile "{self.folder}/session.key";
    recursion no;
    dnssec-validation no;
    notify-delay 0;
    serial-query-rate 1000;
    minimal-responses no;
    {options}
}};
controls {{ }};
{zones}
""")
        self.spawn(["named", "-g", "-c", self.path("named.conf")])
        until("named runs", lambda: "running" in self.text())
        return self

    def __init__(self):
        super().__init__("named")


def zone_text(serial, names, refresh=3600, retry=600, expire=604800):
    lines = [f"@ SOA ns1 hostmaster {serial} {refresh} {retry} {expire} 60", "@ NS ns1", "ns1 A 192.0.2.1"]
    return "$TTL 300\n" + "\n".join(lines + names) + "\n"


kept = []


def keep(server):
    """A server that goes when the case is over."""
    kept.append(server)
    return server


def run_case(case):
    """Runs one case; says `passed`, or what went wrong and what each server has logged, and ends the script."""
    failed = False
    try:
        case()
    except BaseException:
        failed = True
        traceback.print_exc()
        for server in kept:
            if os.path.exists(server.log):
                print(f"--- {type(server).__name__} on {server.port}\n{server.text()[-3000:]}")
    finally:
        for server in kept:
            server.remove()
    print("failed" if failed else "passed")
    sys.exit(1 if failed else 0)
