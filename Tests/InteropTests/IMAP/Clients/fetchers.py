"""fetchmail and getmail6 by IMAP: PROGRAM IMAP IMAPS CA NAME PASSWORD"""
import imaplib
import os
import signal
import ssl
import subprocess
import sys
import tempfile

program, imap, imaps, ca, name, password = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:7]


def check(condition, what):
    if not condition:
        raise SystemExit(f"{program} failed: {what}")


def fresh():
    """Signals as a shell leaves them: the test runner blocks and ignores some, and getmail waits for SIGCHLD."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, preexec_fn=fresh, **more)


def box():
    opened = imaplib.IMAP4_SSL("127.0.0.1", imaps, ssl_context=ssl.create_default_context(cafile=ca))
    opened.login(name, password)
    opened.select("INBOX")
    return opened


def fill(count):
    opened = box()
    if opened.search(None, "ALL")[1][0]:
        opened.store("1:*", "+FLAGS.SILENT", r"(\Deleted)")
    opened.expunge()
    for number in range(count):
        opened.append("INBOX", "", None, b"From: x@example.org\r\nMessage-ID: <f%d@x>\r\nSubject: for %s %d\r\n\r\ntext\r\n.dot\r\n" % (number, program.encode(), number))
    opened.logout()


def left(query="ALL"):
    opened = box()
    found = opened.search(None, query)[1][0].split()
    opened.logout()
    return len(found)


def with_fetchmail(folder):
    rc = os.path.join(folder, "fetchmailrc")
    with open(rc, "w") as file:
        file.write('poll localhost service %d protocol imap username "%s" password "%s" sslproto "TLS1.2+" sslcertck '
                   'sslcertfile "%s" no rewrite keep mda "cat >> %s/mbox"\n' % (imap, name, password, ca, folder))
    os.chmod(rc, 0o600)
    words = ["fetchmail", "-f", rc, "--nosyslog", "-v", "--pidfile", folder + "/pid", "--idfile", folder + "/ids"]
    environment = {"HOME": folder, "PATH": os.environ["PATH"], "FETCHMAILHOME": folder}
    first = run(*words, env=environment)
    text = open(folder + "/mbox").read() if os.path.exists(folder + "/mbox") else ""
    check(first.returncode == 0 and text.count("Subject: for fetchmail") == 3 and "\n.dot\n" in text.replace("\r", ""), first.stdout[-800:])
    # What was fetched is seen, and stays; a second time there is nothing.
    check(left() == 3 and left("UNSEEN") == 0, "everything is kept and seen")
    check(run(*words, env=environment).returncode == 1, "a second run finds nothing")
    # Everything, and gone from the server.
    all_of_it = run(*words, "--all", "--nokeep", env=environment)
    check(all_of_it.returncode == 0 and left() == 0, all_of_it.stdout[-800:])


def with_getmail(folder):
    maildir = os.path.join(folder, "Maildir")
    for part in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(maildir, part))
    with open(os.path.join(folder, "getmailrc"), "w") as file:
        file.write("[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = localhost\nport = %d\nusername = %s\npassword = %s\nmailboxes = (\"INBOX\",)\n"
                   "ca_certs = %s\n[destination]\ntype = MDA_external\npath = /bin/sh\nallow_root_commands = true\n"
                   "arguments = (\"-c\", \"cat > $(mktemp %s/new/XXXXXX)\")\n[options]\nread_all = false\ndelete = false\n"
                   % (imaps, name, password, ca, maildir))
    log = ""
    for expected in (3, 3):
        got = run("getmail", "--getmaildir", folder, "--rcfile", folder + "/getmailrc")
        log += got.stdout + got.stderr
        check(len(os.listdir(maildir + "/new")) == expected, log[-800:])
    check(left() == 3, "everything is kept")


fill(3)
with tempfile.TemporaryDirectory() as folder:
    {"fetchmail": with_fetchmail, "getmail": with_getmail}[program](folder)
print("ok")
