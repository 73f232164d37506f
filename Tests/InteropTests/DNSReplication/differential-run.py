#!/usr/bin/env python3
"""The long differential run of the program itself: differential-run.py PORTSIDE [QUERIES] [PEER...]

Serves the zones of Tests/InteropTests/DNS/zones, unsigned, by `portside serve`, and has differential.py ask it and each peer (knot,
bind) that many generated questions (50,000), over UDP and TCP. Exit code 1 when a difference is not explained (docs/dns.md).
"""

import os
import shutil
import subprocess
import sys

from servers import Portside

program, count, peers = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "50000", sys.argv[3:] or ["knot", "bind"]
folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "DNS")
names = sorted(name[:-4] for name in os.listdir(os.path.join(folder, "zones")) if name.endswith("zone"))
failed = False
for peer in peers:
    server = Portside(program)
    try:
        zones = server.path("zones")
        os.mkdir(zones)
        for name in names:
            shutil.copy(os.path.join(folder, "zones", name + "zone"), zones)
        if peer == "bind":
            subprocess.run(["/usr/bin/python3", os.path.join(folder, "sign-zones.py"), "plain", zones, *names], check=True)
        server.configure(", ".join(f'{{ name = "{name[:-1]}", file = "{zones}/{name}zone" }}' for name in names)).start()
        result = subprocess.run(
            ["/usr/bin/python3", os.path.join(folder, "differential.py"), str(server.port), zones, *names],
            env={**os.environ, "DNS_DIFFERENTIAL_PEER": peer, "DNS_DIFFERENTIAL_QUERIES": count})
        print(f"{peer}: {'failed' if result.returncode else 'no unexplained difference'}", flush=True)
        failed = failed or result.returncode != 0
    finally:
        server.remove()
sys.exit(1 if failed else 0)
