"""Log-ins through the gate's own socket, as a worker asks for them: what an answer and its time tell of a name."""
import statistics
from wire import *


class Gate:
    def __init__(self, path):
        self.stream = socket.socket(socket.AF_UNIX)
        self.stream.settimeout(30)
        self.stream.connect(path)
        self.number = 0
        self.send({"hello": {"name": "test", "takesPushes": False}})
        self.take()

    def send(self, message):
        body = json.dumps(message).encode()
        self.stream.sendall(struct.pack(">I", len(body)) + body)

    def take(self):
        return json.loads(exactly(self.stream, struct.unpack(">I", exactly(self.stream, 4))[0]))

    def log_in(self, name, password, peer, service="imap"):
        self.number += 1
        self.send({"request": {"id": self.number, "_1": {"authenticate": {"_0": {
            "name": name, "credential": {"password": {"_0": list(password.encode())}}, "service": service,
            "peer": {"address": peer, "port": 4711}, "isEncrypted": True}}}}})
        while True:
            message = self.take()
            if "reply" in message and message["reply"]["id"] == self.number:
                reply = message["reply"]["_1"]
                return next(iter(reply["logIn"]["_0"])) if "logIn" in reply else json.dumps(reply)


t = told()
gate = Gate(t["data"] + "/run/gate.sock")
names = {
    "known": "bob@lab.test", "known without domain": "bob", "unknown": "nobody@lab.test", "foreign": "bob@example.com",
    "disabled": "carl@lab.test", "injected": "bob' OR '1'='1", "empty": "", "long": "x" * 5000, "control": "bob\r\n\x1b[31m",
}
answers, times = {}, {}
for name, value in names.items():
    answers[name], times[name] = set(), []
# In turns, so that what else the machine does meets all of them alike.
for _ in range(t["times"]):
    for name, value in names.items():
        begin = time.monotonic()
        answers[name].add(gate.log_in(value, "wrong-" + t["marker"], "127.0.0.1"))
        times[name].append(time.monotonic() - begin)
right = gate.log_in("bob@lab.test", t["password"], "127.0.0.1")

# A source that is not exempt: failures over one protocol keep it away from the others.
other = "198.51.100.7"
over_ssh = [gate.log_in("bob@lab.test", "wrong-" + t["marker"], other, "ssh") for _ in range(6)]
over_imap = gate.log_in("bob@lab.test", t["password"], other, "imap")
neighbour = gate.log_in("bob@lab.test", t["password"], "198.51.100.8", "imap")
v6 = [gate.log_in("nobody", "wrong-" + t["marker"], "2001:db8::%x" % i, "ssh") for i in range(1, 7)]
# Administration is not for workers.
gate.send({"request": {"id": 99, "_1": {"administer": {"_0": {"penaltyList": {}}}}}})
try:
    message = gate.take()
    administration = json.dumps(message)
except (ConnectionError, OSError) as error:
    administration = "closed"
tell(
    answers={name: sorted(value) for name, value in answers.items()},
    milliseconds={name: round(1000 * statistics.median(value), 1) for name, value in times.items()},
    right=right, ssh=over_ssh, imap=over_imap, neighbour=neighbour, v6=v6, administration=administration)
