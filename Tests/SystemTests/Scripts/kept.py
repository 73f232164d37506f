"""Holds one HTTPS connection: PORT CA FILE. Asks once, says `open`; asks again once FILE exists, says `still open`."""
import os, socket, ssl, sys, time

port, ca, signal = int(sys.argv[1]), sys.argv[2], sys.argv[3]
stream = ssl.create_default_context(cafile=ca).wrap_socket(
    socket.create_connection(("127.0.0.1", port), timeout=20), server_hostname="www.lab.test")


def get():
    stream.sendall(b"GET / HTTP/1.1\r\nHost: www.lab.test\r\n\r\n")
    reply = b""
    while b"</html>" not in reply:
        piece = stream.recv(65536)
        if not piece:
            sys.exit("closed after %r" % reply)
        reply += piece
    assert reply.startswith(b"HTTP/1.1 200 "), reply


get()
print("open", flush=True)
deadline = time.monotonic() + 30
while not os.path.exists(signal) and time.monotonic() < deadline:
    time.sleep(0.02)
get()
print("still open")
