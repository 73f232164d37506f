"""What the scripts of this folder share: portside in a mount namespace of its own, in which the laboratory's names have
addresses, and ports that nobody else has."""
import json
import os
import random
import re
import signal
import socket
import subprocess


def free():
    # Below those that the kernel gives to connections going out: a test beside this one makes many.
    while True:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            port = random.randrange(20000, 32000)
            try:
                stream.bind(("127.0.0.1", port))
                datagram.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def named(folder):
    """A command's beginning by which the names of lab.test lead to this machine."""
    hosts = f"{folder}/hosts"
    with open("/etc/hosts") as own, open(hosts, "w") as file:
        file.write(own.read() + "\n127.0.0.1 srv.lab.test www.lab.test\n")
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "x"]


class Lab:
    def __init__(self, program, folder, edits=()):
        self.program, self.data = program, f"{folder}/lab"
        self.errors = open(f"{folder}/errors", "w")
        self.before = named(folder)
        self.start(["--ports", "0"])
        self.stop()
        # Ports of our own, which are known before the start.
        section, self.fixed, lines = "", {}, []
        for line in open(f"{self.data}/portside.toml").read().split("\n"):
            if line.startswith("["):
                section = line[1 : line.index("]")]
            found = re.match(r"(\w*port)\s*= (\d+)", line)
            if found and int(found[2]) >= 10000:
                self.fixed[f"{section}.{found[1]}"] = free()
                line = f"{found[1]} = {self.fixed[f'{section}.{found[1]}']}"
            lines.append(line)
        # The laboratory listens on IPv4 alone.
        zone = f"{self.data}/zones/lab.test.zone"
        text = re.sub(r" *IN AAAA ::1\n", "", open(zone).read())
        open(zone, "w").write(text)
        text = "\n".join(lines)
        for old, new in edits(self) if callable(edits) else edits:
            assert old in text, old
            text = text.replace(old, new)
        open(f"{self.data}/portside.toml", "w").write(text)
        self.start([])

    def start(self, arguments):
        self.process = subprocess.Popen(
            self.before + [self.program, "try", "--data", self.data, "--json"] + arguments,
            stdout=subprocess.PIPE, stderr=self.errors)
        self.ready = json.loads(self.process.stdout.readline())
        self.port = {s["name"]: s["port"] for s in self.ready["services"] if s["transport"] == "tcp"}
        self.name, self.password = self.ready["accounts"][0]["name"], self.ready["accounts"][0]["password"]
        self.ca = self.ready["ca"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def run(self, words, seconds=120, **more):
        environment = dict(os.environ, **more.pop("env", {}))
        return subprocess.run(
            self.before + words, capture_output=True, text=True, timeout=seconds, env=environment, **more)
