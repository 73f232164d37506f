"""nginx over the same site, with the same certificate kind."""
import contextlib
import pathlib
import subprocess

from .machine import CORES, accepts, family, free_port, running, wait_until


def certificate(work: pathlib.Path) -> None:
    """A key and its certificate, once for all servers of a run."""
    if (work / "cert.pem").exists():
        return
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
         work / "key.pem", "-out", work / "cert.pem", "-days", "30", "-subj", "/CN=localhost"],
        check=True, capture_output=True)


@contextlib.contextmanager
def nginx(work: pathlib.Path, site: pathlib.Path):
    """Gives the plain port, the TLS port, and its processes."""
    plain, secure = free_port(), free_port()
    certificate(work)
    (work / "nginx.conf").write_text(f"""
worker_processes {CORES};
daemon off;
pid {work}/nginx.pid;
error_log {work}/nginx-error.log;
events {{ worker_connections 16384; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; keepalive_timeout 600s;
  client_body_temp_path {work}; proxy_temp_path {work}; fastcgi_temp_path {work}; uwsgi_temp_path {work};
  scgi_temp_path {work};
  open_file_cache max=1000; open_file_cache_valid 1s;
  types {{ text/html html; }}
  ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {work}/cert.pem; ssl_certificate_key {work}/key.pem; ssl_session_cache shared:x:1m;
  server {{ listen 127.0.0.1:{plain} reuseport; listen 127.0.0.1:{secure} ssl http2 reuseport; root {site}; }}
}}
""")
    with running("nginx", "-c", str(work / "nginx.conf"), log=work / "nginx.log") as process:
        wait_until(lambda: accepts(plain) and accepts(secure), "nginx accepts")
        yield plain, secure, family(process.pid)
