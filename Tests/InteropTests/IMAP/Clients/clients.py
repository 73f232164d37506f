"""imaplib, imapclient and aioimaplib against a running laboratory: CLIENT IMAP IMAPS CA NAME PASSWORD"""

import asyncio
import imaplib
import ssl
import sys
import time

client, imap, imaps, ca, name, password = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:7]
context = ssl.create_default_context(cafile=ca)
MESSAGE = b"From: Ann <ann@lab.test>\r\nSubject: Hello\r\nMessage-ID: <1@lab.test>\r\n\r\nHow are you?\r\n"


def check(condition, what):
    if not condition:
        raise SystemExit(f"failed: {what}")


def empty():
    """Takes the laboratory's sample mail out of the way."""
    box = imaplib.IMAP4_SSL("127.0.0.1", imaps, ssl_context=context)
    box.login(name, password)
    box.select("INBOX")
    if box.search(None, "ALL")[1][0]:
        box.store("1:*", "+FLAGS.SILENT", r"(\Deleted)")
    box.expunge()
    box.logout()


def with_imaplib():
    box = imaplib.IMAP4("127.0.0.1", imap)
    check("STARTTLS" in box.capabilities, "STARTTLS is offered")
    box.starttls(context)
    box.login(name, password)
    check(box.create("Entw&APw-rfe")[0] == "OK", "create")
    check(box.select("INBOX")[0] == "OK", "select")
    check(box.append("INBOX", r"(\Seen)", imaplib.Time2Internaldate(0), MESSAGE)[0] == "OK", "append")
    kind, rows = box.fetch("1", "(FLAGS INTERNALDATE BODY[])")
    check(rows[0][1] == MESSAGE, f"the message comes back as it went: {rows}")
    check(imaplib.Internaldate2tuple(rows[0][0]) == time.localtime(0), "the date comes back as it went")
    check(box.search(None, "TEXT", '"how are"')[1] == [b"1"], "search")
    check(box.copy("1", "Entw&APw-rfe")[0] == "OK", "copy")
    other = imaplib.IMAP4_SSL("127.0.0.1", imaps, ssl_context=context)
    other.login(name, password)
    check(other.enable("UTF8=ACCEPT")[0] == "OK", "enable")
    check(any("Entwürfe".encode() in line for line in other.list()[1]), "UTF-8 names")
    check(box.uid("STORE", "1:*", "+FLAGS", r"(\Deleted)")[0] == "OK", "store")
    check(box.expunge()[1] == [b"1"], "expunge")
    check(box.logout()[0] == "BYE", "logout")


def with_imapclient():
    from imapclient import IMAPClient

    with IMAPClient("127.0.0.1", port=imaps, ssl_context=context) as one:
        one.login(name, password)
        with IMAPClient("127.0.0.1", port=imaps, ssl_context=context) as two:
            two.login(name, password)
            one.select_folder("INBOX")
            two.select_folder("INBOX")
            two.idle()
            one.append("INBOX", MESSAGE)
            news = two.idle_check(timeout=5)
            check((1, b"EXISTS") in news, f"IDLE tells of arrivals: {news}")
            uid = one.search()[-1]
            one.add_flags([uid], [rb"\Flagged"])
            news = two.idle_check(timeout=5)
            check(any(row[1] == b"FETCH" for row in news), f"IDLE tells of flags: {news}")
            two.idle_done()
            envelope = two.fetch([uid], ["ENVELOPE", "BODYSTRUCTURE", "FLAGS"])[uid]
            check(envelope[b"ENVELOPE"].subject == b"Hello", "envelope")
            check(rb"\Flagged" in envelope[b"FLAGS"], "flags")
            check(one.search(["SUBJECT", "hello"]) == [uid], "search")
            check(one.sort("REVERSE ARRIVAL") == [uid], "sort")
            check(one.thread("REFERENCES") == ((uid,),), "thread")
            check(one.has_capability("MOVE"), "MOVE is offered")
            one.move([uid], "Trash")
            check(two.noop()[1] != [], "an expunge is told")
            check(one.folder_status("Trash", ["MESSAGES"]) == {b"MESSAGES": 1}, "status")
            check(one.find_special_folder(rb"\Trash") == "Trash", "special use")
            one.create_folder("Übung/Tiefe")
            check("Übung/Tiefe" in [row[2] for row in one.list_folders()], "names")
            one.get_quota_root("INBOX")
            one.namespace()
            one.id_({"name": "imapclient"})


async def with_aioimaplib():
    from aioimaplib import aioimaplib

    box = aioimaplib.IMAP4_SSL("127.0.0.1", imaps, ssl_context=context)
    await box.wait_hello_from_server()
    check((await box.login(name, password)).result == "OK", "login")
    check((await box.select("INBOX")).result == "OK", "select")
    check((await box.append(MESSAGE, "INBOX")).result == "OK", "append")
    other = aioimaplib.IMAP4_SSL("127.0.0.1", imaps, ssl_context=context)
    await other.wait_hello_from_server()
    await other.login(name, password)
    await other.select("INBOX")
    idle = await other.idle_start(timeout=10)
    await box.append(MESSAGE, "INBOX")
    pushed = await other.wait_server_push()
    check(any(b"EXISTS" in line for line in pushed), f"push: {pushed}")
    other.idle_done()
    await asyncio.wait_for(idle, 5)
    reply = await box.uid("fetch", "1:*", "(UID FLAGS BODY.PEEK[])")
    check(reply.result == "OK" and any(b"How are you" in bytes(line) for line in reply.lines), "fetch")
    await other.logout()
    await box.logout()


def compressed():
    """COMPRESS=DEFLATE with nothing but sockets and zlib, and a command behind it in the same segment."""
    import socket
    import zlib

    stream = context.wrap_socket(socket.create_connection(("127.0.0.1", imaps), timeout=20), server_hostname="127.0.0.1")
    stream.recv(4096)

    def until(ending, read):
        data = b""
        while ending not in data:
            data += read()
        return data

    stream.sendall(b'a LOGIN "%s" "%s"\r\n' % (name.encode(), password.encode()))
    check(b"COMPRESS=DEFLATE" in until(b"a OK", lambda: stream.recv(4096)), "COMPRESS is offered")
    pack, unpack = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15)

    def packed(text):
        return pack.compress(text) + pack.flush(zlib.Z_SYNC_FLUSH)

    stream.sendall(b"b COMPRESS DEFLATE\r\n" + packed(b"c SELECT INBOX\r\n"))
    plain = until(b"b OK", lambda: stream.recv(4096))
    end = plain.index(b"\r\n", plain.index(b"b OK")) + 2
    first = unpack.decompress(plain[end:])
    text = first if b"c OK" in first else first + until(b"c OK", lambda: unpack.decompress(stream.recv(4096)))
    check(b"c OK" in text, "a command behind it is read")
    message = b"Subject: long\r\n\r\n" + b"0123456789" * 100000
    stream.sendall(packed(b"d APPEND INBOX {%d+}\r\n%s\r\n" % (len(message), message)))
    until(b"d OK", lambda: unpack.decompress(stream.recv(65536)))
    stream.sendall(packed(b"e FETCH 1:* BODY.PEEK[]\r\n"))
    check(message in until(b"e OK", lambda: unpack.decompress(stream.recv(65536))), "a large message comes back")
    stream.sendall(packed(b"f COMPRESS DEFLATE\r\n"))
    check(b"COMPRESSIONACTIVE" in until(b"f NO", lambda: unpack.decompress(stream.recv(65536))), "once is enough")


empty()
if client == "compress":
    compressed()
elif client == "imaplib":
    with_imaplib()
elif client == "imapclient":
    with_imapclient()
else:
    asyncio.run(with_aioimaplib())
print("ok")
