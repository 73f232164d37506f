"""litmus, rclone, cadaver and davfs2 against the files of an account."""
import json
import os
import subprocess
import sys

from kit import Lab

program, folder = sys.argv[1:3]
rows = {}
lab = Lab(program, folder)
try:
    plain, secure = f"http://www.lab.test:{lab.port['http']}/files/", f"https://www.lab.test:{lab.port['https']}/files/"
    out = lab.run(["litmus", "-k", plain, lab.name, lab.password], cwd=folder).stdout
    rows["litmus"] = {
        "suites": out.count("0 failed. 100.0%"), "run": out.count("<- summary"), "warnings": out.count("WARNING"),
        "text": "\n".join(l for l in out.split("\n") if "FAIL" in l or "WARNING" in l)[-600:]}

    source = f"{folder}/source"
    os.makedirs(f"{source}/a b/ü")
    for n in range(20):
        open(f"{source}/a b/ü/{n}", "wb").write(os.urandom(1000 * n * n))
    open(f"{source}/large", "wb").write(os.urandom(20_000_000))
    hidden = subprocess.run(["rclone", "obscure", lab.password], capture_output=True, text=True).stdout.strip()
    rclone = ["rclone", "--ca-cert", lab.ca, "--config", "/dev/null", "--webdav-url", secure, "--webdav-user", lab.name,
              "--webdav-pass", hidden, "--webdav-vendor", "other"]
    steps = [["copy", source, ":webdav:up"], ["check", source, ":webdav:up", "--download"],
             ["move", ":webdav:up/large", ":webdav:moved"], ["purge", ":webdav:up/a b"], ["about", ":webdav:"]]
    rows["rclone"] = {"codes": [lab.run(rclone + step).returncode for step in steps]}

    home = f"{folder}/home"
    os.makedirs(home)
    with open(f"{home}/.netrc", "w") as file:
        file.write(f"machine www.lab.test login {lab.name} password {lab.password}\n")
    os.chmod(f"{home}/.netrc", 0o600)
    words = ["mkcol c", "cd c", "put /etc/hostname h", "lock h", "discover h", "unlock h", "propset h color blue",
             "propget h color", "copy h i", "move i j", "cat j", "delete j", "quit"]
    out = lab.run(["cadaver", plain], input="\n".join(words) + "\n", env={"HOME": home}).stdout
    rows["cadaver"] = {"failures": out.count("failed"), "blue": "Value of color is: blue" in out,
                       "locked": "Scope: exclusive  Type: write" in out, "text": out[-1500:]}

    # davfs2's own buffer of 16 KiB is smaller than what a kernel since 6.16 reads of a folder at once: it refuses then (EINVAL).
    cache, mount = f"{folder}/cache", f"{folder}/mount"
    os.makedirs(cache)
    os.chmod(cache, 0o777)
    os.chmod(folder, 0o755)
    os.makedirs(mount)
    with open(f"{folder}/secrets", "w") as file:
        file.write(f"{plain} {lab.name} {lab.password}\n")
    os.chmod(f"{folder}/secrets", 0o600)
    with open(f"{folder}/davfs.conf", "w") as file:
        file.write(f"buf_size 64\ncache_dir {cache}\nsecrets {folder}/secrets\nuse_locks 1\nask_auth 0\n")
    steps = [f"mount -t davfs -o conf={folder}/davfs.conf {plain} {mount}", f"ls {mount}", f"cp /etc/hostname {mount}/name",
             f"mkdir {mount}/d", f"mv {mount}/name {mount}/d/name2", f"cmp /etc/hostname {mount}/d/name2", f"ls {mount}/d",
             f"umount {mount}"]
    out = lab.run(["sh", "-c", "\n".join(f"{step}; echo code $?" for step in steps)])
    written = f"{lab.data}/files/home/{lab.name}/d/name2"
    rows["davfs2"] = {
        "codes": out.stdout.count("code 0"), "steps": len(steps), "listed": "name2" in out.stdout and "moved" in out.stdout,
        "written": os.path.exists(written) and open(written).read() == open("/etc/hostname").read(),
        "text": (out.stdout + out.stderr)[-800:]}

    wrong = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", lab.ca]
    rows["log-in"] = {
        "none": lab.run(wrong + [secure]).stdout, "wrong": lab.run(wrong + ["-u", f"{lab.name}:x", secure]).stdout,
        "right": lab.run(wrong + ["-u", f"{lab.name}:{lab.password}", secure]).stdout}
    # On disk, where SFTP and FTP see it too.
    rows["disk"] = {"moved": os.path.getsize(f"{lab.data}/files/home/{lab.name}/moved/large"),
                    "left": [n for _, _, names in os.walk(f"{lab.data}/files") for n in names if n.startswith(".portside")]}
finally:
    lab.stop()
print(json.dumps(rows))
