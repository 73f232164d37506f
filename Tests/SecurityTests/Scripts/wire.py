"""What the hostile clients share: sockets with a time limit, and TLS that trusts the laboratory's root alone."""
import json, socket, ssl, struct, sys, time

HOST = "127.0.0.1"
QUERY = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + b"\x03srv\x03lab\x04test\x00" + struct.pack(">HH", 1, 1)


def plain(port, timeout=20):
    return socket.create_connection((HOST, port), timeout=timeout)


def secure(port, ca, protocols=None, name="srv.lab.test", timeout=20):
    context = ssl.create_default_context(cafile=ca)
    if protocols:
        context.set_alpn_protocols(protocols)
    return context.wrap_socket(plain(port, timeout), server_hostname=name)


def until_closed(stream, limit=20):
    """Everything that comes until the peer closes, and whether it did so within the limit."""
    data, deadline = b"", time.monotonic() + limit
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return data, False
        stream.settimeout(left)
        try:
            piece = stream.recv(65536)
        except socket.timeout:
            return data, False
        except (ConnectionError, ssl.SSLError):
            return data, True
        if not piece:
            return data, True
        data += piece


def exactly(stream, count):
    data = b""
    while len(data) < count:
        piece = stream.recv(count - len(data))
        if not piece:
            raise ConnectionError("closed")
        data += piece
    return data


def ask(stream, query=QUERY):
    """A DNS query over a stream; the answer."""
    stream.sendall(struct.pack(">H", len(query)) + query)
    return exactly(stream, struct.unpack(">H", exactly(stream, 2))[0])


def get(port, path="/", host="www.lab.test"):
    """A whole reply on a connection of its own."""
    with plain(port) as stream:
        stream.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (path, host)).encode())
        return until_closed(stream)[0]


def told():
    return json.loads(sys.argv[1])


def tell(**result):
    print(json.dumps(result))
