"""What Thunderbird, Outlook and Apple Mail say, as their logs show it: PROGRAM IMAP IMAPS CA NAME PASSWORD

Each script is one visit: log-in, folders, what is new, reading, marking, moving, sending's copy, waiting, the end. Every answer is looked at
as far as the program depends on it.
"""
import base64
import re
import socket
import ssl
import sys

program, imap, imaps, ca, name, password = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:7]
MESSAGE = (b"From: Ann <ann@lab.test>\r\nTo: bob@lab.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\n"
           b"Message-ID: <%d@lab.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain; "
           b"charset=utf-8\r\n\r\nplain\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>html</p>\r\n--b--\r\n")


def check(condition, what):
    if not condition:
        raise SystemExit(f"{program} failed: {what}")


class Connection:
    def __init__(self, is_tls, tag):
        self.stream = socket.create_connection(("127.0.0.1", imaps if is_tls else imap), 20)
        self.context = ssl.create_default_context(cafile=ca)
        if is_tls:
            self.wrap()
        self.file = self.stream.makefile("rb")
        self.make_tag, self.number = tag, 0
        check(self.line().startswith(b"* OK [CAPABILITY "), "a greeting with capabilities")

    def wrap(self):
        self.stream = self.context.wrap_socket(self.stream, server_hostname="srv.lab.test")

    def start_tls(self):
        self.ask("STARTTLS")
        self.wrap()
        self.file = self.stream.makefile("rb")

    def line(self):
        whole = b""
        while True:
            line = self.file.readline()
            check(line, "the connection stands")
            whole += line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if not literal:
                return whole[:-2]
            whole += self.file.read(int(literal[1]))

    def ask(self, text, *bodies, status=b"OK"):
        """Untagged lines and the tagged one. A `+` is answered by the next body."""
        self.number += 1
        tag = self.make_tag(self.number).encode()
        self.stream.sendall(tag + b" " + text.encode() + b"\r\n")
        bodies, lines = list(bodies), []
        while True:
            line = self.line()
            if line.startswith(b"+"):
                check(bodies, f"{text}: nothing to go on with")
                self.stream.sendall(bodies.pop(0) + b"\r\n")
                continue
            lines.append(line)
            if line.startswith(tag + b" "):
                check(line[len(tag) + 1:].startswith(status), f"{text}: {line!r}")
                return lines

    def has(self, text, *patterns, bodies=()):
        lines = self.ask(text, *bodies)
        for pattern in patterns:
            check(any(re.search(pattern, line) for line in lines), f"{text}: no {pattern} in {lines}")
        return lines

    def idle(self, other, pattern):
        """Waits, is told of what another does, and ends it."""
        self.number += 1
        tag = self.make_tag(self.number).encode()
        self.stream.sendall(tag + b" IDLE\r\n")
        check(self.line().startswith(b"+"), "IDLE begins")
        other()
        while not re.search(pattern, self.line()):
            pass
        self.stream.sendall(b"DONE\r\n")
        while not self.line().startswith(tag + b" OK"):
            pass


def deliver(number):
    other = Connection(True, lambda n: "d%d" % n)
    other.ask('LOGIN "%s" "%s"' % (name, password))
    message = MESSAGE % number
    other.ask("APPEND INBOX {%d}" % len(message), message)
    other.ask("LOGOUT")


def empty():
    box = Connection(True, lambda n: "e%d" % n)
    box.ask('LOGIN "%s" "%s"' % (name, password))
    box.ask("SELECT INBOX")
    box.ask("UID STORE 1:* +FLAGS.SILENT (\\Deleted)")
    box.ask("EXPUNGE")
    box.ask("LOGOUT")


def thunderbird():
    # Two connections, as it keeps by default; STARTTLS; numbers as tags; headers in one long list.
    box = Connection(False, lambda n: str(n))
    box.has("capability", rb"STARTTLS")
    box.start_tls()
    box.has("capability", rb"AUTH=PLAIN", rb"IDLE|IMAP4rev1")
    box.ask("authenticate PLAIN", base64.b64encode(b"\0" + name.encode() + b"\0" + password.encode()))
    box.has('ID ("name" "Thunderbird" "version" "128.5.0")', rb'^\* ID \("name"')
    box.has("capability", rb" CONDSTORE .*| NAMESPACE ")
    box.has("namespace", rb'^\* NAMESPACE \(\("" "/"\)\)')
    box.ask("ENABLE UTF8=ACCEPT")
    box.has('list (subscribed) "" "*" return (special-use)', rb"\\Sent\b.* \"?Sent\"?", rb"INBOX")
    box.has('list "" "INBOX"', rb"INBOX")
    box.has('select "INBOX" (CONDSTORE)', rb"HIGHESTMODSEQ \d+", rb"PERMANENTFLAGS \(.*\\\*", rb"UIDVALIDITY", rb"UIDNEXT")
    box.has('getquotaroot "INBOX"', rb"^\* QUOTAROOT")
    box.has('myrights "INBOX"', rb"MYRIGHTS INBOX lrswipkxtea")
    check(not any(line.startswith(b"* ") and b" FETCH " in line for line in box.ask("UID fetch 1:* (FLAGS)")), "an empty inbox")
    box.ask("noop")
    deliver(1)
    box.has("noop", rb"^\* 1 EXISTS")
    uid = int(re.search(rb"UID (\d+)", box.has("UID fetch 1:* (FLAGS)", rb"FLAGS \(\\Recent\)|FLAGS \(\)")[0])[1])
    box.has("UID fetch %d (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups "
            "In-Reply-To Content-Type Reply-To)])" % uid, rb"RFC822\.SIZE \d+", rb"Message-ID: <1@lab\.test>")
    box.has("UID fetch %d (UID RFC822.SIZE BODY[])" % uid, rb"<p>html</p>", rb"FLAGS \(.*\\Seen")
    box.ask("uid store %d +Flags (\\Seen NonJunk)" % uid)
    box.has("uid store %d +FLAGS ($Forwarded \\Flagged)" % uid, rb"\$Forwarded")
    box.has("UID fetch %d (BODYSTRUCTURE)" % uid, rb'"alternative"')
    box.has('UID SEARCH UNDELETED HEADER Message-ID "<1@lab.test>"', rb"SEARCH.* %d" % uid)
    # The copy of what was sent, by a literal that waits, and the draft before it.
    sent = MESSAGE % 2
    box.ask('append "Drafts" (\\Seen \\Draft) {%d}' % len(sent), sent)
    box.has('append "Sent" (\\Seen) {%d}' % len(sent), rb"APPENDUID", bodies=(sent,))
    second = Connection(True, lambda n: str(n))
    second.ask('login "%s" "%s"' % (name, password))
    second.has('select "Sent" (CONDSTORE)', rb"^\* 1 EXISTS")
    second.has('STATUS "Archive" (UIDNEXT MESSAGES UNSEEN RECENT)', rb"STATUS Archive \(UIDNEXT \d+ MESSAGES")
    highest = re.search(rb"MODSEQ \((\d+)\)", box.has("UID fetch 1:* (FLAGS MODSEQ)", rb"MODSEQ")[0])[1].decode()
    check(len(box.ask("UID fetch 1:* (FLAGS) (CHANGEDSINCE %s)" % highest)) == 1, "nothing has changed since")
    box.idle(lambda: deliver(3), rb"^\* 2 EXISTS")
    box.has('uid move %d "Archive"' % uid, rb"COPYUID", rb"EXPUNGE")
    box.has('UID fetch %d:* (FLAGS)' % (uid + 1), rb"UID \d+")
    box.ask('uid copy 1:* "Trash"')
    box.ask("uid store 1:* +FLAGS (\\Deleted)")
    box.ask("uid expunge 1:*")
    box.ask("close")
    box.ask('create "Projects"')
    box.ask('subscribe "Projects"')
    box.ask('rename "Projects" "Archive/Projects"')
    box.has('lsub "" "*"', rb"INBOX")
    box.ask('unsubscribe "Projects"')
    box.ask('delete "Archive/Projects"')
    second.ask("logout")
    box.ask("logout")


def outlook():
    # Tags of four letters or digits, IMAP2's items, no UIDPLUS, "Sent Items" of its own.
    box = Connection(True, lambda n: "%04x" % (0x1a2b + n))
    box.has("CAPABILITY", rb"AUTH=PLAIN")
    box.ask("AUTHENTICATE PLAIN " + base64.b64encode(b"\0" + name.encode() + b"\0" + password.encode()).decode())
    box.has("CAPABILITY", rb"IDLE", rb"NAMESPACE")
    box.ask('ID ("name" "Microsoft Outlook" "version" "16.0")')
    box.has("NAMESPACE", rb"NAMESPACE")
    box.has('LIST "" ""', rb'LIST \(\\Noselect\) "/" ""')
    box.has('LIST "" "*"', rb"INBOX", rb"Sent")
    box.has('LSUB "" "*"', rb"INBOX")
    for folder in ("Sent Items", "Deleted Items", "Junk Email"):
        box.ask('CREATE "%s"' % folder)
        box.ask('SUBSCRIBE "%s"' % folder)
    box.has('STATUS "INBOX" (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)', rb"UIDVALIDITY \d+")
    box.has('SELECT "INBOX"', rb"UIDVALIDITY", rb"^\* 0 EXISTS")
    deliver(10)
    deliver(11)
    box.has("NOOP", rb"^\* 2 EXISTS")
    box.has("FETCH 1:2 (UID FLAGS)", rb"UID 1\b|UID \d+")
    box.has("FETCH 1:2 (UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER])", rb"Message-ID: <10@lab\.test>")
    uid = int(re.search(rb"UID (\d+)", box.ask("FETCH 2 (UID)")[0])[1])
    box.has("UID FETCH %d (BODY.PEEK[] FLAGS UID)" % uid, rb"<p>html</p>")
    box.has("UID FETCH %d (RFC822.HEADER)" % uid, rb"RFC822\.HEADER \{")
    box.has("UID FETCH %d (BODY.PEEK[]<0.200>)" % uid, rb"BODY\[\]<0> \{200\}")
    box.ask("UID STORE %d +FLAGS (\\Seen)" % uid)
    box.ask("UID STORE %d +FLAGS.SILENT (\\Answered)" % uid)
    box.has("UID SEARCH 1:* NOT DELETED", rb"SEARCH .*%d" % uid)
    sent = MESSAGE % 12
    box.ask('APPEND "Sent Items" (\\Seen) " 7-Feb-1994 21:52:25 -0800" {%d}' % len(sent), sent)
    box.ask('UID COPY %d "Deleted Items"' % uid)
    box.ask("UID STORE %d +FLAGS.SILENT (\\Deleted)" % uid)
    box.has("EXPUNGE", rb"^\* 2 EXPUNGE")
    box.idle(lambda: deliver(13), rb"EXISTS")
    box.has('EXAMINE "Deleted Items"', rb"READ-ONLY", rb"^\* 1 EXISTS")
    box.ask('SELECT "INBOX"')
    box.ask("CHECK")
    box.ask("CLOSE")
    for folder in ("Sent Items", "Deleted Items", "Junk Email"):
        box.ask('UNSUBSCRIBE "%s"' % folder)
        box.ask('DELETE "%s"' % folder)
    box.ask("LOGOUT")


def applemail():
    # Dotted tags, everything that is offered is used: QRESYNC, ESEARCH, COMPRESS on phones, partial parts.
    box = Connection(True, lambda n: "%d.%d" % (n // 100 + 1, n))
    box.has("CAPABILITY", rb"AUTH=")
    box.ask("AUTHENTICATE PLAIN", base64.b64encode(b"\0" + name.encode() + b"\0" + password.encode()))
    box.has("CAPABILITY", rb" ID |QRESYNC", rb"SPECIAL-USE")
    box.ask('ID ("name" "Mac OS X Mail" "version" "16.0 (3826.300.87.4.3)" "os" "Mac OS X" "os-version" "15.2 (24C101)" "vendor" "Apple Inc.")')
    box.has("NAMESPACE", rb"NAMESPACE")
    box.has('LIST "" ""', rb'"/"')
    box.has('LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE)', rb"\\Drafts", rb"\\Trash", rb"\\Junk")
    box.has("ENABLE QRESYNC", rb"ENABLED.*QRESYNC")
    box.has("STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)", rb"HIGHESTMODSEQ \d+")
    lines = box.has("SELECT INBOX (CONDSTORE)", rb"HIGHESTMODSEQ", rb"UIDVALIDITY")
    validity = re.search(rb"UIDVALIDITY (\d+)", b"\n".join(lines))[1].decode()
    deliver(20)
    deliver(21)
    box.has("NOOP", rb"^\* 2 EXISTS")
    lines = box.has("FETCH 1:2 (FLAGS UID MODSEQ)", rb"MODSEQ \(\d+\)")
    uids = [int(match[1]) for match in (re.search(rb"UID (\d+)", line) for line in lines) if match]
    box.has("UID FETCH %d:%d (INTERNALDATE UID RFC822.SIZE FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (date subject from to cc message-id in-reply-to references "
            "content-type x-priority x-uniform-type-identifier x-universally-unique-identifier list-id list-unsubscribe bimi-indicator bimi-location "
            "x-bimi-indicator-hash authentication-results dkim-signature)])" % (uids[0], uids[-1]), rb"Message-ID: <20@lab\.test>", rb"INTERNALDATE \"")
    box.has("UID FETCH %d (BODYSTRUCTURE BODY.PEEK[HEADER])" % uids[0], rb'BODYSTRUCTURE \(\("text" "plain"')
    box.has("UID FETCH %d BODY.PEEK[2]<0.1048576>" % uids[0], rb"BODY\[2\]<0> \{\d+\}\r\n<p>html</p>")
    box.has("UID FETCH %d BODY.PEEK[2.MIME]" % uids[0], rb"Content-Type: text/html")
    box.ask("UID STORE %d +FLAGS.SILENT (\\Seen $NotJunk NotJunk)" % uids[0])
    box.has("UID SEARCH RETURN (ALL) 1:* NOT DELETED", rb"ESEARCH \(TAG \"[0-9.]+\"\) UID ALL ")
    highest = re.search(rb"HIGHESTMODSEQ (\d+)", b"\n".join(box.ask("STATUS INBOX (HIGHESTMODSEQ)")))[1].decode()
    box.has("UID MOVE %d Archive" % uids[1], rb"COPYUID", rb"VANISHED %d" % uids[1])
    box.has("GETQUOTAROOT INBOX", rb"QUOTAROOT")
    draft = MESSAGE % 22
    box.has("APPEND Drafts (\\Seen \\Draft $X-Apple) {%d}" % len(draft), rb"APPENDUID", bodies=(draft,))
    box.idle(lambda: deliver(23), rb"EXISTS")
    box.ask("UNSELECT")
    # Back after a while: what vanished and changed comes with SELECT.
    back = Connection(True, lambda n: "9.%d" % n)
    back.ask("AUTHENTICATE PLAIN", base64.b64encode(b"\0" + name.encode() + b"\0" + password.encode()))
    back.ask("ENABLE QRESYNC")
    back.has("SELECT INBOX (QRESYNC (%s %s 1:%d))" % (validity, highest, uids[-1]), rb"VANISHED \(EARLIER\) %d" % uids[1])
    back.ask("LOGOUT")
    box.ask("LOGOUT")


def notifying():
    # Not one program's: what newer ones do with what no other server has all of.
    box = Connection(True, lambda n: "n%d" % n)
    box.ask('LOGIN "%s" "%s"' % (name, password))
    box.has("ENABLE IMAP4rev2", rb"ENABLED IMAP4rev2")
    box.has("NOTIFY SET STATUS (selected (MessageNew (UID ENVELOPE) MessageExpunge FlagChange)) (personal (MessageNew MessageExpunge MailboxName))",
            rb"STATUS INBOX")
    box.ask("SELECT Archive")
    deliver(30)
    check(re.search(rb"^\* STATUS INBOX \(MESSAGES 1 UIDNEXT \d+\)", box.line()), "told of INBOX without asking")
    box.ask("SELECT INBOX")
    deliver(31)
    check(box.line() == b"* 2 EXISTS" and b"<31@lab.test>" in box.line(), "told of the message itself")
    box.has("UID SEARCH RETURN (UPDATE ALL) UNSEEN", rb"ESEARCH")
    box.has("ESEARCH IN (personal) RETURN (COUNT) FUZZY SUBJECT grusse", rb"MAILBOX INBOX UIDVALIDITY \d+\) UID COUNT 2")
    box.ask("UID MOVE 1:* Trash")
    box.ask("LOGOUT")


empty()
{"thunderbird": thunderbird, "outlook": outlook, "applemail": applemail, "notifying": notifying}[program]()
print("ok")
