"""Real POP3 clients against the running program. One JSON argument tells ports, accounts and the root; prints one JSON object."""
import email.utils
import json
import os
import poplib
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time

T = json.loads(sys.argv[1])
HOST = "127.0.0.1"
ANN, BOB = T["accounts"][0], T["accounts"][1]
CONTEXT = ssl.create_default_context(cafile=T["ca"])
RESULT = {}


def fresh():
    """Signals as a shell leaves them: the test runner blocks and ignores some, and getmail waits for SIGCHLD."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def run(*words, **more):
    return subprocess.run(
        words, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, preexec_fn=fresh, **more)


def send(to, subject, body="text\n.dot\nend\n"):
    with smtplib.SMTP(HOST, T["smtp"]) as client:
        header = "From: x@example.org\r\nTo: %s\r\nDate: %s\r\nMessage-ID: %s\r\nSubject: %s" % (
            to["name"], email.utils.formatdate(), email.utils.make_msgid(domain="example.org"), subject)
        client.sendmail("x@example.org", [to["name"]], header + "\r\n\r\n" + body)


def login(account, kind="tls"):
    if kind == "tls":
        client = poplib.POP3_SSL(HOST, T["pop3s"], context=CONTEXT)
    else:
        client = poplib.POP3(HOST, T["pop3"])
        if kind == "stls":
            client.stls(context=CONTEXT)
    client.user(account["name"])
    client.pass_(account["password"])
    return client


# poplib: every command, three ways in.
for kind in ("plain", "stls", "tls"):
    client = login(ANN, kind)
    count, size = client.stat()
    sizes = [int(line.split()[1]) for line in client.list()[1]]
    ids = [line.split()[1] for line in client.uidl()[1]]
    bodies = [b"\r\n".join(client.retr(number + 1)[1]) + b"\r\n" for number in range(count)]
    top = client.top(1, 0)[1]
    client.noop()
    capabilities = client.capa()
    client.quit()
    RESULT["poplib " + kind] = {
        "count": count, "size": size == sum(sizes), "exact": [len(body) for body in bodies] == sizes,
        "unique": len(set(ids)) == count, "top": top[-1] == b"", "stls": "STLS" in capabilities}

# Two sessions at once: the one's deletions don't disturb the other's numbers; UIDLs stay.
send(BOB, "first")
one, two = login(BOB), login(BOB, "stls")
before = one.uidl()[1]
one.dele(1)
one.quit()
still = two.uidl()[1]
gone = b"".join(two.retr(1)[1])
two.quit()
three = login(BOB)
after = three.uidl()[1]
three.close()
RESULT["two sessions"] = {
    "same": before == still, "readable": len(gone) > 0,
    "kept": [line.split()[1] for line in after] == [line.split()[1] for line in before[1:]]}

# Without QUIT nothing goes.
send(BOB, "kept")
lost = login(BOB)
number = lost.stat()[0]
lost.dele(1)
lost.close()
again = login(BOB)
RESULT["no quit"] = {"kept": again.stat()[0] == number}
again.quit()

# A wrong password, and the name of nobody: the same answer.
answers = []
for name in (ANN["name"], "nobody@lab.test"):
    client = poplib.POP3_SSL(HOST, T["pop3s"], context=CONTEXT)
    client.user(name)
    try:
        client.pass_("wrong")
    except poplib.error_proto as error:
        answers.append(str(error))
RESULT["wrong"] = {"same": len(answers) == 2 and answers[0] == answers[1]}

# curl, both ports.
user = "%s:%s" % (ANN["name"], ANN["password"])
listing = run("curl", "-sS", "--max-time", "20", "--ssl-reqd", "--cacert", T["ca"], "-u", user, "pop3://%s:%d/" % (HOST, T["pop3"]))
one = run("curl", "-sS", "--max-time", "20", "--cacert", T["ca"], "-u", user, "pop3s://%s:%d/1" % (HOST, T["pop3s"]))
plain = run("curl", "-sS", "--max-time", "20", "--cacert", T["ca"], "-u", user, "--login-options", "AUTH=PLAIN",
            "pop3s://%s:%d/" % (HOST, T["pop3s"]), "-X", "UIDL")
RESULT["curl"] = {"listing": len(listing.stdout.split("\n")) > 3, "message": "Subject: Welcome" in one.stdout,
                  "sasl": plain.returncode == 0 and len(plain.stdout.split()) > 3}

with tempfile.TemporaryDirectory() as folder:
    # fetchmail, with STLS and a certificate check: takes everything and deletes it.
    for number in range(3):
        send(BOB, "for fetchmail %d" % number)
    number = login(BOB).stat()[0]
    rc = os.path.join(folder, "fetchmailrc")
    with open(rc, "w") as file:
        file.write('poll localhost service %d protocol pop3 uidl username "%s" password "%s" sslproto "TLS1.2+" sslcertck '
                   'sslcertfile "%s" no rewrite mda "cat >> %s/mbox"\n'
                   % (T["pop3"], BOB["name"], BOB["password"], T["ca"], folder))
    os.chmod(rc, 0o600)
    fetched = run("fetchmail", "-f", rc, "--nosyslog", "-v", "--pidfile", folder + "/pid", "--idfile", folder + "/ids",
                  env={"HOME": folder, "PATH": os.environ["PATH"], "FETCHMAILHOME": folder})
    text = open(folder + "/mbox").read() if os.path.exists(folder + "/mbox") else ""
    RESULT["fetchmail"] = {
        "code": fetched.returncode, "all": text.count("Subject: for fetchmail") == 3 and "\n.dot\n" in text.replace("\r", ""),
        "emptied": login(BOB).stat()[0] == 0, "number": number, "log": fetched.stdout[-1500:] + fetched.stderr[-1500:]}

    # getmail6, inside TLS, twice: the second time UIDL says that there is nothing new.
    for number in range(2):
        send(BOB, "for getmail %d" % number)
    maildir = os.path.join(folder, "Maildir")
    for part in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(maildir, part))
    with open(os.path.join(folder, "getmailrc"), "w") as file:
        # As root getmail delivers through a program only.
        file.write("[retriever]\ntype = SimplePOP3SSLRetriever\nserver = localhost\nport = %d\nusername = %s\npassword = %s\n"
                   "ca_certs = %s\n[destination]\ntype = MDA_external\npath = /bin/sh\nallow_root_commands = true\n"
                   "arguments = (\"-c\", \"cat > $(mktemp %s/new/XXXXXX)\")\n[options]\nread_all = false\ndelete = false\n"
                   % (T["pop3s"], BOB["name"], BOB["password"], T["ca"], maildir))
    counts = []
    for _ in range(2):
        got = run("getmail", "--getmaildir", folder, "--rcfile", folder + "/getmailrc")
        counts.append(len(os.listdir(maildir + "/new")))
    RESULT["getmail"] = {"code": got.returncode, "counts": counts, "log": got.stdout[-800:] + got.stderr[-800:]}

# Pipelining (RFC 2449 §6.6): all in one packet.
with CONTEXT.wrap_socket(socket.create_connection((HOST, T["pop3s"])), server_hostname="localhost") as stream:
    stream.sendall(("USER %s\r\nPASS %s\r\nSTAT\r\nUIDL\r\nRETR 1\r\nTOP 1 0\r\nNOOP\r\nQUIT\r\n"
                    % (ANN["name"], ANN["password"])).encode())
    data = b""
    while True:
        piece = stream.recv(65536)
        if not piece:
            break
        data += piece
RESULT["pipelined"] = {"answers": data.count(b"+OK"), "errors": data.count(b"-ERR")}

# A large message, and how fast it comes.
body = "0123456789abcdef" * 4 + "\r\n"
send(ANN, "large", body * 160_000)
client = login(ANN)
number = client.stat()[0]
begin = time.monotonic()
lines = client.retr(number)[1]
RESULT["large"] = {"lines": lines.count(body.strip().encode()), "seconds": round(time.monotonic() - begin, 2)}
client.dele(number)
client.quit()
print(json.dumps(RESULT))
