"""Mail by way of a relay: smtp-sink takes it, or refuses. Argument: JSON with ports, passwords, `relay` (a free port) and
`refuses`. Prints what came of it."""
import json, os, poplib, smtplib, socket, ssl, subprocess, sys, tempfile, time

told = json.loads(sys.argv[1])
context = ssl.create_default_context(cafile=told["ca"])
context.check_hostname = False
with tempfile.TemporaryDirectory() as folder:
    words = ["smtp-sink", "-d", os.path.join(folder, "mail.%M."), "-h", "sink.test"]
    if told["refuses"]:
        words += ["-f", "rcpt"]
    if os.getuid() == 0:
        # It wants to be nobody, who must be able to write here.
        os.chmod(folder, 0o777)
        words += ["-u", "nobody"]
    sink = subprocess.Popen(words + [f"127.0.0.1:{told['relay']}", "100"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", told["relay"]), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        client = smtplib.SMTP("127.0.0.1", told["submission"])
        client.starttls(context=context)
        client.login("ann@lab.test", told["ann"])
        client.sendmail("ann@lab.test", ["joe@far.test"], "From: ann@lab.test\r\nSubject: relayed\r\n\r\n.dot\r\nbye\r\n",
                        mail_options=["RET=HDRS", "ENVID=q1"], rcpt_options=["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;joe@far.test"])
        client.quit()
        taken, notice = "", ""
        end = time.time() + 60
        while time.time() < end and not (taken or notice):
            time.sleep(0.3)
            for name in os.listdir(folder):
                with open(os.path.join(folder, name), errors="replace") as file:
                    text = file.read()
                if "bye" in text:
                    taken = text
            box = poplib.POP3("127.0.0.1", told["pop3"])
            box.user("ann@lab.test")
            box.pass_(told["ann"])
            for number in range(1, len(box.list()[1]) + 1):
                text = "\n".join(line.decode(errors="replace") for line in box.retr(number)[1])
                if "multipart/report" in text:
                    notice = text
            box.quit()
        if not told["refuses"]:
            time.sleep(1)
        print(json.dumps({"taken": taken, "notice": notice}))
    finally:
        # The test's process may have SIGTERM blocked, and its children with it.
        sink.kill()
        sink.wait()
