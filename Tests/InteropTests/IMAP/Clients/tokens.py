"""Log-in by tokens that an issuer outside has signed.

make FOLDER                     keys: one of each kind, and jwks.json
run FOLDER PORT IMAPS POP3S SUBMISSIONS SIEVE CA NAME
                                PORT: where the keys of the other issuer are asked for
"""
import base64
import hmac
import http.server
import json
import pathlib
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
import time

import imapclient
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

KINDS = {"RS256": jwt.algorithms.RSAAlgorithm, "ES256": jwt.algorithms.ECAlgorithm, "EdDSA": jwt.algorithms.OKPAlgorithm}


def make(folder):
    keys = {"RS256": rsa.generate_private_key(65537, 2048), "ES256": ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate()}
    published = []
    for kind, key in keys.items():
        (folder / f"{kind}.pem").write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        published.append({**json.loads(KINDS[kind].to_jwk(key.public_key())), "kid": kind, "use": "sig"})
    (folder / "jwks.json").write_text(json.dumps({"keys": published}))


class Keys(http.server.BaseHTTPRequestHandler):
    content, asked = b"", 0

    def do_GET(self):
        Keys.asked += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(Keys.content)))
        self.end_headers()
        self.wfile.write(Keys.content)

    def log_message(self, *_):
        pass


class Run:
    def __init__(self, folder, port, imaps, pop3s, submissions, sieve, ca, name):
        self.folder, self.port, self.ca, self.name = folder, port, ca, name
        self.imaps, self.pop3s, self.submissions, self.sieve = imaps, pop3s, submissions, sieve
        self.context = ssl.create_default_context(cafile=ca)

    def token(self, kind="ES256", key=None, **changes):
        now = int(time.time())
        claims = {"iss": "https://id.test", "aud": "mail", "iat": now, "exp": now + 300, "email": self.name, **changes}
        key = key or (self.folder / f"{kind}.pem").read_bytes()
        return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm=kind, headers={"kid": kind})

    def imap(self, token, name=None, way="oauthbearer_login"):
        client = imapclient.IMAPClient("127.0.0.1", self.imaps, ssl_context=self.context)
        try:
            assert b"AUTH=OAUTHBEARER" in client.capabilities() and b"AUTH=XOAUTH2" in client.capabilities()
            getattr(client, way)(self.name if name is None else name, token)
            client.select_folder("INBOX")
            return True
        except imapclient.exceptions.LoginError:
            return False
        finally:
            client.shutdown()

    def every_kind(self):
        for kind in KINDS:
            for way in ["oauthbearer_login", "oauth2_login"]:
                assert self.imap(self.token(kind), way=way), (kind, way)
        assert self.imap(self.token(aud=["web", "mail"]))
        # A long one, as large directories give: more than a line of SMTP once held.
        assert self.imap(self.token(groups=["g%04d" % n for n in range(600)]))

    def by_secret(self):
        """The public keys, which everybody has, used as if they were a shared secret: PyJWT refuses to make this one."""
        head, body, _ = self.token().split(".")
        head = base64.urlsafe_b64encode(b'{"alg":"HS256"}').rstrip(b"=").decode()
        digest = hmac.new((self.folder / "jwks.json").read_bytes(), f"{head}.{body}".encode(), "sha256").digest()
        return f"{head}.{body}." + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def refused(self):
        other = ec.generate_private_key(ec.SECP256R1())
        for what, token in {
            "expired": self.token(exp=int(time.time()) - 120), "endless": self.token(exp=None),
            "audience": self.token(aud="web"), "issuer": self.token(iss="https://evil.test"),
            "key": self.token(key=other), "future": self.token(nbf=int(time.time()) + 3600),
            "none": jwt.encode({"iss": "https://id.test", "aud": "mail", "exp": 1 << 40, "email": self.name}, None, "none"),
            "secret": self.by_secret(), "nobody": self.token(email="nobody@lab.test"),
            "unverified": self.token(email_verified=False), "nothing": "x", "dots": "a.b.c",
        }.items():
            assert not self.imap(token), what
        assert not self.imap(self.token(), name="bob@lab.test"), "another's name"

    def curl(self, *words):
        command = ["curl", "-sS", "--max-time", "30", "--cacert", self.ca, "-u", self.name + ":", *words]
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0, (words, result.stderr)
        return result.stdout

    def curls(self):
        token = self.token("RS256")
        for way in ["OAUTHBEARER", "XOAUTH2"]:
            words = ["--oauth2-bearer", token, "--login-options", "AUTH=" + way]
            assert "INBOX" in self.curl(*words, f"imaps://127.0.0.1:{self.imaps}/"), way
            self.curl(*words, f"pop3s://127.0.0.1:{self.pop3s}/")
            mail = self.folder / "mail.eml"
            mail.write_bytes(f"From: {self.name}\r\nTo: {self.name}\r\nSubject: by token\r\n\r\ntext\r\n".encode())
            self.curl(*words, "--mail-from", self.name, "--mail-rcpt", self.name, "-T", str(mail),
                      f"smtps://127.0.0.1:{self.submissions}/client.test")

    def smtp(self):
        for count in [1, 400]:
            token = self.token(groups=["g%04d" % n for n in range(count)])
            with smtplib.SMTP_SSL("127.0.0.1", self.submissions, context=self.context) as client:
                client.ehlo()
                response = f"user={self.name}\1auth=Bearer {token}\1\1"
                code, _ = client.auth("XOAUTH2", lambda challenge=None: response)
                assert code == 235, code

    def managesieve(self):
        plain = socket.create_connection(("127.0.0.1", self.sieve), 30)
        read = plain.makefile("rb")

        def answer():
            lines = []
            while not lines or not lines[-1].startswith((b"OK", b"NO", b"BYE")):
                lines.append(read.readline())
                assert lines[-1], lines
            return lines

        answer()
        plain.sendall(b"STARTTLS\r\n")
        assert answer()[-1].startswith(b"OK")
        stream = self.context.wrap_socket(plain, server_hostname="127.0.0.1")
        read = stream.makefile("rb")
        assert any(b"OAUTHBEARER" in line for line in answer())
        response = base64.b64encode(f"n,a={self.name},\1auth=Bearer {self.token()}\1\1".encode()).decode()
        stream.sendall(f'AUTHENTICATE "OAUTHBEARER" "{response}"\r\n'.encode())
        last = answer()[-1]
        assert last.startswith(b"OK"), last
        stream.close()

    def by_url(self):
        """The keys are asked for once, and serve while their server is away."""
        Keys.content = (self.folder / "jwks.json").read_bytes()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Keys)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        token = self.token(iss="https://web.test", email=None, preferred_username=self.name.split("@")[0])
        for _ in range(3):
            assert self.imap(token)
        assert Keys.asked == 1, Keys.asked
        server.shutdown()
        server.server_close()
        assert self.imap(token)
        assert not self.imap(self.token(iss="https://web.test")), "an address where a name is wanted"


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[2])
    if sys.argv[1] == "make":
        make(folder)
    else:
        run = Run(folder, *map(int, sys.argv[3:8]), *sys.argv[8:10])
        for step in [run.every_kind, run.refused, run.curls, run.smtp, run.managesieve, run.by_url]:
            step()
    print("ok")
