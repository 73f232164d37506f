"""A network line that delays, loses, doubles and disorders packets: two tunnel devices and a relay between them, for kernels without netem.

To be used in a network namespace of one's own; the far end has another one.
"""
import array
import fcntl
import heapq
import os
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
NEAR, FAR = "10.9.77.1", "10.9.77.2"


def tunnel(address):
    """A device in the namespace of this process."""
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH", b"line0", IFF_TUN | IFF_NO_PI))
    for words in (["link", "set", "lo", "up"], ["address", "add", address + "/24", "dev", "line0"], ["link", "set", "line0", "up", "mtu", "1400"]):
        subprocess.run(["ip", *words], check=True)
    return file


class BadLine:
    near = NEAR

    def __init__(self, delay, loss, duplicates, disorder):
        self.delay, self.loss, self.duplicates, self.disorder = delay, loss, duplicates, disorder
        self.lost, self.stop = 0, threading.Event()

    def __enter__(self):
        ours, theirs = socket.socketpair()
        # The far end: a namespace that lives as long as this child, which hands its device over.
        self.child = subprocess.Popen(["unshare", "--net", sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()])
        _, ancillary, _, _ = ours.recvmsg(1, socket.CMSG_LEN(4))
        descriptors = array.array("i")
        descriptors.frombytes(ancillary[0][2][:4])
        self.keep = ours
        self.ends = [tunnel(NEAR), descriptors[0]]
        self.thread = threading.Thread(target=self.relay)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        self.child.terminate()
        self.child.wait()

    def far(self, *words):
        """The words of a command, to be run at the far end."""
        return ["nsenter", f"--net=/proc/{self.child.pid}/ns/net", *words]

    def relay(self):
        chance = random.Random(1).random
        waiting, number = [], 0
        while not self.stop.is_set():
            limit = max(0, min(0.2, waiting[0][0] - time.monotonic())) if waiting else 0.2
            for end in select.select(self.ends, [], [], limit)[0]:
                other = self.ends[1 - self.ends.index(end)]
                for _ in range(64):
                    try:
                        packet = os.read(end, 65536)
                    except BlockingIOError:
                        break
                    if chance() < self.loss:
                        self.lost += 1
                        continue
                    for _ in range(2 if chance() < self.duplicates else 1):
                        number += 1
                        late = self.delay * 0.5 if chance() < self.disorder else 0
                        heapq.heappush(waiting, (time.monotonic() + self.delay + late, number, other, packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, other, packet = heapq.heappop(waiting)
                try:
                    os.write(other, packet)
                except OSError:
                    self.lost += 1


if __name__ == "__main__":
    channel = socket.socket(fileno=int(sys.argv[1]))
    device = tunnel(FAR)
    channel.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [device]))])
    # Until the other side is gone.
    channel.recv(1)
