"""HTTP request smuggling: each row is sent with a request behind it that must never be answered."""
from wire import *

HEAD = "POST / HTTP/1.1\r\nHost: www.lab.test\r\n"
CHUNKED = HEAD + "Transfer-Encoding: chunked\r\n\r\n"
ROWS = {
    "CL and TE": HEAD + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE and CL": HEAD + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two CL": HEAD + "Content-Length: 0\r\nContent-Length: 1\r\n\r\n",
    "CL list": HEAD + "Content-Length: 0, 1\r\n\r\n",
    "CL +5": HEAD + "Content-Length: +5\r\n\r\nhello",
    "CL 0x5": HEAD + "Content-Length: 0x5\r\n\r\nhello",
    "CL -1": HEAD + "Content-Length: -1\r\n\r\n",
    "CL empty": HEAD + "Content-Length:\r\n\r\n",
    "CL 5 5": HEAD + "Content-Length: 5 5\r\n\r\nhello",
    "CL huge": HEAD + "Content-Length: 18446744073709551621\r\n\r\nhello",
    "chunk +5": CHUNKED + "+5\r\nhello\r\n0\r\n\r\n",
    "chunk 0x5": CHUNKED + "0x5\r\nhello\r\n0\r\n\r\n",
    "chunk -5": CHUNKED + "-5\r\nhello\r\n0\r\n\r\n",
    "chunk size space": CHUNKED + "5 \r\nhello\r\n0\r\n\r\n",
    "chunk huge": CHUNKED + "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "chunk extension bare LF": CHUNKED + "5;a\nb\r\nhello\r\n0\r\n\r\n",
    "chunk extension bare CR": CHUNKED + "5;a\rb\r\nhello\r\n0\r\n\r\n",
    "chunk line bare LF": CHUNKED + "5\nhello\r\n0\r\n\r\n",
    "chunk end bare LF": CHUNKED + "5\r\nhello\n0\r\n\r\n",
    "chunk end missing": CHUNKED + "5\r\nhelloXX0\r\n\r\n",
    "TE twice": HEAD + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE unknown": HEAD + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "TE chunked not last": HEAD + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "TE with tab and word": HEAD + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "TE in HTTP/1.0": "POST / HTTP/1.0\r\nHost: www.lab.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two Host": "GET / HTTP/1.1\r\nHost: www.lab.test\r\nHost: srv.lab.test\r\n\r\n",
    "two equal Host": "GET / HTTP/1.1\r\nHost: www.lab.test\r\nHost: www.lab.test\r\n\r\n",
    "no Host": "GET / HTTP/1.1\r\n\r\n",
    "Host list": "GET / HTTP/1.1\r\nHost: www.lab.test, srv.lab.test\r\n\r\n",
    "space before colon": HEAD + "Content-Length : 0\r\n\r\n",
    "folded field": HEAD + "X-A: b\r\n Content-Length: 5\r\n\r\n",
    "bare LF lines": "GET / HTTP/1.1\nHost: www.lab.test\n\n",
    "bare CR in a field": "GET / HTTP/1.1\r\nHost: www.lab.test\r\nX-A: b\rContent-Length: 5\r\n\r\n",
    "NUL in a field": "GET / HTTP/1.1\r\nHost: www.lab.test\r\nX-A: b\0c\r\n\r\n",
    "space in the target": "GET / a HTTP/1.1\r\nHost: www.lab.test\r\n\r\n",
}
SMUGGLED = b"GET /about/ HTTP/1.1\r\nHost: www.lab.test\r\n\r\n"

t = told()
result = {}
for name, text in ROWS.items():
    with plain(t["http"]) as stream:
        stream.sendall(text.encode("latin-1") + SMUGGLED)
        data, closed = until_closed(stream, 15)
        result[name] = {
            "status": data[9:12].decode("latin-1"), "replies": data.count(b"HTTP/1.1 "), "closed": closed,
            "reached": b"About lab.test" in data,
        }
# What is right must work in the same way, or the rows above say nothing.
with plain(t["http"]) as stream:
    stream.sendall(SMUGGLED + SMUGGLED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    data, closed = until_closed(stream, 15)
    result["right"] = {
        "status": data[9:12].decode(), "replies": data.count(b"HTTP/1.1 "), "closed": closed,
        "reached": data.count(b"<h1>About lab.test") == 2,
    }
tell(**result)
