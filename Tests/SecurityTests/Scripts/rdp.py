"""Hostile clients of remote desktops: BlueKeep's second MS_T120, lengths that lie, a man in the middle of CredSSP, and
clients that do nothing. Prints for each whether the server ended the connection, and whether it serves others after it."""
import hashlib, hmac, os, ssl, struct
from wire import *

t = told()
PORT = t["rdp"]


def packet(payload):
    return struct.pack(">BBH", 3, 0, len(payload) + 4) + payload


def request(protocols):
    return packet(bytes([14, 0xE0, 0, 0, 0, 0, 0, 1, 0, 8, 0]) + struct.pack("<I", protocols))


def negotiated(protocols, timeout=20):
    """TLS after the negotiation; and the stream's certificate."""
    stream = plain(PORT, timeout)
    stream.sendall(request(protocols))
    answer = exactly(stream, 19)
    if answer[11] != 2:
        raise ConnectionError("refused")
    context = ssl.create_default_context(cafile=t["ca"])
    return context.wrap_socket(stream, server_hostname="srv.lab.test")


def length(count):
    return bytes([count]) if count < 128 else b"\x82" + struct.pack(">H", count)


def ber(tag, content):
    return tag + length(len(content)) + content


def per(count):
    return bytes([count]) if count < 128 else struct.pack(">H", count | 0x8000)


def connect_initial(channels, count=None):
    name = "hostile".encode("utf-16-le").ljust(32, b"\0")
    core = struct.pack("<IHHHHII", 0x00080004, 800, 600, 0xCA01, 0xAA03, 0x409, 2600) + name
    core += struct.pack("<III", 4, 0, 12) + bytes(64) + struct.pack("<HHIHHH", 0xCA03, 1, 0, 24, 15, 1) + bytes(66)
    core += struct.pack("<I", 1)
    blocks = struct.pack("<HH", 0xC001, len(core) + 4) + core
    network = struct.pack("<I", len(channels) if count is None else count)
    for channel in channels:
        network += channel.ljust(8, b"\0") + struct.pack("<I", 0x80000000)
    blocks += struct.pack("<HH", 0xC003, len(network) + 4) + network
    conference = bytes([0, 8, 0, 0x10, 0, 1, 0xC0, 0]) + b"Duca" + per(len(blocks)) + blocks
    user = bytes([0, 5, 0, 0x14, 0x7C, 0, 1]) + per(len(conference)) + conference
    numbers = b"".join(ber(b"\2", struct.pack(">H", number)) for number in (34, 2, 0, 1, 0, 1, 65535, 2))
    content = b"\4\1\1\4\1\1\1\1\xff" + ber(b"\x30", numbers) * 3 + ber(b"\4", user)
    return packet(bytes([2, 0xF0, 0x80]) + ber(b"\x7f\x65", content))


def ended(stream, data, limit=5):
    """What came after these bytes, and whether the server ended the connection."""
    try:
        stream.sendall(data)
    except OSError:
        return b"", True
    return until_closed(stream, limit)


def serves():
    """Whether an ordinary client gets an answer to its MCS connection."""
    with negotiated(1) as stream:
        stream.sendall(connect_initial([b"rdpdr"]))
        return exactly(stream, 4)[0] == 3


results = {}


def case(name, stream, data, limit=5):
    answer, closed = ended(stream, data, limit)
    stream.close()
    results[name] = {"closed": closed, "answered": len(answer), "serves": serves()}


# BlueKeep (CVE-2019-0708): MS_T120 is bound by the server itself; a client must not bind it again.
for name in (b"MS_T120", b"ms_t120"):
    case("t120 " + name.decode(), negotiated(1), connect_initial([b"rdpdr", name]))
case("channels 32", negotiated(1), connect_initial([b"c%d" % index for index in range(32)]))
case("channels that are not there", negotiated(1), connect_initial([b"rdpdr"], count=31))
case("channels without end", negotiated(1), connect_initial([b"rdpdr"], count=0xFFFFFFFF))

# Lengths that lie, before TLS and behind it.
whole = connect_initial([b"rdpdr"])
for name, data in {
    "TPKT of 4": b"\3\0\0\4", "TPKT of 0": b"\3\0\0\0\xff\xff\xff", "X.224 beyond": packet(b"\xff\xe0\0\0\0\0\0"),
    "X.224 of 0": packet(b"\0\xe0\0"), "no TPKT": b"GET / HTTP/1.1\r\n\r\n",
}.items():
    case(name, plain(PORT), data)
for name, data in {
    "BER beyond": whole[:7] + b"\x7f\x65\x83\xff\xff\xff" + whole[12:], "BER of 8 octets": whole[:7] + b"\x7f\x65\x88" + whole[10:],
    "BER without end": whole[:7] + b"\x7f\x65\x80" + whole[10:], "cut": packet(whole[4:-40]),
    "fast path too early": b"\4\4\0\x1e", "fast path of 0": b"\4\0\0\0",
}.items():
    case(name, negotiated(1), data)
case("the legacy layer", plain(PORT), request(0))


# --- CredSSP: a log-in that is right, over a TLS connection that ends at somebody else's.

def md4(data):
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    rotate = lambda value, by: ((value << by) | (value & 0xFFFFFFFF) >> (32 - by)) & 0xFFFFFFFF
    data += b"\x80" + b"\0" * (-(len(data) + 9) % 64) + struct.pack("<Q", 8 * len(data))
    for start in range(0, len(data), 64):
        words = struct.unpack("<16I", data[start : start + 64])
        a, b, c, d = state
        for step in range(48):
            place = step % 16
            if step < 16:
                value, word, by, add = b & c | ~b & d, place, (3, 7, 11, 19)[step % 4], 0
            elif step < 32:
                value, word, by, add = b & c | b & d | c & d, place // 4 + place % 4 * 4, (3, 5, 9, 13)[step % 4], 0x5A827999
            else:
                word = (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15)[place]
                value, by, add = b ^ c ^ d, (3, 9, 11, 15)[step % 4], 0x6ED9EBA1
            a, b, c, d = d, rotate((a + value + words[word] + add) & 0xFFFFFFFF, by), b, c
        state = [(old + new) & 0xFFFFFFFF for old, new in zip(state, (a, b, c, d))]
    return struct.pack("<4I", *state)


def code(key, data):
    return hmac.new(key, data, hashlib.md5).digest()


class RC4:
    def __init__(self, key):
        self.state, self.i, self.j, j = list(range(256)), 0, 0, 0
        for i in range(256):
            j = (j + self.state[i] + key[i % len(key)]) % 256
            self.state[i], self.state[j] = self.state[j], self.state[i]

    def __call__(self, data):
        out = bytearray()
        for byte in data:
            self.i = (self.i + 1) % 256
            self.j = (self.j + self.state[self.i]) % 256
            self.state[self.i], self.state[self.j] = self.state[self.j], self.state[self.i]
            out.append(byte ^ self.state[(self.state[self.i] + self.state[self.j]) % 256])
        return bytes(out)


def ts_request(version, token=None, key=None, nonce=None):
    fields = ber(b"\xa0", ber(b"\2", bytes([version])))
    if token:
        fields += ber(b"\xa1", ber(b"\x30", ber(b"\x30", ber(b"\xa0", ber(b"\4", token)))))
    if key:
        fields += ber(b"\xa3", ber(b"\4", key))
    if nonce:
        fields += ber(b"\xa5", ber(b"\4", nonce))
    return ber(b"\x30", fields)


def subject_public_key(der):
    """The BIT STRING of the certificate's key, by openssl."""
    import subprocess, tempfile

    with tempfile.NamedTemporaryFile() as file:
        file.write(der)
        file.flush()
        pem = subprocess.run(["openssl", "x509", "-inform", "DER", "-in", file.name, "-pubkey", "-noout"], capture_output=True, check=True).stdout
        spki = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem, capture_output=True, check=True).stdout
    # P-256: the point is the last 65 octets.
    return spki[-65:]


def nla(password, version=6, wrong_key=False):
    """The outcome of a log-in: what the server sent after the client's key, and whether it ended the connection."""
    stream = negotiated(2)
    flags = 0xE2088237
    negotiate = b"NTLMSSP\0" + struct.pack("<II", 1, flags) + bytes(24)
    stream.sendall(ts_request(version, negotiate))
    answer = stream.recv(65536)
    challenge = answer[answer.index(b"NTLMSSP\0") :]
    info_length, info_offset = struct.unpack_from("<H2xI", challenge, 40)
    info = challenge[info_offset : info_offset + info_length]
    server_challenge = challenge[24:32]
    key = code(md4(password.encode("utf-16-le")), "ANN".encode("utf-16-le"))
    blob = b"\1\1" + bytes(6) + bytes(8) + os.urandom(8) + bytes(4) + info + bytes(4)
    proof = code(key, server_challenge + blob)
    base = code(key, proof)
    exported = os.urandom(16)
    message, payload = b"NTLMSSP\0" + struct.pack("<I", 3), b""
    for field in (b"", proof + blob, b"", "ann".encode("utf-16-le"), b"", RC4(base)(exported)):
        message += struct.pack("<HHI", len(field), len(field), 88 + len(payload))
        payload += field
    message += struct.pack("<I", flags) + bytes(8) + bytes(16) + payload
    sign = hashlib.md5(exported + b"session key to client-to-server signing key magic constant\0").digest()
    seal = RC4(hashlib.md5(exported + b"session key to client-to-server sealing key magic constant\0").digest())
    public = subject_public_key(stream.getpeercert(True))
    if wrong_key:
        public = public[:-1] + bytes([public[-1] ^ 1])
    nonce = os.urandom(32)
    plain_key = hashlib.sha256(b"CredSSP Client-To-Server Binding Hash\0" + nonce + public).digest() if version >= 5 else public
    sealed = seal(plain_key)
    signature = struct.pack("<I", 1) + seal(code(sign, struct.pack("<I", 0) + plain_key)[:8]) + struct.pack("<I", 0)
    stream.sendall(ts_request(version, message, signature + sealed, nonce if version >= 5 else None))
    data, closed = until_closed(stream, 3)
    stream.close()
    return {"bound": b"\xa3" in data and not closed, "closed": closed, "answered": len(data), "serves": serves()}


for version in (2, 3, 6):
    results["nla right %d" % version] = nla(t["password"], version)
    results["nla another key %d" % version] = nla(t["password"], version, wrong_key=True)
results["nla wrong password"] = nla("wrong")
results["nla garbage"] = {}
case("nla garbage", negotiated(2), ber(b"\x30", os.urandom(60)))
case("nla too long", negotiated(2), b"\x30\x83\xff\xff\xff" + bytes(100))
tell(**results)
