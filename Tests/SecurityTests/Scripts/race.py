"""Swaps a folder of the site against a symbolic link that leads out while files below it are asked for."""
import os, threading
from wire import *

t = told()
site, count = t["data"] + "/site", t["times"]
# Each file is asked for once: one that is known already need not be looked up again.
for folder, text in ((site + "/real", "harmless"), (t["outside"], "TOPSECRET")):
    os.makedirs(folder)
    for number in range(count):
        with open("%s/%d.txt" % (folder, number), "w") as file:
            file.write(text)
running = True


def swap():
    while running:
        for target in ("real", t["outside"]):
            os.symlink(target, site + "/swing.next")
            os.rename(site + "/swing.next", site + "/swing")
            time.sleep(0.0005)


os.symlink("real", site + "/swing")
thread = threading.Thread(target=swap)
thread.start()
answers, leaked = {}, 0
stream = plain(t["http"])
for number in range(count):
    stream.sendall(b"GET /swing/%d.txt HTTP/1.1\r\nHost: www.lab.test\r\n\r\n" % number)
    head = b""
    while b"\r\n\r\n" not in head:
        head += stream.recv(65536)
    head, body = head.split(b"\r\n\r\n", 1)
    length = next(int(l.split(b":")[1]) for l in head.lower().split(b"\r\n") if l.startswith(b"content-length:"))
    body += exactly(stream, length - len(body))
    leaked += b"TOPSECRET" in body
    status = head[9:12].decode()
    answers[status] = answers.get(status, 0) + 1
running = False
thread.join()
tell(answers=answers, leaked=leaked)
