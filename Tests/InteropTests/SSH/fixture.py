"""An SSH server of ours for one test: the SSHFixture program, with keys and directories of its own."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

# What runs the tests may ignore or hold back signals, and programs inherit that: here they end when they are told to.
signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)


def need(name):
    path = shutil.which(name)
    if path is None:
        sys.exit(f"{name} is missing: run Scripts/setup-test-peers")
    return path


def run(command, timeout=60, check=True, **options):
    result = subprocess.run(command, timeout=timeout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if check and result.returncode != 0:
        sys.exit(f"{command} ended with {result.returncode}:\n{result.stdout.decode(errors='replace')[-2000:]}\n"
                 f"{result.stderr.decode(errors='replace')[-2000:]}")
    return result


class Server:
    """Starts the fixture; as a context it ends it."""

    def __init__(self, program, *options, host_keys=("ed25519", "rsa", "ecdsa"), authorized=()):
        self.folder = tempfile.mkdtemp(prefix="portside-ssh-")
        self.files = self.path("files")
        os.mkdir(self.files)
        need("ssh-keygen")
        arguments = [program]
        for kind in host_keys:
            run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", self.path("host_" + kind)])
            arguments += ["--host-key", self.path("host_" + kind)]
        for kind in ("ed25519", "rsa", "ecdsa"):
            run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", self.path("id_" + kind)])
            arguments += ["--authorized", self.path(f"id_{kind}.pub")]
        for line in authorized:
            with open(self.path("more.pub"), "a") as file:
                file.write(line + "\n")
        if authorized:
            arguments += ["--authorized", self.path("more.pub")]
        arguments += ["--password", "secret", "--home", self.folder, "--files", self.files, *options]
        environment = dict(os.environ, SWIFT_BACKTRACE="enable=no")
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self.port = int(self.process.stdout.readline().split()[1])
        with open(self.path("ssh"), "w") as file:
            file.write("#!/bin/sh\nexec ssh " + " ".join(self.options()) + f" -p {self.port} \"$@\"\n")
        os.chmod(self.path("ssh"), 0o755)

    def path(self, name):
        return os.path.join(self.folder, name)

    def options(self, key="id_ed25519"):
        return ["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
                "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-i",
                self.path(key)]

    def ssh(self, *arguments, key="id_ed25519", **options):
        return run(["ssh", *self.options(key), "-p", str(self.port), *arguments], **options)

    def sftp(self, batch, *arguments):
        command = ["sftp", *self.options(), *arguments, "-P", str(self.port), "-b", "-", "ann@127.0.0.1"]
        return run(command, input=batch.encode(), cwd=self.folder).stdout.decode()

    def random_file(self, name, size):
        content = os.urandom(size)
        with open(self.path(name), "wb") as file:
            file.write(content)
        return content

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        alive = self.process.poll() is None
        self.process.stdin.close()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)
        if not alive:
            sys.exit("the server did not live to the end of the test")
