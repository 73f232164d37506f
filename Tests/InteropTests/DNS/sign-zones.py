#!/usr/bin/env python3
"""Signs the zone files of a folder in place with BIND's dnssec-signzone (Debian: bind9-utils).

    sign-zones.py nsec|nsec3|optout|salted|plain ZONEDIR APEX...      (plain: only makes them readable for BIND)
"""

import os
import re
import subprocess
import sys

CHAINS = {"nsec": [], "nsec3": ["-3", "-", "-H", "0"], "optout": ["-3", "-", "-H", "0", "-A"],
          "salted": ["-3", "aabbccdd", "-H", "7"]}
ALGORITHMS = {"nsec": "ECDSAP256SHA256", "nsec3": "ECDSAP256SHA256", "optout": "ED25519", "salted": "RSASHA256"}


def run(command, directory):
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}: {result.stdout}{result.stderr}")
    return result.stdout.strip().splitlines()[-1] if result.stdout.strip() else ""


def drop_wildcard_delegations(path):
    """BIND refuses NS at a wildcard."""
    with open(path) as file:
        lines = file.readlines()
    with open(path, "w") as file:
        file.writelines(line for line in lines if not re.match(r"\*\S*\s+(\S+\s+)*NS\s", line))


def main():
    variant, zonedir, apexes = sys.argv[1], sys.argv[2], sys.argv[3:]
    keys = os.path.join(zonedir, "keys")
    os.makedirs(keys, exist_ok=True)
    for apex in apexes:
        drop_wildcard_delegations(os.path.join(zonedir, f"{apex}zone"))
        if variant == "plain":
            continue
        bits = ["-b", "2048"] if ALGORITHMS[variant].startswith("RSA") else []
        for flags in ([], ["-f", "KSK"]):
            run(["dnssec-keygen", "-q", "-K", keys, "-a", ALGORITHMS[variant], *bits, *flags, apex], zonedir)
        run(["dnssec-signzone", "-q", "-S", "-P", "-x", "-K", keys, "-o", apex, "-d", keys, "-e", "now+864000",
             *CHAINS[variant], "-f", f"{apex}signed", f"{apex}zone"], zonedir)
        os.replace(os.path.join(zonedir, f"{apex}signed"), os.path.join(zonedir, f"{apex}zone"))


main()
