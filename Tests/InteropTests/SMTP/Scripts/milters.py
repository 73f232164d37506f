"""Real milters: rspamd and opendkim. `start FOLDER RSPAMD_PORT OPENDKIM_PORT` runs them until standard input ends; `send JSON` sends mail
and prints what became of it."""
import json, os, poplib, shutil, smtplib, socket, ssl, subprocess, sys, time

RSPAMD = """
options {{
  pidfile = "{folder}/rspamd.pid"; filters = "chartable,dkim,regexp"; gtube_patterns = "all"; url_tld = "{folder}/tld";
  dns {{ nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; }}
  local_addrs = []; control_socket = "{folder}/control.sock mode=0600";
}}
logging {{ type = "file"; filename = "{folder}/rspamd.log"; level = "info"; }}
actions {{ reject = 15; add_header = 6; greylist = 400; }}
worker "rspamd_proxy" {{
  bind_socket = "127.0.0.1:{port}"; milter = yes; count = 1;
  upstream "local" {{ default = yes; self_scan = yes; }}
}}
modules {{ path = "/usr/share/rspamd/plugins/milter_headers.lua"; }}
milter_headers {{ use = ["x-spamd-bar", "x-spam-level", "x-spam-status"]; extended_spam_headers = true; skip_local = false; skip_authenticated = false; }}
"""
OPENDKIM = """
Socket inet:{port}@127.0.0.1
Mode s
Domain lab.test
Selector milter
KeyFile {folder}/key.pem
InternalHosts 127.0.0.1
RequireSafeKeys no
"""
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


def listening(port, seconds):
    end = time.time() + seconds
    while time.time() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            time.sleep(0.2)
    return False


def start(folder, rspamd_port, opendkim_port):
    os.makedirs(f"{folder}/db", exist_ok=True)
    open(f"{folder}/tld", "w").write("test\ncom\n")
    open(f"{folder}/rspamd.conf", "w").write(RSPAMD.format(folder=folder, port=rspamd_port))
    open(f"{folder}/opendkim.conf", "w").write(OPENDKIM.format(folder=folder, port=opendkim_port))
    subprocess.run(["openssl", "genrsa", "-out", f"{folder}/key.pem", "2048"], check=True, capture_output=True)
    log = open(f"{folder}/log", "w")
    words = ["rspamd", "-f", "-c", f"{folder}/rspamd.conf", "--var", f"DBDIR={folder}/db", "--var", f"RUNDIR={folder}"]
    if os.getuid() == 0:
        words.append("--insecure")
    peers = [subprocess.Popen(words, stdout=log, stderr=log), subprocess.Popen(["opendkim", "-f", "-x", f"{folder}/opendkim.conf"], stdout=log, stderr=log)]
    try:
        ready = listening(int(rspamd_port), 60) and listening(int(opendkim_port), 20)
        print("ready" if ready else "failed\n" + open(f"{folder}/log").read(), flush=True)
        # Until the test removes the folder's mark.
        while os.path.exists(f"{folder}/run"):
            time.sleep(0.2)
    finally:
        for peer in peers:
            peer.kill()
            peer.wait()


def send(told):
    context = ssl.create_default_context(cafile=told["ca"])
    context.check_hostname = False
    answers = {}
    for name, body in [("good", "hello"), ("spam", GTUBE)]:
        client = smtplib.SMTP("127.0.0.1", told["submission"], timeout=60)
        client.starttls(context=context)
        client.login("ann@lab.test", told["ann"])
        try:
            client.sendmail("ann@lab.test", ["bob@lab.test"], f"From: ann@lab.test\r\nTo: bob@lab.test\r\nSubject: {name}\r\n\r\n{body}\r\n")
            answers[name] = "250"
        except smtplib.SMTPResponseException as error:
            answers[name] = f"{error.smtp_code} {error.smtp_error.decode()}"
        client.close()
    box = poplib.POP3("127.0.0.1", told["pop3"], timeout=30)
    box.user("bob@lab.test")
    box.pass_(told["bob"])
    answers["box"] = ""
    for number in range(1, len(box.list()[1]) + 1):
        text = "\n".join(line.decode(errors="replace") for line in box.retr(number)[1])
        if "Subject: good" in text or "Subject: spam" in text:
            answers["box"] += text
    box.quit()
    print(json.dumps(answers))


if sys.argv[1] == "start":
    start(*sys.argv[2:5])
else:
    send(json.loads(sys.argv[2]))
