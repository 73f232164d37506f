"""Our ACME client against pebble by each kind of proof, and certbot against our own authority."""
import json
import os
import subprocess
import sys
import time

from kit import Lab, free

program, folder, kind = sys.argv[1:4]


def issuer(lab):
    out = lab.run(["openssl", "s_client", "-connect", f"127.0.0.1:{lab.port['https']}", "-servername", "www.lab.test"], input="").stdout
    return next((line for line in out.split("\n") if line.startswith("issuer=")), "")


def pebble(solver):
    listen, manage = free(), free()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{folder}/p.key", "-out", f"{folder}/p.pem",
                    "-days", "30", "-subj", "/CN=pebble", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    started = []

    def edits(lab):
        with open(f"{folder}/pebble.json", "w") as file:
            json.dump({"pebble": {
                "listenAddress": f"127.0.0.1:{listen}", "managementListenAddress": f"127.0.0.1:{manage}", "certificate": f"{folder}/p.pem",
                "privateKey": f"{folder}/p.key", "httpPort": lab.fixed["http.port"], "tlsPort": lab.fixed["http.tls_port"],
                "ocspResponderURL": "", "externalAccountBindingRequired": True,
                "externalAccountMACKeys": {"kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"}}}, file)
        # A fifth of the nonces is refused, and our own names are asked for at our own DNS server.
        environment = dict(os.environ, PEBBLE_WFE_NONCEREJECT="20", PEBBLE_VA_NOSLEEP="1")
        started.append(subprocess.Popen(
            ["pebble", "-config", f"{folder}/pebble.json", "-dnsserver", f"127.0.0.1:{lab.fixed['dns.port']}"],
            env=environment, stdout=open(f"{folder}/pebble.log", "w"), stderr=subprocess.STDOUT))
        root = ""
        for _ in range(100):
            root = subprocess.run(["curl", "-sk", f"https://127.0.0.1:{manage}/roots/0"], capture_output=True, text=True).stdout
            if "BEGIN" in root:
                break
            time.sleep(0.1)
        open(f"{folder}/roots.pem", "w").write(root + open(f"{folder}/p.pem").read())
        key = f"{folder}/binding"
        open(key, "w").write("zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W")
        os.chmod(key, 0o400)
        # The first authority is not there: the next one is asked.
        return [('issuer = "internal-ca"', f'issuer = "acme"\nsolver = "{solver}"\ndirectory = "https://127.0.0.1:{free()}/dir"\n'
                 f'fallback = ["https://127.0.0.1:{listen}/dir"]\nroots = "{folder}/roots.pem"\nemail = "it@lab.test"\n'
                 f'binding_id = "kid-1"\nbinding_key = "file:{key}"')]

    lab = Lab(program, folder, edits)
    try:
        for _ in range(300):
            if "Pebble" in issuer(lab):
                break
            time.sleep(0.1)
        page = lab.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", f"{folder}/roots.pem",
                        f"https://www.lab.test:{lab.port['https']}/"]).stdout
        log = open(f"{folder}/errors").read()
        return {"issuer": issuer(lab), "page": page, "log": log[-1500:], "secret": "zWNDZM6eQGHWpSRT" in log}
    finally:
        lab.stop()
        for process in started:
            process.terminate()
            process.wait()


def certbot():
    port = free()
    lab = Lab(program, folder, [("validation_port = 10080", f"validation_port = {port}")])
    try:
        common = ["--config-dir", f"{folder}/c", "--work-dir", f"{folder}/w", "--logs-dir", f"{folder}/l", "-n"]
        server = ["--server", f"https://www.lab.test:{lab.port['https']}/acme/directory", "--agree-tos", "--register-unsafely-without-email"]
        trust = {"REQUESTS_CA_BUNDLE": lab.ca}
        ask = ["certbot", "certonly", "--standalone", "--http-01-port", str(port)] + common + server
        rows = {"issue": lab.run(ask + ["-d", "www.lab.test", "-d", "srv.lab.test"], env=trust).returncode}
        live = f"{folder}/c/live/www.lab.test"
        rows["verified"] = subprocess.run(
            ["openssl", "verify", "-x509_strict", "-CAfile", lab.ca, "-untrusted", f"{live}/chain.pem", f"{live}/cert.pem"],
            capture_output=True).returncode
        rows["names"] = subprocess.run(["openssl", "x509", "-in", f"{live}/cert.pem", "-noout", "-ext", "subjectAltName"],
                                       capture_output=True, text=True).stdout
        # The account and the orders outlive the server.
        lab.stop()
        lab.start([])
        rows["renew"] = lab.run(["certbot", "renew", "--force-renewal", "--no-random-sleep-on-renew"] + common, env=trust).returncode
        foreign = lab.run(ask + ["-d", "www.evil.test"], env=trust)
        rows["foreign"] = foreign.returncode
        rows["log"] = foreign.stderr[-600:]
        return rows
    finally:
        lab.stop()


print(json.dumps(certbot() if kind == "certbot" else pebble(kind)))
