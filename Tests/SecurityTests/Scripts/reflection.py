"""What a spoofed query over UDP would send to its victim: the sizes of answers."""
from wire import *


def query(name, kind, size=None):
    labels = b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0"
    head = struct.pack(">HHHHHH", 9, 0x0100, 1, 0, 0, 1 if size else 0)
    option = b"\0" + struct.pack(">HHIH", 41, size, 0, 0) if size else b""
    return head + labels + struct.pack(">HH", kind, 1) + option


def datagram(message):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        s.connect((HOST, t["dns"]))
        s.send(message)
        try:
            answer = s.recv(65536)
        except socket.timeout:
            return {"size": 0}
        return {
            "size": len(answer), "asked": len(message), "truncated": bool(answer[2] & 2),
            "answers": int.from_bytes(answer[6:8], "big"), "code": answer[3] & 15,
        }


t = told()
result = {}
for size in (None, 512, 1232, 4096, 65535):
    result["ANY %s" % size] = datagram(query("lab.test", 255, size))
    # More than 1232 octets, and more than 4096.
    result["mid %s" % size] = datagram(query("mid.lab.test", 16, size))
    result["big %s" % size] = datagram(query("big.lab.test", 16, size))
with plain(t["dns"]) as stream:
    answer = ask(stream, query("big.lab.test", 16))
    result["big over TCP"] = {"size": len(answer), "truncated": bool(answer[2] & 2)}
# What is no query is not answered at all, or two servers could be made to talk to each other for ever.
result["answer"] = datagram(b"\0\x09\x81\x80" + query("lab.test", 255)[4:])
result["short"] = datagram(b"\0\x09\x01")
result["empty"] = datagram(b"")
result["foreign zone"] = datagram(query("www.example.com", 255, 4096))
tell(**result)
