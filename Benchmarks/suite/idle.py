"""Memory of a connection that is held open and silent after one request, plain and inside TLS."""
import resource
import socket
import ssl

from .caddy import caddy
from .http import write_site
from .machine import folder, has, memory
from .nginx import nginx
from .portside import configure, portside, prepare
from .table import Row, Table

CONNECTIONS = 10_000
REQUEST = b"GET /1k.html HTTP/1.1\r\nHost: localhost\r\n\r\n"


def opened(port: int, context: ssl.SSLContext | None) -> socket.socket:
    """A connection that has had one answer."""
    connection = socket.create_connection(("127.0.0.1", port), 30)
    if context:
        connection = context.wrap_socket(connection, server_hostname="localhost")
    connection.sendall(REQUEST)
    answer = b""
    while len(answer.partition(b"\r\n\r\n")[2]) < 1024:
        piece = connection.recv(65536)
        if not piece:
            raise SystemExit(f"port {port} closed a connection: {answer[:200]!r}")
        answer += piece
    return connection


def hold(server: str, port: int, context: ssl.SSLContext | None, pids: list[int], table: Table) -> None:
    # What the first ones make once and for all does not count.
    warm = [opened(port, context) for _ in range(50)]
    before = memory(pids)
    held = [opened(port, context) for _ in range(CONNECTIONS)]
    grown = memory(pids) - before
    table.add(Row(
        server, "idle TLS" if context else "idle", memory=grown / CONNECTIONS / 1024, memory_unit="KB a connection"))
    for connection in warm + held:
        connection.close()


def run(binary: str, seconds: int, table: Table) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, CONNECTIONS + 500)), hard))
    # The certificate is of a private authority, and who answers is not the question.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with folder() as work:
        write_site(work / "site")
        for name, peer in (("nginx", nginx), ("caddy", caddy)):
            if has(name):
                with peer(work, work / "site") as (plain, secure, pids):
                    hold(name, plain, None, pids, table)
                    hold(name, secure, context, pids, table)
        data = work / "data"
        prepare(binary, data)
        configure(data, '"lab.test"', work / "site")
        with portside(binary, data) as server:
            hold("portside", server.port("http"), None, server.worker("web"), table)
            hold("portside", server.port("https"), context, server.worker("web"), table)
