"""Caddy over the same site, with the certificate that nginx has."""
import contextlib
import os
import pathlib
import subprocess

from .machine import accepts, family, free_port, running, wait_until
from .nginx import certificate


@contextlib.contextmanager
def caddy(work: pathlib.Path, site: pathlib.Path):
    """Gives the plain port, the TLS port, and its processes."""
    plain, secure = free_port(), free_port()
    certificate(work)
    (work / "Caddyfile").write_text(f"""{{
admin off
auto_https off
storage file_system {work}/caddy
log {{
level ERROR
}}
}}
http://:{plain} {{
bind 127.0.0.1
root * {site}
file_server
}}
https://:{secure} {{
bind 127.0.0.1
tls {work}/cert.pem {work}/key.pem
root * {site}
file_server
}}
""")
    subprocess.run(["caddy", "validate", "--adapter", "caddyfile", "--config", work / "Caddyfile"], check=True, capture_output=True,
                   env=dict(os.environ, HOME=str(work)))
    with running("caddy", "run", "--adapter", "caddyfile", "--config", str(work / "Caddyfile"), log=work / "caddy.log") as process:
        wait_until(lambda: accepts(plain) and accepts(secure), "Caddy accepts")
        yield plain, secure, family(process.pid)
