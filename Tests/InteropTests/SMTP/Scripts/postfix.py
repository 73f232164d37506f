"""Portside and Postfix, both ways, each finding the other by MX in Portside's own DNS, over TLS. Argument: the program and a folder.

Runs in a network namespace and a mount namespace of its own (`unshare -n -m`), as root: port 25 and 443 of loopback, the system's
resolver and its certificate authorities are this test's alone. Prints what was seen as JSON."""
import base64, http.server, json, os, poplib, shutil, smtplib, socket, ssl, subprocess, sys, threading, time

import dkim

program, folder = sys.argv[1:3]
found = {}
CONFIGURATION = """
[server]
hostname = "mx.a.test"
data     = "{folder}/data"
key      = "file:{folder}/key"
user     = "nobody"
[listen]
here = ["127.0.0.1"]
[tls]
issuer = "internal-ca"
[auth]
penalty = {{ exempt = ["127.0.0.0/8"] }}
[roles]
staff = ["mail"]
[dns]
on    = ["here"]
zones = ["a.test", "b.test", "c.test", "e.test", "l.test", "p.test", "127.in-addr.arpa"]
[smtp]
on      = ["here"]
domains = ["a.test"]
aliases = {{ "away@a.test" = ["bob@b.test"] }}
trusted_forwarders = ["l.test"]
[pop3]
on = ["here"]
"""
ZONE = "$TTL 60\n@ IN SOA ns hostmaster ( 1 3600 600 604800 60 )\n@ IN NS ns\nns IN A 127.0.0.1\n"
ZONES = {
    "a.test": "mx IN A 127.0.0.1\n",
    "b.test": '@ IN MX 10 mx\nmx IN A 127.0.0.2\n@ IN TXT "v=spf1 ip4:127.0.0.2 -all"\n_mta-sts IN TXT "v=STSv1; id=1;"\nmta-sts IN A 127.0.0.2\n'
              '_smtp._tls IN TXT "v=TLSRPTv1; rua=mailto:tls@b.test"\n_dmarc IN TXT "v=DMARC1; p=reject; rua=mailto:dmarc@b.test"\n',
    # Its policy names another server than its MX: nothing may go there.
    "c.test": '@ IN MX 10 mx.b.test.\n_mta-sts IN TXT "v=STSv1; id=1;"\nmta-sts IN A 127.0.0.2\n',
    # It is there, and nobody answers.
    "e.test": "@ IN MX 10 mx\nmx IN A 127.0.0.9\n",
    "l.test": "",
    "p.test": '_dmarc IN TXT "v=DMARC1; p=reject"\n',
    "127.in-addr.arpa": "1.0.0 IN PTR mx.a.test.\n2.0.0 IN PTR mx.b.test.\n",
}
POLICIES = {"mta-sts.b.test": "mx.b.test", "mta-sts.c.test": "other.c.test"}
MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/postfix/queue
data_directory = {folder}/postfix/data
maillog_file = {folder}/postfix/log
maillog_file_prefixes = {folder}
myhostname = mx.b.test
mydomain = b.test
mydestination =
mynetworks = 127.0.0.2/32
inet_interfaces = 127.0.0.2
inet_protocols = ipv4
smtp_bind_address = 127.0.0.2
virtual_mailbox_domains = b.test c.test
virtual_mailbox_base = {folder}/postfix/mail
virtual_mailbox_maps = inline:{{ bob@b.test=bob/, tls@b.test=bob/, dmarc@b.test=bob/ }}
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_tls_cert_file = {folder}/b.pem
smtpd_tls_key_file = {folder}/b.key
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtp_tls_security_level = encrypt
smtp_tls_loglevel = 1
smtp_dns_support_level = enabled
smtp_host_lookup = dns
minimal_backoff_time = 2s
queue_run_delay = 2s
"""
MASTER = """
mx.b.test:smtp inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 2 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
""".replace("mx.b.test:smtp", "127.0.0.2:25")


def sh(*words, check=True, **more):
    return subprocess.run(words, check=check, capture_output=True, text=True, **more)


def write(name, text, mode=0o644):
    path = f"{folder}/{name}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def eventually(seconds, body):
    end = time.time() + seconds
    while time.time() < end:
        value = body()
        if value:
            return value
        time.sleep(0.3)
    return None


def certificates():
    sh("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.pem", "-days", "2",
       "-subj", "/CN=Test Authority", "-addext", "basicConstraints=critical,CA:TRUE")
    write("names", "subjectAltName=DNS:mx.b.test,DNS:mta-sts.b.test,DNS:mta-sts.c.test\n")
    sh("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{folder}/b.key", "-out", f"{folder}/b.csr", "-subj", "/CN=mx.b.test")
    sh("openssl", "x509", "-req", "-in", f"{folder}/b.csr", "-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key", "-CAcreateserial",
       "-out", f"{folder}/b.pem", "-days", "2", "-extfile", f"{folder}/names")


    sh("openssl", "genrsa", "-traditional", "-out", f"{folder}/l.key", "2048")
    public = sh("openssl", "rsa", "-in", f"{folder}/l.key", "-pubout", "-outform", "DER", "-out", f"{folder}/l.pub")
    text = base64.b64encode(open(f"{folder}/l.pub", "rb").read()).decode()
    ZONES["l.test"] = f's._domainkey IN TXT "v=DKIM1; k=rsa; p={text[:200]}" "{text[200:]}"\n'


def texts(name, timeout=5):
    """For dkimpy: what our own DNS says."""
    lines = sh("dig", "+short", "@127.0.0.1", name.decode() if isinstance(name, bytes) else name, "TXT", check=False).stdout
    return "".join(part for part in lines.split('"')[1::2]).encode() or None


def judged(message):
    """By dkimpy: each signature, and the chain."""
    octets = message.replace("\n", "\r\n").encode()
    checker = dkim.DKIM(octets, minkey=1024)
    count = octets.lower().count(b"dkim-signature:")
    words = [str(checker.verify(idx=index, dnsfunc=texts)) for index in range(count)]
    return {"dkim": words, "arc": dkim.arc_verify(octets, dnsfunc=texts)[0].decode()}


def sealed(subject):
    """A message of p.test, which refuses what proves nothing, sealed by l.test."""
    message = (f"Authentication-Results: l.test; spf=pass smtp.mailfrom=x@p.test; dmarc=pass header.from=p.test\r\nFrom: x@p.test\r\nTo: ann@a.test\r\n"
               f"Subject: {subject}\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{subject}@p.test>\r\n\r\nhello\r\n").encode()
    key = open(f"{folder}/l.key", "rb").read()
    return b"".join(dkim.arc_sign(message, b"s", b"l.test", key, b"l.test")) + message, message


class Policy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = POLICIES.get(self.headers.get("Host", "").split(":")[0])
        text = f"version: STSv1\nmode: enforce\nmx: {server}\nmax_age: 86400\n".encode()
        self.send_response(200 if server else 404)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *words):
        pass


def policies():
    server = http.server.ThreadingHTTPServer(("127.0.0.2", 443), Policy)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/b.pem", f"{folder}/b.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def postfix():
    for name in ("postfix/queue", "postfix/data", "postfix/mail"):
        os.makedirs(f"{folder}/{name}", exist_ok=True)
    shutil.chown(f"{folder}/postfix/data", "postfix")
    shutil.chown(f"{folder}/postfix/mail", 65534, 65534)
    write("postfix/etc/main.cf", MAIN.format(folder=folder))
    write("postfix/etc/master.cf", MASTER)
    os.chmod(folder, 0o755)
    started = sh("postfix", "-c", f"{folder}/postfix/etc", "start", check=False)
    if started.returncode or not eventually(30, lambda: socket.socket().connect_ex(("127.0.0.2", 25)) == 0):
        raise SystemExit(f"Postfix did not start: {started.stderr}")


def portside():
    write("portside.toml", CONFIGURATION.format(folder=folder))
    for zone, text in ZONES.items():
        write(f"data/zones/{zone}.zone", f"$ORIGIN {zone}.\n{ZONE}{text}")
    log = open(f"{folder}/portside.log", "w")
    server = subprocess.Popen([program, "serve", "--config", f"{folder}/portside.toml"], stdout=log, stderr=log)
    ready = eventually(60, lambda: open(f"{folder}/portside.log").read().count("worker ready") >= 3)
    if not ready:
        raise SystemExit("portside was not ready:\n" + open(f"{folder}/portside.log").read())
    added = sh(program, "account", "add", "ann@a.test", "--role", "staff", "--generate", "--config", f"{folder}/portside.toml", check=False)
    found["account"] = added.stdout + added.stderr
    return server, added.stdout


def box(password):
    client = poplib.POP3("127.0.0.1", timeout=30)
    client.stls(ssl._create_unverified_context())
    client.user("ann@a.test")
    client.pass_(password)
    texts = ["\n".join(line.decode(errors="replace") for line in client.retr(n)[1]) for n in range(1, len(client.list()[1]) + 1)]
    client.quit()
    return texts


def maildir():
    texts = []
    for place, _, names in os.walk(f"{folder}/postfix/mail"):
        texts += [open(os.path.join(place, name), errors="replace").read() for name in names]
    return texts


def submit(password, recipients, subject, options=()):
    client = smtplib.SMTP("127.0.0.1", 587, timeout=60)
    client.starttls(context=ssl._create_unverified_context())
    client.login("ann@a.test", password)
    client.sendmail("ann@a.test", recipients, f"From: ann@a.test\r\nTo: {recipients[0]}\r\nSubject: {subject}\r\n\r\nhello\r\n", mail_options=list(options))
    client.quit()


def queue():
    return sh(program, "queue", "list", "--config", f"{folder}/portside.toml", check=False).stdout


sh("mount", "--make-rprivate", "/")
sh("ip", "link", "set", "lo", "up")
sh("ip", "address", "add", "127.0.0.2/8", "dev", "lo")
certificates()
sh("mount", "--bind", write("resolv.conf", "nameserver 127.0.0.1\n"), "/etc/resolv.conf")
sh("mount", "--bind", f"{folder}/ca.pem", "/etc/ssl/certs/ca-certificates.crt")
server = None
try:
    server, output = portside()
    password = [word for word in output.replace("\n", " ").split(" ") if word.count("-") == 3][0]
    policies()
    postfix()
    # Out: by MX, over TLS that the policy demands; all that a sender may demand as well.
    submit(password, ["bob@b.test"], "to postfix")
    submit(password, ["bob@b.test"], "to postfix again")
    submit(password, ["x@c.test"], "never")
    submit(password, ["x@e.test"], "silence")
    submit(password, ["nobody@b.test"], "unknown")
    submit(password, ["x@none.b.test"], "no domain")
    found["out"] = "\n".join(eventually(30, lambda: len([t for t in maildir() if "to postfix" in t]) == 2 and maildir()) or maildir())
    # Notices of what failed.
    found["notices"] = "\n".join(eventually(30, lambda: sum("delivery-status" in t for t in box(password)) >= 2 and box(password)) or box(password))
    found["queue"] = queue()
    # In: Postfix finds us by MX, and speaks TLS.
    sender = smtplib.SMTP("127.0.0.2", 25, source_address=("127.0.0.2", 0), timeout=60)
    sender.sendmail("bob@b.test", ["ann@a.test"], "From: bob@b.test\r\nTo: ann@a.test\r\nSubject: from postfix\r\n\r\nhello\r\n")
    # What an alias passes on goes back to where it came from, sealed, in our own name.
    sender.sendmail("bob@b.test", ["away@a.test"], "From: bob@b.test\r\nTo: away@a.test\r\nSubject: passed on\r\n\r\nhello\r\n")
    # A notice about a notice is never sent.
    sender.sendmail("", ["nobody@a.test"], "From: bob@b.test\r\nTo: nobody@a.test\r\nSubject: loop\r\n\r\nhello\r\n")
    sender.quit()
    found["in"] = "\n".join(eventually(30, lambda: any("from postfix" in t for t in box(password)) and box(password)) or box(password))
    found["passed"] = "\n".join(eventually(30, lambda: [t for t in maildir() if "passed on" in t]) or [])
    # Signatures and seals, in the eyes of others; and theirs in ours.
    found["judged"] = json.dumps([judged(t.split("\n", 3)[3]) for t in maildir() if "to postfix" in t or "passed on" in t])
    for name, message in zip(("sealed", "unsealed"), sealed("chain")):
        try:
            list_server = smtplib.SMTP("127.0.0.1", 25, "l.test", source_address=("127.0.0.3", 0), timeout=60)
            list_server.sendmail("x@l.test", ["ann@a.test"], message)
            found[name] = "250"
        except smtplib.SMTPResponseException as error:
            found[name] = f"{error.smtp_code} {error.smtp_error.decode()}"
    found["chain"] = "\n".join(t for t in box(password) if "Subject: chain" in t)
    found["log"] = open(f"{folder}/postfix/log").read() if os.path.exists(f"{folder}/postfix/log") else ""
    found["policies"] = open(f"{folder}/data/queue/mta-sts.json").read()
    eventually(70, lambda: os.path.exists(f"{folder}/data/queue/dmarc-reports.json"))
    for name in ("tls-reports", "dmarc-reports"):
        path = f"{folder}/data/queue/{name}.json"
        found[name] = open(path).read() if os.path.exists(path) else ""
    found["portside"] = open(f"{folder}/portside.log").read()
    print(json.dumps({name: str(text)[-60_000:] for name, text in found.items()}))
finally:
    sh("postfix", "-c", f"{folder}/postfix/etc", "stop", check=False)
    if server:
        server.terminate()
        server.wait(20)
