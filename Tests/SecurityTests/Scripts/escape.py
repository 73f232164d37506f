"""Ways out of a site's folder, raw: no client would tidy them up."""
from wire import *

PATHS = [
    "/../secret.txt", "/../../../../../../etc/passwd", "/..", "/../", "/about/../../secret.txt",
    "/%2e%2e/secret.txt", "/%2e%2e%2fsecret.txt", "/..%2fsecret.txt", "/.%2e/secret.txt", "/%252e%252e/secret.txt",
    "/..%5csecret.txt", "/..\\secret.txt", "/....//secret.txt", "/about/..%00/../secret.txt", "/index.html%00.txt",
    "/%c0%ae%c0%ae/secret.txt", "/..%c0%afsecret.txt", "/%uff0e%uff0e/secret.txt", "//etc/passwd", "///../secret.txt",
    "/./../secret.txt", "/;/../secret.txt", "/%2e%2e;/secret.txt", "/link.txt", "/folder/secret.txt", "/folder",
    "/absolute.txt", "/chain.txt", "/device", "/process/status", "/pipe", "/.hidden",
    "http://www.lab.test/../secret.txt", "/about/%2e%2e/%2e%2e/secret.txt", "/%2e%2e/accounts.json", "/../key",
]

t = told()
result = {}
for path in PATHS:
    with plain(t["http"], timeout=10) as stream:
        stream.sendall(b"GET " + path.encode("latin-1") + b" HTTP/1.1\r\nHost: www.lab.test\r\nConnection: close\r\n\r\n")
        data, closed = until_closed(stream, 8)
        result[path] = {
            "status": data[9:12].decode("latin-1"), "closed": closed,
            "leaked": any(word in data for word in (b"TOPSECRET", b"root:x:0", b"VmRSS", b"password")),
        }
result["/inside.txt"] = {"status": get(t["http"], "/inside.txt")[9:12].decode(), "closed": True, "leaked": False}
tell(**result)
