"""The same commands to Dovecot and to us, and what differs: compare.py IMAP_PORT NAME PASSWORD

Dovecot runs unprivileged on loopback, from a folder of its own. Answers are compared after normalising what may differ (dates of now,
identifiers, texts for people). Prints a JSON object: the command's number and text, and both answers, for each that differs.
"""
import json, os, pwd, re, shutil, socket, subprocess, sys, tempfile, time

SAMPLE = [
    b"From: Ann Arbor <ann@lab.test>\r\nTo: bob@lab.test, \"Carl, C.\" <carl@lab.test>\r\nCc: Friends: dora@lab.test, eve@lab.test;\r\nSubject: Lunch\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\nMessage-ID: <1@lab.test>\r\n\r\nAre you hungry?\r\n",
    b"From: bob@lab.test\r\nTo: ann@lab.test\r\nSubject: Re: Lunch\r\nDate: Tue, 8 Feb 1994 09:00:00 +0100\r\nMessage-ID: <2@lab.test>\r\nIn-Reply-To: <1@lab.test>\r\nReferences: <1@lab.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\npreamble\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n--b\r\nContent-Type: application/octet-stream; name=\"x.bin\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"x.bin\"\r\n\r\nAAECAw==\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: eve@lab.test\r\nSubject: inner\r\n\r\ninner text\r\n\r\n--b--\r\n",
    b"From: =?utf-8?q?J=C3=BCrgen?= <j@lab.test>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Wed, 9 Feb 1994 09:00:00 +0000\r\n\r\nnichts\r\n",
]

SCRIPT = [
    "CREATE Work", "CREATE Work/Deep", "CREATE Work", "CREATE \"\"", "LIST \"\" *", "LIST \"\" %", "LIST \"\" Work/%", "LIST Work/ *", "LIST \"\" \"\"",
    "SUBSCRIBE Work", "LSUB \"\" *", "LIST (SUBSCRIBED) \"\" *", "LIST \"\" Work RETURN (CHILDREN STATUS (MESSAGES UIDNEXT))", "UNSUBSCRIBE Work",
    "STATUS Work (MESSAGES UNSEEN UIDNEXT)", "STATUS Missing (MESSAGES)", "SELECT Missing", "FETCH 1 FLAGS", "SELECT Work", "SEARCH ALL", "FETCH 1 FLAGS", "FETCH 1:* FLAGS", "UID FETCH 1:* FLAGS",
    ("APPEND Work (\\Seen) \" 7-Feb-1994 21:52:25 -0800\" {%d+}", 0), ("APPEND Work () {%d+}", 1), ("APPEND Work ($Label) {%d+}", 2), "APPEND Missing {1}",
    "NOOP", "FETCH 1:* (FLAGS UID RFC822.SIZE)", "FETCH 1 INTERNALDATE", "FETCH 1:* ENVELOPE", "FETCH 1:* BODY", "FETCH 1:* BODYSTRUCTURE",
    "FETCH 1 BODY.PEEK[]", "FETCH 2 BODY.PEEK[HEADER]", "FETCH 2 BODY.PEEK[TEXT]", "FETCH 2 BODY.PEEK[1]", "FETCH 2 BODY.PEEK[1.MIME]", "FETCH 2 BODY.PEEK[2]", "FETCH 2 BODY.PEEK[3]",
    "FETCH 2 BODY.PEEK[3.HEADER]", "FETCH 2 BODY.PEEK[3.TEXT]", "FETCH 2 BODY.PEEK[3.1]", "FETCH 2 BODY.PEEK[9]", "FETCH 2 BODY.PEEK[1.1]", "FETCH 1 BODY.PEEK[1]", "FETCH 1 BODY.PEEK[1.MIME]",
    "FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)]", "FETCH 1 BODY.PEEK[HEADER.FIELDS (X-NONE)]", "FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT TO CC)]", "FETCH 1 BODY.PEEK[]<0.10>", "FETCH 1 BODY.PEEK[]<5000.10>", "FETCH 1 BODY.PEEK[TEXT]<4.3>",
    "FETCH 2 BINARY.PEEK[1]", "FETCH 2 BINARY.PEEK[2]", "FETCH 2 BINARY.SIZE[2]", "FETCH 2 (BODY[1])", "FETCH 2 FLAGS", "FETCH 3 RFC822.HEADER", "FETCH 3 RFC822", "FETCH 3 FLAGS", "FETCH 3 PREVIEW",
    "STORE 1 +FLAGS (\\Flagged $Todo)", "STORE 1:2 FLAGS.SILENT (\\Answered)", "FETCH 1:* FLAGS", "STORE 1 -FLAGS (\\Answered)", "STORE 9 +FLAGS (\\Seen)", "STORE 1 FLAGS (\\Recent)", "UID STORE 99 +FLAGS (\\Seen)",
    "SEARCH ALL", "SEARCH UNSEEN", "SEARCH ANSWERED", "SEARCH SUBJECT lunch", "SEARCH FROM ann", "SEARCH TEXT hungry", "SEARCH BODY grüße".encode() and "SEARCH CHARSET UTF-8 BODY {7+}\r\ngrüße", "SEARCH CHARSET UTF-8 SUBJECT {7+}\r\ngrüße",
    "SEARCH HEADER Message-ID <1@", "SEARCH SENTON 7-Feb-1994", "SEARCH SENTSINCE 8-Feb-1994", "SEARCH ON 8-Feb-1994", "SEARCH LARGER 300", "SEARCH OR SUBJECT inner FROM j@", "SEARCH NOT KEYWORD $Label", "SEARCH UID 2:*", "SEARCH 1:2 UNANSWERED", "SEARCH BOGUS", "SEARCH CHARSET X-NO ALL",
    "SEARCH RETURN (MIN MAX COUNT) ALL", "UID SEARCH RETURN (ALL) UNSEEN", "SEARCH RETURN (SAVE) SUBJECT lunch", "FETCH $ UID", "SEARCH RETURN () 9:*", "SEARCH TEXT nowhere",
    "SORT (SUBJECT) UTF-8 ALL", "SORT (REVERSE DATE) UTF-8 ALL", "SORT (FROM SIZE) UTF-8 ALL", "SORT (DISPLAYFROM) UTF-8 ALL", "UID SORT (ARRIVAL) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL", "THREAD ORDEREDSUBJECT UTF-8 ALL", "THREAD REFS UTF-8 ALL",
    "COPY 1:2 Work/Deep", "COPY 1 Missing", "UID COPY 99 Work/Deep", "STATUS Work/Deep (MESSAGES UIDNEXT UNSEEN SIZE)", "STORE 2 +FLAGS.SILENT (\\Deleted)", "UID EXPUNGE 1", "EXPUNGE", "FETCH 1:* UID", "MOVE 1 Work/Deep", "UID FETCH 1:* UID", "UID MOVE 77 Work/Deep",
    "RENAME Work/Deep Elsewhere", "LIST \"\" *", "RENAME Missing X", "RENAME Elsewhere Work", "DELETE Missing", "DELETE INBOX", "EXAMINE Elsewhere", "STORE 1 +FLAGS (\\Seen)", "FETCH 1 BODY[TEXT]", "FETCH 1 FLAGS", "EXPUNGE", "CLOSE", "FETCH 1 FLAGS",
    "SELECT Elsewhere (CONDSTORE)", "FETCH 1 MODSEQ".replace("MODSEQ", "UID"), "UNSELECT", "CREATE Entw&APw-rfe", "LIST \"\" Entw*", "DELETE Entw&APw-rfe", "CREATE &bad", "NAMESPACE", "ENABLE BOGUS", "CHECK", "BOGUS", "UID BOGUS", "FETCH", "SELECT",
]


class Connection:
    def __init__(self, port, name, password):
        self.stream = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.stream.makefile("rb")
        self.file.readline()
        assert self.ask('LOGIN "%s" "%s"' % (name, password))[-1].startswith("T OK"), "log-in"

    def ask(self, command, message=None):
        line = command % len(message) if message is not None else command
        self.stream.sendall(b"T " + line.encode() + b"\r\n" + (message + b"\r\n" if message is not None else b""))
        lines = []
        while True:
            line = self.response()
            lines.append(line)
            if line.startswith("T ") or line.startswith("+ ") or not line:
                return lines

    def response(self):
        whole = b""
        while True:
            line = self.file.readline()
            whole += line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if not literal:
                return whole.decode("utf-8", "surrogateescape").rstrip("\r\n")
            whole += self.file.read(int(literal[1]))


def dovecot(folder, name, password):
    user = "nobody"
    numbers = pwd.getpwnam(user)
    for part in ("", "/run", "/state", "/home"):
        os.makedirs(folder + part, exist_ok=True)
        os.chown(folder + part, numbers.pw_uid, numbers.pw_gid)
    os.chmod(folder, 0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    version = subprocess.run(["dovecot", "--version"], capture_output=True, text=True).stdout
    is_new = version.startswith("2.4")
    with open(folder + "/users", "w") as file:
        file.write("%s:{PLAIN}%s:%d:%d::%s/home\n" % (name, password, numbers.pw_uid, numbers.pw_gid, folder))
    group = "nogroup"
    common = f"""
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""
    if is_new:
        text = f"dovecot_config_version = {version.split()[0]}\ndovecot_storage_version = {version.split()[0]}\n" + common + f"""
auth_allow_cleartext = yes
auth_mechanisms = plain
mail_driver = sdbox
mail_path = {folder}/home/mail
mail_home = {folder}/home
passdb passwd-file {{
  passwd_file_path = {folder}/users
}}
userdb passwd-file {{
  passwd_file_path = {folder}/users
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""
    else:
        text = common + f"""
disable_plaintext_auth = no
mail_location = sdbox:{folder}/home/mail
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""
    with open(folder + "/conf", "w") as file:
        file.write(text)
    process = subprocess.Popen(["dovecot", "-F", "-c", folder + "/conf"], stdout=subprocess.DEVNULL, stderr=open(folder + "/errors", "w"))
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process, port
        except OSError:
            time.sleep(0.1)
    raise SystemExit("dovecot did not start: " + open(folder + "/errors").read() + (open(folder + "/log").read() if os.path.exists(folder + "/log") else ""))


def normal(lines):
    """What counts: untagged data in its order, and how it ended, with its code; not what is said to people."""
    result = []
    for line in lines:
        line = re.sub(r"MODSEQ \(\d+\)", "MODSEQ (n)", line)
        line = re.sub(r"(UIDVALIDITY|HIGHESTMODSEQ) \d+", r"\1 n", line)
        line = re.sub(r"(COPYUID|APPENDUID) \d+", r"\1 n", line)
        if re.match(r"\* OK \[(MAILBOXID|NOMODSEQ|UNSEEN|HIGHESTMODSEQ|UIDNEXT|UIDVALIDITY|CLOSED|PERMANENTFLAGS)", line):
            line = re.sub(r"\] .*", "]", line)
        line = re.sub(r"^(T (?:OK|NO|BAD)(?: \[[^\]]*\])?).*", r"\1", line)
        line = re.sub(r"^(\* (?:OK|NO|BAD)(?: \[[^\]]*\])?) .*", r"\1", line)
        line = re.sub(r" \(\d+\.\d+ \+ .*secs\)\.?$", "", line)
        # Quoted or not, upper or lower case of keywords: the same.
        line = re.sub(r'"([A-Za-z0-9/._-]+)"', r"\1", line)
        result.append(line)
    return sorted(result[:-1]) + result[-1:]


def main():
    port, name, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    folder = tempfile.mkdtemp(prefix="imap-dovecot-")
    process = None
    try:
        process, other = dovecot(folder, name, password)
        ours, theirs = Connection(port, name, password), Connection(other, name, password)
        differences = []
        for number, step in enumerate(SCRIPT):
            command, message = (step[0], SAMPLE[step[1]]) if isinstance(step, tuple) else (step, None)
            try:
                one, two = ours.ask(command, message), theirs.ask(command, message)
            except OSError as error:
                differences.append({"command": command, "ours": [], "dovecot": [str(error)]})
                break
            if normal(one) != normal(two):
                differences.append({"command": command, "ours": normal(one), "dovecot": normal(two)})
            if command.startswith("APPEND Missing"):
                continue
        print(json.dumps({"steps": len(SCRIPT), "differences": differences}, indent=1))
    finally:
        if process:
            process.terminate()
            process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


main()
