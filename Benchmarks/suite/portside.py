"""The real program, as `portside try` runs it, with the data of a benchmark."""
import contextlib
import json
import pathlib
import subprocess
from collections.abc import Iterator

from .machine import family, running


class Portside:
    """A laboratory that runs."""

    def __init__(self, process: subprocess.Popen, ready: dict) -> None:
        self.process = process
        self.ready = ready

    def port(self, name: str, transport: str = "tcp") -> int:
        return next(s["port"] for s in self.ready["services"] if s["name"] == name and s["transport"] == transport)

    @property
    def processes(self) -> list[int]:
        return family(self.process.pid)

    def worker(self, name: str) -> list[int]:
        """The process of one worker."""
        def words(pid: int) -> list[str]:
            return pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")

        found = [pid for pid in self.processes if words(pid)[1:3] == ["worker", name]]
        if not found:
            raise SystemExit(f"portside has no worker {name}: {[words(pid) for pid in self.processes]}")
        return found


def prepare(binary: str, data: pathlib.Path) -> None:
    """Makes the data of a laboratory, as its first start does."""
    with running(binary, "try", "--data", str(data), "--ports", "0", "--json", log=data.parent / "portside.log") as first:
        if not first.stdout.readline():
            raise SystemExit((data.parent / "portside.log").read_text()[-2000:])


@contextlib.contextmanager
def portside(binary: str, data: pathlib.Path) -> Iterator[Portside]:
    """Starts it on free ports and waits until everything answers."""
    log = data.parent / "portside.log"
    with running(binary, "try", "--data", str(data), "--ports", "0", "--json", log=log) as process:
        line = process.stdout.readline()
        if not line:
            raise SystemExit(log.read_text()[-2000:])
        yield Portside(process, json.loads(line))


def configure(data: pathlib.Path, zones: str, site: pathlib.Path) -> None:
    """Writes the configuration: these zones and this site, no limit that the load would meet, no log of the load."""
    (data / "portside.toml").write_text(f"""
[server]
hostname = "srv.lab.test"
data = "{data}"
key = "file:{data}/key"
[listen]
here = ["127.0.0.1"]
[tls]
issuer = "internal-ca"
[limits]
connections = 100000
connections_per_source = 100000
connection_rate = 0
[log]
level = "warning"
[dns]
on = ["here"]
zones = [{zones}]
[http]
on = ["here"]
default_site = "www.lab.test"
redirect_to_https = false
sites = {{ "www.lab.test" = "{site}", "localhost" = "{site}", "127.0.0.1" = "{site}" }}
""")
