"""The same requests to portside, nginx and Caddy over the same tree. What only portside does must stand in EXPLAINED, with its
reason (docs/http.md, "Beside nginx and Caddy"); what stands there must still be so."""
import gzip
import hashlib
import json
import os
import socket
import subprocess
import sys
import time

from kit import Lab, free

program, folder = sys.argv[1:3]
site = f"{folder}/site"
BODY = bytes(range(256)) * 40
OLD, NOW = "Sun, 06 Nov 1994 08:49:37 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"


def tree():
    os.makedirs(f"{site}/dir")
    os.makedirs(f"{site}/empty")
    os.makedirs(f"{site}/.well-known")
    files = {
        "index.html": b"<!doctype html><title>one</title>\n", "dir/index.html": b"<!doctype html><title>two</title>\n",
        "data.bin": BODY, "text.txt": b"line of text\n" * 200, "a b.txt": b"space\n", "\u00fc.txt": b"umlaut\n",
        "semi;colon.txt": b"semicolon\n", "100%.txt": b"percent\n", "none": b"no extension\n", "zero.bin": b"",
        "style.css": b"p { color: red }\n" * 30, "script.js": b"let a = 1;\n" * 30, "picture.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>\n",
        ".hidden": b"hidden\n", ".well-known/known.txt": b"known\n"}
    for name, content in files.items():
        with open(f"{site}/{name}", "wb") as file:
            file.write(content)
        os.utime(f"{site}/{name}", (1_700_000_000, 1_700_000_000))
    os.symlink("text.txt", f"{site}/inside.txt")
    os.symlink("/etc/hostname", f"{site}/outside.txt")
    for path, _, _ in os.walk(site):
        os.chmod(path, 0o755)


def get(path, *fields, method="GET", version="HTTP/1.1", host="www.lab.test", body=""):
    lines = [f"{method} {path} {version}"] + ([f"Host: {host}"] if host is not None else []) + list(fields)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body.encode()


# A name, and the request.
CASES = {f"{method} {path}": get(path, method=method) for method in ("GET", "HEAD") for path in (
    "/", "/index.html", "/dir", "/dir/", "/dir/index.html", "/empty", "/empty/", "/data.bin", "/text.txt", "/a%20b.txt", "/%c3%bc.txt", "/%C3%BC.txt",
    "/semi;colon.txt", "/100%25.txt", "/none", "/zero.bin", "/style.css", "/script.js", "/picture.svg", "/missing", "/inside.txt",
    "/.well-known/known.txt", "/index.html?a=b&c", "/dir?x=1", "/?", "/text.txt/", "/text.txt/more")}
CASES |= {f"path {path}": get(path) for path in (
    "/./text.txt", "/dir/../text.txt", "/../text.txt", "/../../etc/hostname", "/..%2ftext.txt", "/%2e%2e/text.txt", "/dir/%2e%2e/text.txt",
    "//text.txt", "/dir//index.html", "/dir/./", "/%74ext.txt", "/text%2etxt", "/text.txt%00", "/text.txt%", "/text.txt%zz", "/dir%2findex.html",
    "/\\text.txt", "/dir%5cindex.html", "/.hidden", "/outside.txt", "/TEXT.TXT", "/text.txt#part", "/" + "a" * 300, "/" + "a" * 5000, "/a/" * 200,
    "text.txt", "*", "/ text.txt", "/\u00fc.txt")}
CASES |= {f"method {method}": get("/text.txt", method=method) for method in ("OPTIONS", "DELETE", "PUT", "PATCH", "TRACE", "FOO", "get", "PROPFIND")}
CASES |= {
    "POST": get("/text.txt", "Content-Length: 2", method="POST", body="hi"),
    "POST without length": get("/text.txt", method="POST"),
    "CONNECT": get("www.lab.test:443", method="CONNECT"),
    "PRI": get("*", method="PRI", version="HTTP/2.0")}
CASES |= {f"range {value}": get("/data.bin", f"Range: {value}") for value in (
    "bytes=0-0", "bytes=0-99", "bytes=100-", "bytes=-100", "bytes=10239-10239", "bytes=10240-", "bytes=-0", "bytes=-20000", "bytes=0-20000",
    "bytes=5-4", "bytes=a-b", "bytes=", "lines=0-1", "bytes=0-0,-1", "bytes=0-9,20-29,9000-", "bytes=0-9,5-20", "bytes=20000-,0-0", "bytes=0-9, 20-29", "BYTES=0-9",
    "bytes = 0-9", "bytes=0-" + "9" * 30)}
CASES |= {
    "range of HEAD": get("/data.bin", "Range: bytes=0-9", method="HEAD"),
    "range of nothing": get("/zero.bin", "Range: bytes=0-9"),
    "last byte of nothing": get("/zero.bin", "Range: bytes=-1"),
    "range of missing": get("/missing", "Range: bytes=0-9"),
    "If-Range old": get("/data.bin", "Range: bytes=0-9", f"If-Range: {OLD}"),
    "If-Range other tag": get("/data.bin", "Range: bytes=0-9", 'If-Range: "x"'),
    "If-Range same": "range",
    "If-Range weak": get("/data.bin", "Range: bytes=0-9", 'If-Range: W/"x"'),
    "If-Modified-Since old": get("/data.bin", f"If-Modified-Since: {OLD}"),
    "If-Modified-Since later": get("/data.bin", f"If-Modified-Since: {NOW}"),
    "If-Modified-Since no date": get("/data.bin", "If-Modified-Since: yesterday"),
    "If-Modified-Since same": "date",
    "If-Unmodified-Since old": get("/data.bin", f"If-Unmodified-Since: {OLD}"),
    "If-Unmodified-Since later": get("/data.bin", f"If-Unmodified-Since: {NOW}"),
    "If-None-Match *": get("/data.bin", "If-None-Match: *"),
    "If-None-Match other": get("/data.bin", 'If-None-Match: "x"'),
    "If-None-Match same": "tag",
    "If-None-Match weak": "weak",
    "If-None-Match list": "list",
    "If-None-Match before date": get("/data.bin", 'If-None-Match: "x"', f"If-Modified-Since: {NOW}"),
    "If-Match *": get("/data.bin", "If-Match: *"),
    "If-Match other": get("/data.bin", 'If-Match: "x"'),
    "If-Match same": "match",
    "If-Match * of missing": get("/missing", "If-Match: *"),
    "gzip": get("/text.txt", "Accept-Encoding: gzip"),
    "gzip of picture": get("/data.bin", "Accept-Encoding: gzip"),
    "gzip q=0": get("/text.txt", "Accept-Encoding: gzip;q=0"),
    "identity": get("/text.txt", "Accept-Encoding: identity"),
    "gzip, HEAD": get("/text.txt", "Accept-Encoding: gzip", method="HEAD"),
    "gzip and range": get("/text.txt", "Accept-Encoding: gzip", "Range: bytes=0-9"),
    "unknown coding": get("/text.txt", "Accept-Encoding: x-none"),
    "Expect": get("/text.txt", "Expect: 100-continue"),
    "Expect with content": get("/text.txt", "Expect: 100-continue", "Content-Length: 2", method="POST", body="hi"),
    "Expect other": get("/text.txt", "Expect: tea"),
    "absolute form": get("http://www.lab.test/text.txt"),
    "absolute form, no path": get("http://www.lab.test"),
    "absolute form, other host": get("http://www.lab.test/text.txt", host="other.test"),
    "host with port": get("/text.txt", host="www.lab.test:80"),
    "host in capitals": get("/text.txt", host="WWW.LAB.TEST"),
    "host with dot": get("/text.txt", host="www.lab.test."),
    "host missing": get("/text.txt", host=None),
    "host empty": get("/text.txt", host=""),
    "host twice": get("/text.txt", "Host: www.lab.test"),
    "host with slash": get("/text.txt", host="www.lab.test/x"),
    "host with space": get("/text.txt", host="www lab"),
    "HTTP/1.0": get("/text.txt", version="HTTP/1.0"),
    "HTTP/1.0 without host": get("/text.txt", version="HTTP/1.0", host=None),
    "HTTP/1.0 keep-alive": get("/text.txt", "Connection: keep-alive", version="HTTP/1.0"),
    "HTTP/1.2": get("/text.txt", version="HTTP/1.2"),
    "HTTP/3.0": get("/text.txt", version="HTTP/3.0"),
    "HTTP/0.9": b"GET /text.txt\r\n\r\n",
    "version in lower case": get("/text.txt", version="http/1.1"),
    "no request": b"hello\r\n\r\n",
    "empty line before": b"\r\n" + get("/text.txt"),
    "bare LF": get("/text.txt").replace(b"\r\n", b"\n"),
    "folded field": get("/text.txt", "X-A: 1\r\n 2"),
    "space before colon": get("/text.txt", "X-A : 1"),
    "no colon": get("/text.txt", "X-A"),
    "empty name": get("/text.txt", ": 1"),
    "NUL in value": get("/text.txt", "X-A: \x00"),
    "CR in value": get("/text.txt", "X-A: a\rb"),
    "long field": get("/text.txt", "X-A: " + "a" * 6000),
    "too long fields": get("/text.txt", *[f"X-{n}: " + "a" * 8000 for n in range(200)]),
    "length and chunked": get("/text.txt", "Content-Length: 5", "Transfer-Encoding: chunked", method="POST", body="0\r\n\r\n"),
    "two lengths": get("/text.txt", "Content-Length: 2", "Content-Length: 3", method="POST", body="hix"),
    "length twice": get("/text.txt", "Content-Length: 2", "Content-Length: 2", method="POST", body="hi"),
    "length negative": get("/text.txt", "Content-Length: -1", method="POST"),
    "length with plus": get("/text.txt", "Content-Length: +2", method="POST", body="hi"),
    "length no number": get("/text.txt", "Content-Length: two", method="POST"),
    "chunked": get("/text.txt", "Transfer-Encoding: chunked", method="POST", body="2\r\nhi\r\n0\r\n\r\n"),
    "chunk size no number": get("/text.txt", "Transfer-Encoding: chunked", method="POST", body="zz\r\nhi\r\n0\r\n\r\n"),
    "unknown transfer coding": get("/text.txt", "Transfer-Encoding: x", method="POST", body="hi"),
    "GET with content": get("/text.txt", "Content-Length: 2", body="hi"),
    "two requests": get("/text.txt") + get("/missing"),
    "TE chunked in 1.0": get("/text.txt", "Transfer-Encoding: chunked", method="POST", version="HTTP/1.0", body="0\r\n\r\n"),
    "upgrade to nothing": get("/text.txt", "Connection: Upgrade", "Upgrade: websocket"),
    "cookie": get("/text.txt", "Cookie: a=b; c=d")}

# What only portside does: the row, and why.
EXPLAINED = {
    # No ending, no claim: nginx has text/plain for what it doesn't know, Caddy says nothing.
    "GET /none": "200 application/octet-stream  578c05ea", "HEAD /none": "200 application/octet-stream  e3b0c442 13",
    # An encoded slash or a backslash is one to some readers and none to others.
    "path /dir%2findex.html": "400", "path /\\text.txt": "400", "path /dir%5cindex.html": "400",
    # Hidden files and links that lead out of the folder are not served.
    "path /.hidden": "404", "path /outside.txt": "404",
    # RFC 9112 section 3.2: no octet in a target that RFC 3986 does not know.
    "path /text.txt#part": "400", "path /\u00fc.txt": "400",
    # OPTIONS is answered, with Allow (RFC 9110 section 9.3.7).
    "method OPTIONS": "204",
    # Known but not implemented (501), not known and refused for this file (405), no version of HTTP/1 (505).
    "method TRACE": "501", "method get": "405", "CONNECT": "501", "PRI": "505",
    # RFC 9110 section 14.2: a Range that is malformed is ignored; one on anything but GET, too.
    "range bytes=5-4": "200 application/octet-stream  e96760a8", "range bytes=a-b": "200 application/octet-stream  e96760a8",
    "range of HEAD": "200 application/octet-stream  e3b0c442 10240",
    # Section 15.3.7.2: ranges that overlap may be joined.
    "range bytes=0-9,5-20": "206 application/octet-stream bytes 0-20/10240 75aee9dc",
    # Section 14.1.2: an end beyond the content is its end, however many digits.
    "range bytes=0-" + "9" * 30: "206 application/octet-stream bytes 0-10239/10240 e96760a8",
    # Section 14.1.3: nothing has no last byte.
    "last byte of nothing": "416 bytes */0",
    # A line ends with CRLF: two readers could differ.
    "bare LF": "400",
    # The message is refused before the method is looked at.
    "chunk size no number": "400",
    # RFC 9112 section 6.3: a coding that does not end with chunked leaves no way to find the end.
    "unknown transfer coding": "400"}


def exchange(port, octets):
    """Everything that comes until the server closes, as it does once it sees that we send nothing more."""
    data = b""
    with socket.create_connection(("127.0.0.1", port), 20) as stream:
        try:
            stream.sendall(octets)
            stream.shutdown(socket.SHUT_WR)
            while piece := stream.recv(65536):
                data += piece
        except (ConnectionError, TimeoutError):
            pass
    return data


def answers(data, head):
    """Status, fields and content of each reply."""
    found = []
    while data.startswith(b"HTTP/"):
        top, _, rest = data.partition(b"\r\n\r\n")
        lines = top.decode("latin-1").split("\r\n")
        fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        code = int(lines[0].split()[1])
        if head or code in (204, 304) or code < 200:
            content, data = b"", rest
        elif fields.get("transfer-encoding") == "chunked":
            content = b""
            while True:
                size, _, rest = rest.partition(b"\r\n")
                count = int(size or b"0", 16)
                content, rest = content + rest[:count], rest[count + 2 :]
                if count == 0:
                    break
            data = rest
        else:
            count = int(fields.get("content-length", len(rest)))
            content, data = rest[:count], rest[count:]
        found.append((code, fields, content))
    return found


def essence(name, data):
    """What a client would notice: statuses; of a success the content, its type, range, coding; of a redirect where to."""
    parts = []
    for code, fields, content in answers(data, name.startswith("HEAD") or "HEAD" in name):
        row = [str(code)]
        if code in (200, 206):
            if fields.get("content-encoding") == "gzip":
                row.append("gzip")
                content = gzip.decompress(content) if content else content
            kind = fields.get("content-type", "").split(";")[0].replace("application/javascript", "text/javascript")
            if kind.startswith("multipart/byteranges"):
                kind = "multipart"
                content = str(content.count(b"Content-Range: bytes") + content.count(b"Content-range: bytes")).encode()
            row += [kind, fields.get("content-range", ""), hashlib.sha256(content).hexdigest()[:8]]
            # Compressed on the fly: nobody knows the length before.
            if "HEAD" in name and "gzip" not in name:
                row.append(fields.get("content-length", ""))
        elif code in (301, 302, 307, 308):
            place = fields.get("location", "")
            row.append("/" + place.split("/", 3)[3] if "://" in place else place)
        elif code == 416:
            row.append(fields.get("content-range", ""))
        parts.append(" ".join(row))
    return " | ".join(parts) or ("closed" if not data else "no HTTP")


def prepared(kind, port):
    """A request that needs what the server said of the file."""
    _, fields, _ = answers(exchange(port, get("/data.bin", "Connection: close")), False)[0]
    tag, date = fields["etag"], fields["last-modified"]
    return {
        "range": get("/data.bin", "Range: bytes=0-9", f"If-Range: {tag}"), "date": get("/data.bin", f"If-Modified-Since: {date}"),
        "tag": get("/data.bin", f"If-None-Match: {tag}"), "weak": get("/data.bin", f"If-None-Match: W/{tag}"),
        "list": get("/data.bin", f'If-None-Match: "x", {tag}'), "match": get("/data.bin", f"If-Match: {tag}")}[kind]


def peers():
    plain, other = free(), free()
    with open(f"{folder}/nginx.conf", "w") as file:
        file.write(f"""daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_processes 1;
events {{}}
http {{ include /etc/nginx/mime.types; access_log off; gzip on; gzip_min_length 256; gzip_types text/plain text/css;
client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
server {{ listen 127.0.0.1:{plain}; server_name www.lab.test; root {site}; absolute_redirect off; }} }}
""")
    with open(f"{folder}/Caddyfile", "w") as file:
        file.write(f"""{{
admin off
auto_https off
storage file_system {folder}/caddy
}}
http://:{other} {{
bind 127.0.0.1
root * {site}
encode gzip
file_server
}}
""")
    # nginx gives up its user: the tree must be readable all the way.
    started = [
        subprocess.Popen(["nginx", "-c", f"{folder}/nginx.conf"], stderr=open(f"{folder}/nginx.err", "w")),
        subprocess.Popen(["caddy", "run", "--adapter", "caddyfile", "--config", f"{folder}/Caddyfile"],
                         env=dict(os.environ, HOME=folder), stderr=open(f"{folder}/caddy.err", "w"))]
    for port in (plain, other):
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
    return plain, other, started


os.chmod(folder, 0o755)
tree()
plain, other, started = peers()
lab = Lab(program, folder, lambda lab: [(f'root = "{lab.data}/site"', f'root = "{site}"')])
rows, table = {"cases": len(CASES)}, {}
try:
    ports = {"portside": lab.port["http"], "nginx": plain, "caddy": other}
    for name, octets in CASES.items():
        table[name] = {
            server: essence(name, exchange(port, prepared(octets, port) if isinstance(octets, str) else octets))
            for server, port in ports.items()}
finally:
    lab.stop()
    for process in started:
        process.terminate()
        process.wait()

if sys.argv[3:] == ["--table"]:
    for name, row in table.items():
        mark = "=" if len(set(row.values())) == 1 else "~" if row["portside"] in (row["nginx"], row["caddy"]) else "!"
        print(mark, name[:60], "::", row["portside"], ":: nginx", row["nginx"], ":: caddy", row["caddy"])
    sys.exit()
alone = {name: row for name, row in table.items() if row["portside"] not in (row["nginx"], row["caddy"])}
rows["same"] = sum(len(set(row.values())) == 1 for row in table.values())
rows["unexplained"] = {name: row for name, row in alone.items() if EXPLAINED.get(name) != row["portside"]}
rows["stale"] = [name for name in EXPLAINED if name not in alone]
print(json.dumps(rows))
