"""The copy of what was sent: IMAPS SUBMISSIONS CA NAME PASSWORD"""
import imaplib
import smtplib
import ssl
import sys

imaps, submissions, ca, name, password = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:6]
context = ssl.create_default_context(cafile=ca)
MESSAGE = "From: %s\r\nTo: %s\r\nSubject: %s\r\n\r\ntext\r\n"


def submit(subject):
    with smtplib.SMTP_SSL("127.0.0.1", submissions, context=context) as client:
        client.login(name, password)
        client.sendmail(name, [name], MESSAGE % (name, name, subject))


def sent():
    box = imaplib.IMAP4_SSL("127.0.0.1", imaps, ssl_context=context)
    box.login(name, password)
    box.select("Sent")
    found = box.search(None, "SEEN", "SUBJECT", "wanted")[1][0].split()
    raw = box.fetch(found[-1], "(BODY.PEEK[])")[1][0][1] if found else b""
    count = int(box.search(None, "ALL")[1][0].split()[-1]) if box.search(None, "ALL")[1][0] else 0
    box.logout()
    return count, raw


def wish(value):
    box = imaplib.IMAP4_SSL("127.0.0.1", imaps, ssl_context=context)
    box.login(name, password)
    imaplib.Commands["SETMETADATA"] = ("AUTH", "SELECTED")
    kind, _ = box._simple_command("SETMETADATA", '""', "(/private/vendor/portside-mail/save-sent %s)" % value)
    assert kind == "OK", kind
    box.logout()


before, _ = sent()
submit("unasked")
assert sent()[0] == before, "nobody wanted a copy"
wish('"yes"')
submit("wanted")
count, raw = sent()
assert count == before + 1, (before, count)
assert b"\r\nSubject: wanted\r\n" in raw and b"\r\nMessage-ID: " in raw and raw.endswith(b"\r\n\r\ntext\r\n"), raw
wish("NIL")
submit("unasked again")
assert sent()[0] == count, "no longer"
print("ok")
