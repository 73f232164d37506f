"""Connects, says one line, reads for up to three seconds: what came, when it began, and how it ended, as JSON.

usage: conversation.py PORT LINE
"""
import json
import socket
import sys
import time

port, line = int(sys.argv[1]), sys.argv[2]
begin = time.monotonic()
received, first, end = b"", None, "open"
try:
    connection = socket.create_connection(("127.0.0.1", port), timeout=3)
    connection.sendall(line.encode() + b"\r\n")
    while time.monotonic() - begin < 3:
        connection.settimeout(max(0.01, begin + 3 - time.monotonic()))
        piece = connection.recv(65536)
        if first is None:
            first = time.monotonic() - begin
        if not piece:
            end = "closed"
            break
        received += piece
except socket.timeout:
    pass
except ConnectionError:
    end = "reset"
print(json.dumps({"bytes": len(received), "first": first, "end": end, "text": received.decode("latin-1")}))
