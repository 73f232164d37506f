"""Knot and BIND on free loopback ports, serving the zone files of a folder, for the differential runs."""

import os
import random
import socket
import subprocess
import sys
import time

import dns.message
import dns.query
import dns.rcode
import dns.zone

HOST = "127.0.0.1"


def free_port():
    """A port that is free for UDP and TCP alike at this moment."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, socket.socket() as stream:
            # Below those that the kernel gives to connections going out: a test beside this one makes many.
            port = random.randrange(20000, 32000)
            try:
                probe.bind((HOST, port))
                stream.bind((HOST, port))
                return port
            except OSError:
                continue


def read_zone(zonedir, apex):
    return dns.zone.from_file(os.path.join(zonedir, apex + "zone"), origin=apex, relativize=False, check_origin=False)


def copy_for_knot(directory, zonedir, apex):
    """Knot has no $GENERATE: such a file is written out for it."""
    with open(os.path.join(zonedir, apex + "zone")) as file:
        text = file.read()
    target = os.path.join(directory, apex + "zone")
    if "$GENERATE" in text:
        read_zone(zonedir, apex).to_file(target, relativize=False)
    else:
        with open(target, "w") as file:
            file.write(text)


def wait_until_ready(process, port, apex, name):
    for _ in range(400):
        try:
            query = dns.message.make_query(apex, "SOA")
            if dns.query.udp(query, HOST, port=port, timeout=0.3).rcode() == dns.rcode.NOERROR:
                return process, port
        except (dns.exception.Timeout, OSError):
            time.sleep(0.05)
    process.kill()
    sys.exit(f"{name} did not answer")


def start_knot(directory, zonedir, apexes):
    port = free_port()
    config = os.path.join(directory, "knot.conf")
    with open(config, "w") as file:
        file.write(f"""server:
    rundir: "{directory}"
    listen: {HOST}@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{directory}/db"
template:
  - id: default
    storage: "{directory}"
    semantic-checks: off
    zonefile-sync: -1
    journal-content: none
zone:
""")
        for apex in apexes:
            copy_for_knot(directory, zonedir, apex)
            file.write(f'  - domain: "{apex}"\n    file: "{apex}zone"\n')
    os.mkdir(os.path.join(directory, "db"))
    knot = subprocess.Popen(["knotd", "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return wait_until_ready(knot, port, apexes[-1], "knotd")


def start_bind(directory, zonedir, apexes):
    port = free_port()
    config = os.path.join(directory, "named.conf")
    with open(config, "w") as file:
        file.write(f"""options {{
  directory "{directory}"; pid-file "{directory}/named.pid"; session-keyfile "{directory}/session.key";
  listen-on port {port} {{ {HOST}; }}; listen-on-v6 {{ none; }};
  recursion no; minimal-responses yes; minimal-any yes; max-udp-size 1232; zero-no-soa-ttl no; check-names primary ignore;
  dnssec-validation no; notify no; empty-zones-enable no; check-integrity no; allow-transfer {{ none; }};
}};
controls {{ }};
""")
        for apex in apexes:
            file.write(f'zone "{apex}" {{ type primary; file "{os.path.abspath(zonedir)}/{apex}zone"; }};\n')
    log = open(os.path.join(directory, "named.log"), "w")
    named = subprocess.Popen(["named", "-f", "-g", "-n", "1", "-c", config], stdout=log, stderr=log)
    return wait_until_ready(named, port, apexes[-1], "named")


PEERS = {"knot": start_knot, "bind": start_bind}
