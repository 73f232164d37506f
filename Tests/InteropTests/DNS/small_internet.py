"""A small Internet on loopback addresses: a root, a top-level domain and leaf zones, signed, served by Knot, NSD and BIND; some
zones broken, some servers slow, lying or dead. To be started inside a network namespace of its own, for port 53."""

import os
import re
import shutil
import socket
import struct
import subprocess
import threading
import time

ROOT, TLD = "127.10.0.1", "127.20.0.1"
BIND, KNOT, NSD = "127.30.0.1", "127.30.0.2", "127.30.0.3"
LIAR, SLOW, DEAD = "127.40.0.1", "127.40.0.2", "127.40.0.3"

# name: (server's addresses, how it is signed, what is wrong with it)
LEAVES = {
    "good": ([BIND], ["-a", "ECDSAP256SHA256"], None),
    "hashed": ([KNOT], ["-a", "ECDSAP256SHA256", "nsec3"], None),
    "optout": ([BIND], ["-a", "ECDSAP256SHA256", "optout"], None),
    "rsa": ([NSD], ["-a", "RSASHA256"], None),
    "rsa512": ([BIND], ["-a", "RSASHA512", "nsec3"], None),
    "p384": ([KNOT], ["-a", "ECDSAP384SHA384"], None),
    "ed": ([NSD], ["-a", "ED25519", "nsec3"], None),
    "unsigned": ([NSD], None, None),
    "nods": ([BIND], ["-a", "ECDSAP256SHA256"], "nods"),
    "expired": ([BIND], ["-a", "ECDSAP256SHA256"], "expired"),
    "future": ([KNOT], ["-a", "ECDSAP256SHA256"], "future"),
    "wrongds": ([BIND], ["-a", "ECDSAP256SHA256"], "wrongds"),
    "stripped": ([NSD], ["-a", "ECDSAP256SHA256"], "stripped"),
    "badsig": ([BIND], ["-a", "ECDSAP256SHA256"], "badsig"),
    "badkey": ([NSD], ["-a", "ECDSAP256SHA256"], "badkey"),
    "nonsec": ([NSD], ["-a", "ECDSAP256SHA256"], "nonsec"),
    "costly": ([KNOT], ["-a", "ECDSAP256SHA256", "costly"], None),
    "oldds": ([BIND], ["-a", "ECDSAP256SHA256"], "oldds"),
    "lied": ([LIAR, BIND], ["-a", "ECDSAP256SHA256"], None),
    "slow": ([SLOW, KNOT], ["-a", "ECDSAP256SHA256"], None),
    "halfdead": ([DEAD, NSD], ["-a", "ECDSAP256SHA256"], None),
    "dead": ([DEAD], ["-a", "ECDSAP256SHA256"], None),
}

LEAF = """
@ 300 SOA ns h 1 3600 600 86400 60
@ 300 NS ns
www 300 A 198.51.100.7
www 300 TXT "some text"
*.wild 300 A 198.51.100.8
a.ent 300 A 198.51.100.9
alias 300 CNAME www.hashed.test.
toexpired 300 CNAME www.expired.test.
tounsigned 300 CNAME www.unsigned.test.
moved 300 DNAME www.good.test.
sub 300 NS ns
_25._tcp 300 TLSA 3 1 1 0011223344556677889900112233445566778899001122334455667788990011
"""


def run(*command, **options):
    result = subprocess.run(command, capture_output=True, text=True, **options)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {result.stdout}{result.stderr}")
    return result.stdout


class SmallInternet:
    def __init__(self, folder):
        self.folder = folder
        self.keys = os.path.join(folder, "keys")
        self.processes = []
        self.zones = {}  # server address: [(apex, file)]
        os.makedirs(self.keys)

    # Zones

    def sign(self, apex, text, signing, fault=None):
        """Writes and signs a zone; returns its file and its DS records as zone file lines."""
        path = os.path.join(self.folder, (apex if apex != "." else "root") + ".zone")
        with open(path, "w") as file:
            file.write(text)
        if signing is None:
            return path, []
        options = [word for word in signing if word not in ("nsec3", "optout", "costly")]
        names = []
        for flags in ([], ["-f", "KSK"]):
            bits = ["-b", "2048"] if "RSA" in options[1] else []
            names.append(run("dnssec-keygen", "-q", "-K", self.keys, *options, *bits, *flags, apex).split()[-1])
        chain = {"nsec3": ["-3", "-", "-H", "0"], "optout": ["-3", "-", "-H", "0", "-A"], "costly": ["-3", "-", "-H", "120"]}
        denial = next((chain[word] for word in signing if word in chain), [])
        life = {"expired": ["-s", "now-5184000", "-e", "now-2592000"], "future": ["-s", "now+2592000", "-e", "now+5184000"]}
        unsigned = text
        run("dnssec-signzone", "-q", "-S", "-P", "-x", "-K", self.keys, "-d", self.keys, "-o", apex,
            *life.get(fault, ["-e", "now+864000"]), *denial, "-f", path + ".signed", path)
        digest = run("dnssec-dsfromkey", "-1" if fault == "oldds" else "-2", os.path.join(self.keys, names[1])).strip().splitlines()
        os.replace(path + ".signed", path)
        self.break_zone(path, fault, unsigned)
        if fault == "wrongds":
            other = run("dnssec-keygen", "-q", "-K", self.keys, *options, "-f", "KSK", "other." + apex).split()[-1]
            line = run("dnssec-dsfromkey", "-2", os.path.join(self.keys, other))
            digest = [line.replace("other.", "", 1).strip()]
        return path, [] if fault == "nods" else digest

    @staticmethod
    def break_zone(path, fault, unsigned):
        with open(path) as file:
            text = file.read()
        if fault == "stripped":
            text = unsigned
        elif fault == "badsig":
            text = text.replace("198.51.100.", "198.51.101.")
        elif fault == "nonsec":
            # The record that covers "nx" is the one before: cut out all but the apex's.
            text = run("ldns-read-zone", path)
            text = "\n".join(line for line in text.splitlines() if "\tNSEC\t" not in line or line.startswith("nonsec."))
        elif fault == "badkey":
            text = run("ldns-read-zone", path)
            text = re.sub(r"(\tDNSKEY\t257 3 13 )(.)", lambda match: match[1] + ("A" if match[2] != "A" else "B"), text)
        with open(path, "w") as file:
            file.write(text + "\n")

    def make_zones(self):
        delegations = ""
        for name, (servers, signing, fault) in LEAVES.items():
            apex = f"{name}.test."
            text = f"$ORIGIN {apex}\n" + LEAF
            if len(servers) > 1:
                text += "@ 300 NS ns2\n"
            for index, server in enumerate(servers):
                owner = "ns" if index == 0 else "ns2"
                text += f"{owner} 300 A {server}\n"
                delegations += f"{apex} 300 NS {owner}.{apex}\n{owner}.{apex} 300 A {server}\n"
            if name == "optout":
                text += "plain 300 NS ns\n"
                path, _ = self.sign("plain.optout.test.", f"$ORIGIN plain.optout.test.\n@ 300 SOA ns h 1 3600 600 86400 60\n"
                                    f"@ 300 NS ns.optout.test.\nwww 300 A 198.51.100.10\n", None)
                self.zones.setdefault(BIND, []).append(("plain.optout.test.", path))
            path, digest = self.sign(apex, text, signing, fault)
            delegations += "".join(re.sub(r" IN DS ", " 300 IN DS ", line) + "\n" for line in digest)
            for server in servers:
                self.zones.setdefault(server, []).append((apex, path))
        path, digest = self.sign("test.", f"$ORIGIN test.\n@ 300 SOA ns h 1 3600 600 86400 60\n@ 300 NS ns\nns 300 A {TLD}\n"
                                 + delegations, ["-a", "ECDSAP256SHA256", "nsec3"])
        self.zones[TLD] = [("test.", path)]
        path, self.anchor = self.sign(".", f"$ORIGIN .\n@ 300 SOA a.root. h.root. 1 3600 600 86400 60\n@ 300 NS a.root.\n"
                                      f"a.root. 300 A {ROOT}\ntest. 300 NS ns.test.\nns.test. 300 A {TLD}\n"
                                      + "\n".join(digest) + "\n", ["-a", "RSASHA256"])
        self.zones[ROOT] = [(".", path)]

    # Servers

    def start(self, *command):
        log = open(os.path.join(self.folder, f"{command[0]}-{len(self.processes)}.log"), "w")
        process = subprocess.Popen(command, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def start_knot(self, address):
        folder = os.path.join(self.folder, "knot-" + address)
        os.makedirs(folder)
        config = os.path.join(folder, "knot.conf")
        with open(config, "w") as file:
            file.write(f'server:\n  rundir: "{folder}"\n  listen: {address}@53\n  udp-workers: 1\n  tcp-workers: 1\n'
                       f'  background-workers: 1\ndatabase:\n  storage: "{folder}"\n'
                       f"template:\n  - id: default\n    semantic-checks: off\n    zonefile-sync: -1\n    journal-content: none\n"
                       "zone:\n")
            for apex, path in self.zones[address]:
                file.write(f'  - domain: "{apex}"\n    file: "{path}"\n')
        self.start("knotd", "-c", config)

    def start_nsd(self, address):
        folder = os.path.join(self.folder, "nsd-" + address)
        os.makedirs(folder)
        config = os.path.join(folder, "nsd.conf")
        with open(config, "w") as file:
            file.write(f'server:\n  ip-address: {address}\n  username: ""\n  chroot: ""\n  zonesdir: ""\n  database: ""\n'
                       f'  pidfile: "{folder}/pid"\n  xfrdfile: "{folder}/xfrd"\n  xfrdir: "{folder}"\n'
                       f'  zonelistfile: "{folder}/zones"\n  server-count: 1\nremote-control:\n  control-enable: no\n')
            for apex, path in self.zones[address]:
                file.write(f'zone:\n  name: "{apex}"\n  zonefile: "{path}"\n')
        self.start("nsd", "-d", "-c", config)

    def start_bind(self, address):
        folder = os.path.join(self.folder, "bind-" + address)
        os.makedirs(folder)
        config = os.path.join(folder, "named.conf")
        with open(config, "w") as file:
            file.write(f'options {{ directory "{folder}"; pid-file "{folder}/pid"; session-keyfile "{folder}/key";\n'
                       f"listen-on {{ {address}; }}; listen-on-v6 {{ none; }}; recursion no; dnssec-validation no;\n"
                       "notify no; check-integrity no; empty-zones-enable no; };\ncontrols { };\n")
            for apex, path in self.zones[address]:
                file.write(f'zone "{apex}" {{ type primary; file "{path}"; }};\n')
        self.start("named", "-f", "-g", "-n", "1", "-c", config)

    def start_servers(self):
        self.start_knot(ROOT)
        self.start_nsd(TLD)
        self.start_bind(BIND)
        self.start_knot(KNOT)
        self.start_nsd(NSD)
        serve_udp(LIAR, lie)
        serve_udp(SLOW, lambda query: relay(query, KNOT, 0.8))

    def wait(self, ask):
        for address, zones in self.zones.items():
            if address in (LIAR, SLOW, DEAD):
                continue
            for _ in range(300):
                if ask(address, zones[-1][0]):
                    break
                time.sleep(0.1)
            else:
                raise SystemExit(f"the server at {address} does not answer; {self.logs()}")

    def logs(self):
        texts = []
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(".log"):
                with open(os.path.join(self.folder, name)) as file:
                    texts.append(f"{name}: {file.read()[-1500:]}")
        return "\n".join(texts)

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def serve_udp(address, answer):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 53))

    def loop():
        while True:
            query, peer = server.recvfrom(4096)

            def reply(query=query, peer=peer):
                answered = answer(query)
                if answered:
                    server.sendto(answered, peer)
            threading.Thread(target=reply, daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()


def lie(query):
    """An address of its own for every name, without a signature."""
    end = query.index(b"\0", 12) + 5
    question = query[12:end]
    record = b"\xc0\x0c\0\1\0\1" + struct.pack(">IH", 300, 4) + bytes([203, 0, 113, 66])
    return query[:2] + b"\x84\0\0\1\0\1\0\0\0\0" + question + record


def relay(query, address, delay):
    time.sleep(delay)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.sendto(query, (address, 53))
        try:
            return client.recv(65535)
        except socket.timeout:
            return None
