"""Those who look for weaknesses: sslyze, testssl, slowhttptest."""
import http.client
import json
import re
import subprocess
import sys

from kit import Lab

program, folder, sslyze = sys.argv[1:4]
rows = {}
lab = Lab(program, folder)
try:
    # sslyze: Mozilla's "intermediate" profile, our authority as the one to trust.
    out = subprocess.run(
        [sslyze, "-m", "sslyze", f"--certinfo_ca_file={lab.ca}", "--sni", "www.lab.test", f"127.0.0.1:{lab.port['https']}"],
        capture_output=True, text=True).stdout
    rows["sslyze"] = {"compliant": "OK - Compliant" in out, "text": out[-800:]}

    out = subprocess.run(
        ["testssl", "--quiet", "--color", "0", "--warnings", "batch", "--ip", "127.0.0.1", "--add-ca", lab.ca, f"localhost:{lab.port['https']}"],
        capture_output=True, text=True).stdout
    found = [" ".join(line.split()) for line in out.split("\n") if re.search(r"not ok|VULNERABLE", line, re.I) and "not vulnerable" not in line]
    # What remains, and why it stays: Sources/HTTP/README.md.
    known = ("Has server cipher order? no", "neither CRL nor OCSP URI provided", "BREACH (CVE-2013-3587)")
    rows["testssl"] = {"complete": "Heartbleed" in out and "RC4" in out, "findings": [line for line in found if not any(k in line for k in known)]}

    # 400 connections that send heads, send contents, and read replies slowly, as far as the bounds of one source let them in.
    # Meanwhile somebody elsewhere is served.
    rows["slow"] = {}
    target = f"http://127.0.0.1:{lab.port['http']}/"
    for kind in ("-H", "-B", "-X"):
        attack = subprocess.Popen(
            ["slowhttptest", kind, "-c", "400", "-r", "400", "-i", "2", "-l", "14", "-p", "3", "-u", target],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        served = asked = 0
        while attack.poll() is None:
            other = http.client.HTTPConnection("127.0.0.1", lab.port["http"], timeout=10, source_address=("127.0.0.2", 0))
            other.request("GET", "/")
            served, asked = served + (other.getresponse().status == 200), asked + 1
            other.close()
            try:
                attack.wait(0.5)
            except subprocess.TimeoutExpired:
                pass
        rows["slow"][kind] = {"served": served, "asked": asked}
finally:
    lab.stop()
print(json.dumps(rows))
