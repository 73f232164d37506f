"""A full disk, and a flood, as smtp-source and smtplib see them. Arguments: the program and a folder.

Runs in a mount namespace of its own (`unshare -m`), as root: the laboratory's data lie on a file system of 40 MB."""
import json, os, poplib, shutil, smtplib, subprocess, sys, time

program, folder = sys.argv[1:3]
found = {}
subprocess.run(["mount", "--make-rprivate", "/"], check=True)
os.makedirs(f"{folder}/disk")
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", f"{folder}/disk"], check=True)
log = open(f"{folder}/log", "w")
server = subprocess.Popen([program, "try", "--data", f"{folder}/disk/lab", "--ports", "0", "--json"], stdout=subprocess.PIPE, stderr=log, text=True)
ready = json.loads(server.stdout.readline())
ports = {service["name"]: service["port"] for service in ready["services"]}
password = [account["password"] for account in ready["accounts"] if account["name"].startswith("bob")][0]


def send(size, subject):
    try:
        client = smtplib.SMTP("127.0.0.1", ports["smtp"], "far.test", timeout=60)
        client.sendmail("x@far.test", ["bob@lab.test"], f"From: x@far.test\r\nSubject: {subject}\r\n\r\n" + ("x" * 70 + "\r\n") * (size // 72))
        client.quit()
        return "250"
    except smtplib.SMTPResponseException as error:
        return f"{error.smtp_code} {error.smtp_error.decode()}"


def box():
    client = poplib.POP3("127.0.0.1", ports["pop3"], timeout=60)
    client.user("bob@lab.test")
    client.pass_(password)
    number, size = client.stat()
    subjects = [line.decode() for n in range(1, number + 1) for line in client.top(n, 0)[1] if line.startswith(b"Subject: mail ")]
    client.quit()
    return subjects


try:
    answers = [send(3_000_000, f"mail {number}") for number in range(20)]
    found["taken"] = answers.count("250")
    found["refused"] = sorted({answer for answer in answers if answer != "250"})
    found["kept"] = len(box())
    # Room again, and it goes on by itself.
    subprocess.run(["mount", "-o", "remount,size=120m", f"{folder}/disk"], check=True)
    found["after"] = send(1_000, "mail later")
    found["laterKept"] = "Subject: mail later" in box()
    begin = time.time()
    flood = subprocess.run(["smtp-source", "-s", "20", "-l", "2000", "-m", "500", "-f", "x@far.test", "-t", "bob@lab.test",
                            f"127.0.0.1:{ports['smtp']}"], capture_output=True, text=True)
    found["flood"] = flood.returncode
    found["floodErrors"] = flood.stderr[-500:]
    found["alive"] = server.poll() is None
    check = subprocess.run([program, "mailbox", "check", "--deep", "--config", f"{folder}/disk/lab/portside.toml"], capture_output=True, text=True)
    found["check"] = check.returncode
    found["checkText"] = check.stdout + check.stderr
    found["log"] = open(f"{folder}/log").read()[-4000:]
    print(json.dumps(found))
finally:
    server.terminate()
    server.wait(30)
