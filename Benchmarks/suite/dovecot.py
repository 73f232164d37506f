"""Dovecot with sdbox, unprivileged, on loopback, from a folder of its own: one account."""
import contextlib
import os
import pathlib
import pwd
import subprocess
from collections.abc import Iterator

from .machine import accepts, family, free_port, running, wait_until


class Dovecot:
    def __init__(self, work: pathlib.Path, account: str, password: str) -> None:
        self.work, self.account, self.password = work, account, password
        self.port = free_port()
        self.configuration = work / "dovecot.conf"
        self.process: subprocess.Popen | None = None
        numbers = pwd.getpwnam("nobody")
        for name in ("run", "state", "home"):
            (work / name).mkdir(parents=True, exist_ok=True)
            os.chown(work / name, numbers.pw_uid, numbers.pw_gid)
        os.chown(work, numbers.pw_uid, numbers.pw_gid)
        (work / "users").write_text(
            f"{account}:{{PLAIN}}{password}:{numbers.pw_uid}:{numbers.pw_gid}::{work}/home\n")
        self.configuration.write_text(self._text())

    def _text(self) -> str:
        work = self.work
        version = subprocess.run(["dovecot", "--version"], capture_output=True, text=True).stdout.split()[0]
        common = f"""
base_dir = {work}/run
state_dir = {work}/state
log_path = {work}/log
protocols = imap
listen = 127.0.0.1
ssl = no
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
first_valid_uid = 1
default_client_limit = 4000
default_process_limit = 2000
service imap-login {{
  chroot =
  client_limit = 2000
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service imap {{
  process_limit = 2000
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""
        if version.startswith("2.4"):
            return f"dovecot_config_version = {version}\ndovecot_storage_version = {version}\n" + common + f"""
auth_allow_cleartext = yes
mail_driver = sdbox
mail_path = {work}/home/mail
mail_home = {work}/home
mail_max_userip_connections = 2000
passdb passwd-file {{
  passwd_file_path = {work}/users
}}
userdb passwd-file {{
  passwd_file_path = {work}/users
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""
        return common + f"""
disable_plaintext_auth = no
mail_location = sdbox:{work}/home/mail
mail_max_userip_connections = 2000
passdb {{
  driver = passwd-file
  args = {work}/users
}}
userdb {{
  driver = passwd-file
  args = {work}/users
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""

    @contextlib.contextmanager
    def serving(self) -> Iterator["Dovecot"]:
        with running("dovecot", "-F", "-c", str(self.configuration), log=self.work / "errors") as process:
            self.process = process
            wait_until(lambda: accepts(self.port), "dovecot accepts")
            yield self

    @property
    def processes(self) -> list[int]:
        return family(self.process.pid) if self.process else []

    def take(self, mbox: pathlib.Path, mailbox: str) -> None:
        """Takes an mbox file into a mailbox, as an administrator would; the server runs meanwhile."""
        folder = self.work / "import"
        folder.mkdir(exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (folder / mailbox).symlink_to(mbox)
        numbers = pwd.getpwnam("nobody")
        os.chown(folder, numbers.pw_uid, numbers.pw_gid)
        words = ["doveadm", "-c", str(self.configuration), "import", "-u", self.account,
                 f"mbox:{folder}:INBOX={self.work}/none", "", "mailbox", mailbox]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"doveadm import: {done.stderr[-1500:]}")
