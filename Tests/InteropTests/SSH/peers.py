"""Real clients against our SSH server. Usage: peers.py FIXTURE CASE. A peer that is missing is a failure."""
import asyncio
import filecmp
import os
import socket
import subprocess
import sys
import time

from fixture import Server, need, run

program, case = sys.argv[1:3]


def expect(condition, text):
    if not condition:
        sys.exit(f"{case}: {text}")


def echo_through(server, *options, key="id_ed25519"):
    content = os.urandom(600_000)
    result = server.ssh(*options, "ann@127.0.0.1", "cat", key=key, input=content)
    expect(result.stdout == content, f"data differ with {options}")


def openssh_ciphers():
    with Server(program) as server:
        for cipher in ("chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com",
                       "aes128-ctr", "aes192-ctr", "aes256-ctr"):
            echo_through(server, "-o", f"Ciphers={cipher}")
        for mac in ("hmac-sha2-256", "hmac-sha2-512", "hmac-sha2-256-etm@openssh.com",
                    "hmac-sha2-512-etm@openssh.com"):
            echo_through(server, "-o", "Ciphers=aes128-ctr", "-o", f"MACs={mac}")


def openssh_exchanges():
    with Server(program) as server:
        for name in ("curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384",
                     "ecdh-sha2-nistp521"):
            echo_through(server, "-o", f"KexAlgorithms={name}")
        for name in ("ssh-ed25519", "rsa-sha2-256", "rsa-sha2-512", "ecdsa-sha2-nistp256"):
            echo_through(server, "-o", f"HostKeyAlgorithms={name}")
        for key in ("id_ed25519", "id_rsa", "id_ecdsa"):
            echo_through(server, key=key)


def openssh_compression():
    with Server(program, "--rekey", "400000") as server:
        echo_through(server, "-C")
        text = b"the same again " * 100_000
        expect(server.ssh("-C", "ann@127.0.0.1", "cat", input=text).stdout == text, "compressed data differ")
        expect(server.ssh("-C", "-o", "RekeyLimit=30K", "ann@127.0.0.1", "cat", input=text).stdout == text, "with new keys")
        content = server.random_file("big", 3_000_000)
        server.sftp("put big\nget big big2\n", "-C")
        expect(server.read("big2") == content, "sftp")


def openssh_rekeys():
    with Server(program) as server:
        echo_through(server, "-o", "RekeyLimit=50K")
    with Server(program, "--rekey", "50000") as server:
        echo_through(server)
        echo_through(server, "-o", "RekeyLimit=70K")


def openssh_sessions():
    with Server(program) as server:
        result = server.ssh("ann@127.0.0.1", "echo out; echo err >&2; exit 7", check=False)
        expect((result.stdout, result.stderr, result.returncode) == (b"out\n", b"err\n", 7), f"{result}")
        result = server.ssh("ann@127.0.0.1", "kill -TERM $$", check=False)
        expect(result.returncode == 255, f"a signal gave {result.returncode}")
        result = server.ssh("-o", "SetEnv=LC_TEST=yes LD_PRELOAD=bad", "ann@127.0.0.1", "echo $LC_TEST $LD_PRELOAD")
        expect(result.stdout == b"yes\n", f"environment: {result.stdout}")
        result = server.ssh("-tt", "ann@127.0.0.1", "tty; stty -a; exit 4", check=False)
        expect(b"/dev/pts/" in result.stdout and b"-echo" not in result.stdout.split(b"isig")[0], f"{result.stdout}")
        expect(result.returncode == 4, f"status {result.returncode}")
        result = server.ssh("ann@127.0.0.1", input=b"echo shell $0; exit 3\n", check=False)
        expect(b"shell -" in result.stdout and result.returncode == 3, f"{result}")
        # Job control and a hang-up at the end of the connection.
        process = subprocess.Popen(["ssh", *server.options(), "-tt", "-p", str(server.port), "ann@127.0.0.1",
                                    "echo $$; sleep 600"], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
        shell = int(process.stdout.readline())
        process.terminate()
        for _ in range(100):
            if not os.path.exists(f"/proc/{shell}"):
                break
            time.sleep(0.1)
        else:
            sys.exit("the shell outlives its connection")
        process.wait()


def openssh_multiplexing():
    with Server(program) as server:
        control = ["-o", f"ControlPath={server.path('control')}"]
        server.ssh(*control, "-o", "ControlMaster=yes", "-o", "ControlPersist=60", "ann@127.0.0.1", "true",
                   stdin=subprocess.DEVNULL)
        command = ["ssh", *server.options(), *control, "-p", str(server.port), "ann@127.0.0.1"]
        many = [subprocess.Popen([*command, f"head -c 300000 /dev/zero; exit {n}"], stdout=subprocess.PIPE)
                for n in range(50)]
        for number, process in enumerate(many):
            output, _ = process.communicate(timeout=60)
            expect(len(output) == 300_000 and process.returncode == number, f"channel {number}")
        run([*command, "-O", "exit"])


def openssh_log_in():
    need("sshpass")
    with Server(program, "--code", "123456", "--ways", "publickey,keyboard-interactive", "--banner", "Hello") as server:
        expect(server.ssh("ann@127.0.0.1", "true", check=False).returncode == 255, "a key alone was enough")
    with Server(program, "--banner", "Hello there") as server:
        expect(server.ssh("-l", "bob", "127.0.0.1", "true", check=False).returncode == 255, "bob got in")
        changed = {"BatchMode=yes": "BatchMode=no", "LogLevel=ERROR": "LogLevel=INFO"}
        options = [changed.get(option, option) for option in server.options()[:-2]]
        options += ["-o", "PubkeyAuthentication=no"]
        for method in ("password", "keyboard-interactive"):
            command = ["ssh", *options, "-o", f"PreferredAuthentications={method}", "-p", str(server.port),
                       "ann@127.0.0.1", "echo in"]
            result = run(["sshpass", "-p", "secret", *command])
            expect(result.stdout == b"in\n" and b"Hello there" in result.stderr, f"{method}: {result}")
            expect(run(["sshpass", "-p", "wrong", *command], check=False).returncode != 0, "a wrong password got in")


def openssh_forwarding():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    for permitted in (True, False):
        with Server(program, *(["--permit", "ssh:connect"] if permitted else [])) as server:
            process = subprocess.Popen(["ssh", *server.options(), "-W", f"127.0.0.1:{port}", "-p", str(server.port),
                                        "ann@127.0.0.1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL)
            if permitted:
                peer, _ = listener.accept()
                process.stdin.write(b"ping")
                process.stdin.flush()
                expect(peer.recv(4) == b"ping", "forwarded data")
                peer.sendall(b"x" * 300_000)
                peer.close()
                expect(len(process.stdout.read()) == 300_000, "data back")
            process.stdin.close()
            process.wait(20)
            expect(permitted or process.returncode != 0, "forwarding without permission")


def openssh_sftp():
    with Server(program) as server:
        content = server.random_file("big", 20_000_000)
        os.makedirs(server.path("tree/sub"))
        for number in range(40):
            server.random_file(f"tree/f{number}", 100 * number)
        output = server.sftp("put big\nget big big2\nput -r tree\nrename tree/f1 tree/g1\nln -s g1 tree/link\n"
                             "ln tree/g1 tree/hard\nchmod 600 tree/g1\nls -la tree\ndf\nmkdir d\nrmdir d\nrm tree/f2\n"
                             "get -r tree tree2\ncopy tree/g1 tree/copied\ncd tree\npwd\n")
        expect(server.read("big2") == content and server.read("files/big") == content, "the file differs")
        expect("Remote working directory: /tree" in output, output)
        expect(os.readlink(server.path("files/tree/link")) == "g1", "the link")
        expect(os.stat(server.path("files/tree/g1")).st_mode & 0o777 == 0o600, "chmod")
        for name in os.listdir(server.path("tree2")):
            expect(filecmp.cmp(server.path("tree2/" + name), server.path("files/tree/" + name)) if name != "sub" else True,
                   name)
        # Resume.
        with open(server.path("part"), "wb") as file:
            file.write(content[:7_000_000])
        server.sftp("get -a big part\n")
        expect(server.read("part") == content, "resume")
        scp = ["scp", *server.options(), "-P", str(server.port)]
        run([*scp, server.path("big"), "ann@127.0.0.1:big3"])
        run([*scp, "-r", "-p", "ann@127.0.0.1:tree", server.path("tree3")])
        expect(server.read("files/big3") == content, "scp")
        result = run(["sftp", *server.options(), "-P", str(server.port), "-b", "-", "ann@127.0.0.1"],
                     input=b"get ../../../etc/passwd\n", check=False)
        expect(result.returncode != 0, "/etc/passwd")


def putty():
    for name in ("plink", "psftp"):
        need(name)
    with Server(program) as server:
        fingerprint = run(["ssh-keygen", "-lf", server.path("host_ed25519.pub")]).stdout.split()[1].decode()
        base = ["-batch", "-P", str(server.port), "-l", "ann", "-pw", "secret", "-hostkey", fingerprint]
        result = run(["plink", "-ssh", *base, "127.0.0.1", "echo plink"], stdin=subprocess.DEVNULL)
        expect(result.stdout == b"plink\n", f"{result}")
        content = server.random_file("big", 5_000_000)
        run(["psftp", *base, "127.0.0.1", "-b", "/dev/stdin"], input=b"put big\nget big big2\n", cwd=server.folder)
        expect(server.read("big2") == content, "psftp")


def dropbear():
    need("dbclient")
    key = f"/tmp/portside-dropbear-{os.getpid()}"
    run(["dropbearkey", "-t", "ed25519", "-f", key])
    try:
        lines = run(["dropbearkey", "-y", "-f", key]).stdout.decode().splitlines()
        public = next(line for line in lines if line.startswith("ssh-ed25519"))
        with Server(program, authorized=[public]) as server:
            content = os.urandom(200_000)
            result = run(["dbclient", "-y", "-y", "-i", key, "-p", str(server.port), "ann@127.0.0.1", "cat"], input=content)
            expect(result.stdout == content, "data differ")
    finally:
        os.unlink(key)


def with_paramiko():
    import paramiko
    with Server(program) as server:
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect("127.0.0.1", port=server.port, username="ann", password="secret", look_for_keys=False,
                       allow_agent=False)
        _, out, _ = client.exec_command("echo paramiko; exit 3")
        expect(out.read() == b"paramiko\n" and out.channel.recv_exit_status() == 3, "exec")
        content = server.random_file("big", 5_000_000)
        sftp = client.open_sftp()
        sftp.put(server.path("big"), "big")
        sftp.get("big", server.path("big2"))
        expect(server.read("big2") == content, "sftp")
        client.close()


def second_factors():
    import paramiko
    prompts = []

    def answer(title, instructions, questions):
        prompts.extend(text for text, _ in questions)
        return ["secret" if "Password" in text else "123456" for text, _ in questions]

    ways = ["--code", "123456", "--ways", "publickey,keyboard-interactive"]
    for options, first in ((ways, "key"), (["--code", "123456"], "password"), (["--code", "123456"], None)):
        with Server(program, *options) as server:
            transport = paramiko.Transport(("127.0.0.1", server.port))
            transport.start_client(timeout=20)
            if first == "key":
                key = paramiko.Ed25519Key.from_private_key_file(server.path("id_ed25519"))
                expect(transport.auth_publickey("ann", key) == ["keyboard-interactive"], "a partial success")
            elif first == "password":
                expect(transport.auth_password("ann", "secret", fallback=False) == ["keyboard-interactive"], "partial")
            expect(not transport.is_authenticated(), "one factor was enough")
            del prompts[:]
            transport.auth_interactive("ann", answer)
            expect(transport.is_authenticated(), "two factors were not")
            expect(prompts == (["Verification code: "] if first == "password" else
                               ["Password: ", "Verification code: "]), f"{prompts}")
            transport.close()


def sftp_escapes():
    """Links and paths that lead out of the home, and names that are not UTF-8."""
    import paramiko
    with Server(program) as server:
        transport = paramiko.Transport(("127.0.0.1", server.port))
        transport.connect(username="ann", password="secret")
        sftp = paramiko.SFTPClient.from_transport(transport)
        for number, target in enumerate(("/etc", "..", "../../../../../etc", "/proc/self/root", "/etc/passwd")):
            link = f"link{number}"
            sftp.symlink(target, link)
            for path in (link, link + "/passwd"):
                for work in (lambda: sftp.open(path).read(), lambda: sftp.stat(path), lambda: sftp.listdir(path),
                             lambda: sftp.open(path, "w"), lambda: sftp.chmod(path, 0o777)):
                    try:
                        work()
                    except OSError:
                        continue
                    sys.exit(f"{path} -> {target} led out")
        expect(sftp.normalize("../../..") == "/", "the root's parent")
        name = b"\xff\xfe\x01"
        with open(os.path.join(os.fsencode(server.files), name), "wb") as file:
            file.write(b"x")
        expect(sftp.stat(name).st_size == 1, "a name that is not UTF-8")
        transport.close()


def with_asyncssh():
    import asyncssh

    async def talk(server, exchange, key):
        async with asyncssh.connect("127.0.0.1", port=server.port, username="ann", known_hosts=None, config=None,
                                    client_keys=[server.path(key)], agent_path=None, kex_algs=[exchange]) as connection:
            result = await connection.run("echo asyncssh", check=True)
            expect(result.stdout == "asyncssh\n", "exec")
            async with connection.start_sftp_client() as sftp:
                await sftp.put(server.path("big"), "big")
                await sftp.get("big", server.path("big2"))
            expect(server.read("big2") == server.read("big"), "sftp")
    with Server(program) as server:
        server.random_file("big", 3_000_000)
        for exchange, key in (("mlkem768x25519-sha256", "id_ed25519"), ("curve25519-sha256", "id_rsa"),
                              ("ecdh-sha2-nistp521", "id_ecdsa")):
            asyncio.run(talk(server, exchange, key))


def lftp():
    need("lftp")
    with Server(program) as server:
        content = server.random_file("big", 5_000_000)
        script = (f"set sftp:auto-confirm yes; set sftp:connect-program '{server.path('ssh')} -a -x'; put big; "
                  "get big -o big2; mkdir d; mv big d/; ls d; bye")
        run(["lftp", "-e", script, "sftp://ann:@127.0.0.1"], cwd=server.folder)
        expect(server.read("big2") == content and server.read("files/d/big") == content, "the file differs")


def rsync_and_git():
    for name in ("rsync", "git"):
        need(name)
    with Server(program) as server:
        os.makedirs(server.path("tree/sub"))
        for number in range(100):
            server.random_file(f"tree/sub/f{number}", 1_000 * number)
        run(["rsync", "-a", "-e", server.path("ssh"), server.path("tree/"), f"ann@127.0.0.1:{server.path('copy')}"])
        run(["diff", "-r", server.path("tree"), server.path("copy")])
        run(["git", "init", "-q", server.path("tree")])
        who = ["-c", "user.name=ann", "-c", "user.email=ann@lab.test"]
        run(["git", *who, "-C", server.path("tree"), "add", "."])
        run(["git", *who, "-C", server.path("tree"), "commit", "-qm", "all"])
        run(["git", "clone", "-q", f"ssh://ann@127.0.0.1:{server.port}{server.path('tree')}", server.path("clone")],
            env=dict(os.environ, GIT_SSH_COMMAND=server.path("ssh")))
        run(["diff", "-r", server.path("tree/sub"), server.path("clone/sub")])


def sshfs():
    for name in ("sshfs", "fusermount"):
        need(name)
    with Server(program) as server:
        mount = server.path("mount")
        os.mkdir(mount)
        content = server.random_file("big", 5_000_000)
        run(["sshfs", "-o", f"ssh_command={server.path('ssh')}", "ann@127.0.0.1:/", mount])
        try:
            run(["cp", server.path("big"), mount + "/big"])
            expect(server.read("files/big") == content, "written")
            run(["cmp", server.path("big"), mount + "/big"])
            os.rename(mount + "/big", mount + "/other")
            expect(os.listdir(mount) == ["other"], "renamed")
        finally:
            run(["fusermount", "-u", mount])


def audit():
    command = [os.path.join(os.path.dirname(sys.executable), "ssh-audit")]
    with Server(program, "--kex", "curve25519-sha256,curve25519-sha256@libssh.org", host_keys=("ed25519",)) as server:
        report = run([*command, "-b", "-l", "fail", "--skip-rate-test", "-p", str(server.port), "127.0.0.1"],
                     check=False).stdout.decode()
        expect("[fail]" not in report, report)


def half_open():
    """A thousand connections that say nothing: others log in meanwhile, and all slots come back (CVE-2024-6387)."""
    with Server(program, "--grace", "4") as server:
        sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(500)]
        sockets += [socket.create_connection(("127.0.0.1", server.port)) for _ in range(500)]
        for peer in sockets[::2]:
            peer.sendall(b"SSH-2.0-idle\r\n")
        expect(server.ssh("ann@127.0.0.1", "echo in").stdout == b"in\n", "nobody gets in")
        deadline = time.monotonic() + 60
        for peer in sockets:
            peer.settimeout(max(1, deadline - time.monotonic()))
            while peer.recv(65_536):
                pass
            peer.close()
        echo_through(server)


cases = {
    "openssh-ciphers": openssh_ciphers, "openssh-exchanges": openssh_exchanges, "openssh-rekeys": openssh_rekeys,
    "openssh-compression": openssh_compression,
    "openssh-sessions": openssh_sessions, "openssh-multiplexing": openssh_multiplexing,
    "openssh-log-in": openssh_log_in, "openssh-forwarding": openssh_forwarding, "openssh-sftp": openssh_sftp,
    "putty": putty, "dropbear": dropbear, "paramiko": with_paramiko, "asyncssh": with_asyncssh, "lftp": lftp, "second-factors": second_factors, "sftp-escapes": sftp_escapes,
    "rsync-git": rsync_and_git, "sshfs": sshfs, "audit": audit, "half-open": half_open,
}
cases[case]()
