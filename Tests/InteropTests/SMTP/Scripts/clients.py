"""Real clients against a running laboratory: argument one is JSON with ports, passwords and the CA; prints one JSON object."""
import base64, json, os, smtplib, socket, ssl, subprocess, sys, tempfile

told = json.loads(sys.argv[1])
host = "127.0.0.1"
context = ssl.create_default_context(cafile=told["ca"])
context.check_hostname = False
result = {}


def run(name, *words, text="", env=None):
    done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=60, env=env)
    result[name] = {"code": done.returncode, "out": (done.stdout + done.stderr)[-3000:]}


swaks = ["swaks", "--server", host, "--from", "ann@lab.test", "--to", "bob@lab.test"]
login = ["--auth-user", "ann", "--auth-password", told["ann"]]
run("swaks relay", *swaks, "--port", str(told["smtp"]), "--from", "x@elsewhere.test")
run("swaks relay tls", *swaks, "--port", str(told["smtp"]), "--tls", "--from", "x@elsewhere.test")
for mechanism in ["PLAIN", "LOGIN"]:
    run("swaks " + mechanism, *swaks, "--port", str(told["submission"]), "--tls", "--auth", mechanism, *login)
run("swaks implicit", *swaks, "--port", str(told["submissions"]), "--tlsc", "--auth", "PLAIN", *login)
run("swaks pipeline", *swaks, "--port", str(told["smtp"]), "--pipeline", "--from", "x@elsewhere.test")
run("swaks big", *swaks, "--port", str(told["smtp"]), "--from", "x@elsewhere.test", "--body", "x" * 60000)

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "msmtprc")
    for mechanism in ["plain", "scram-sha-256", "login"]:
        with open(path, "w") as file:
            file.write(
                f"account a\nhost {host}\nport {told['submission']}\nfrom ann@lab.test\nauth {mechanism}\nuser ann\n"
                f"password {told['ann']}\ntls on\ntls_starttls on\ntls_trust_file {told['ca']}\n"
                "tls_host_override srv.lab.test\naccount default : a\n")
        os.chmod(path, 0o600)
        run("msmtp " + mechanism, "msmtp", "-C", path, "bob@lab.test", text="Subject: hi\n\nhello\n")
    path = os.path.join(folder, "mail")
    with open(path, "w") as file:
        file.write("From: ann@lab.test\r\nSubject: curl\r\n\r\nhello\r\n")
    run("curl", "curl", "-sv", "--ssl-reqd", "--cacert", told["ca"], "--connect-to", f"srv.lab.test:{told['submission']}:{host}:{told['submission']}",
        f"smtp://srv.lab.test:{told['submission']}", "--mail-from", "ann@lab.test", "--mail-rcpt", "bob@lab.test",
        "--upload-file", path, "--user", f"ann:{told['ann']}")
    run("curl implicit", "curl", "-sv", "--cacert", told["ca"], "--connect-to", f"srv.lab.test:{told['submissions']}:{host}:{told['submissions']}",
        f"smtps://srv.lab.test:{told['submissions']}", "--mail-from", "ann@lab.test", "--mail-rcpt", "bob@lab.test",
        "--upload-file", path, "--user", f"ann:{told['ann']}")

run("smtp-source", "smtp-source", "-s", "4", "-m", "100", "-l", "5000", "-f", "x@elsewhere.test", "-t", "bob@lab.test",
    f"{host}:{told['smtp']}")

client = smtplib.SMTP(host, told["submission"])
client.starttls(context=context)
client.login("ann@lab.test", told["ann"])
result["smtplib"] = {
    "code": len(client.sendmail("ann@lab.test", ["bob@lab.test", "bob+tag@lab.test"], "Subject: x\r\n\r\n.a\r\n..b\r\n",
                                mail_options=["BODY=8BITMIME", "RET=HDRS", "ENVID=a+2Bb"], rcpt_options=["NOTIFY=SUCCESS"])),
    "out": ""}
code, text = client.docmd("MAIL FROM:<bob@lab.test>")
result["another's address"] = {"code": 0 if code == 553 else 1, "out": str(text)}
client.quit()

# BDAT, by hand: no client at hand sends it.
client = smtplib.SMTP(host, told["smtp"])
client.ehlo()
client.docmd("MAIL FROM:<x@elsewhere.test>")
client.docmd("RCPT TO:<bob@lab.test>")
client.send("BDAT 14\r\nSubject: x\r\n\r\nBDAT 7 LAST\r\nhello\r\n")
codes = [client.getreply()[0], client.getreply()[0]]
result["bdat"] = {"code": 0 if codes == [250, 250] else 1, "out": str(codes)}
client.quit()
print(json.dumps(result))
