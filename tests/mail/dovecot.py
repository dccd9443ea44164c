"""A real mail server with mailboxes (Dovecot), in a folder of its own, on the loopback interface."""

from __future__ import annotations

import getpass
import grp
import imaplib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from callcenter.mail.imap import ImapServer
from tests.e2e.station import free_port
from tests.patience import Patience

PROGRAM = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
PASSWORD = "right"
_SETTINGS = """
protocols = imap
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
mail_location = maildir:{folder}/mail/%u
mail_fsync = never
first_valid_uid = 0
first_valid_gid = 0
mail_max_userip_connections = 100
auth_failure_delay = 0
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home/%u
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """A server that runs. Each user that is named has a mailbox, with the same password."""

    folder: Path
    port: int

    def server(self, user: str, password: str = PASSWORD) -> ImapServer:
        """Return how a mailbox is read."""
        return ImapServer("127.0.0.1", self.port, "none", user, password, done="Обработанные")

    def client(self, user: str) -> imaplib.IMAP4:
        """Return a connection of a person to a mailbox."""
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=30)
        client.login(user, PASSWORD)
        return client

    def put(self, user: str, *mails: bytes, received: datetime | None = None) -> None:
        """Deliver mails."""
        client = self.client(user)
        date = imaplib.Time2Internaldate(received) if received else ""
        for mail in mails:
            status, said = client.append("INBOX", "", date, mail)
            assert status == "OK", said
        client.logout()

    def count(self, user: str, folder: str = "INBOX") -> int:
        """Return how many mails are in a folder; 0 if it is not there."""
        client = self.client(user)
        status, said = client.select(folder, readonly=True)
        client.logout()
        return int(said[0] or 0) if status == "OK" else 0

    def forget_uids(self, user: str) -> None:
        """Give the mailbox another UIDVALIDITY, as after a restore: all its mails get other UIDs.

        Dovecot's is the second in which the mailbox was made: in the same second it would be the same one.
        """
        box, probe = self.folder / "mail" / user, self.folder / "probe"
        before = int((box / "dovecot-uidlist").read_text().split(" V", 1)[1].split()[0])
        limit = Patience(5)
        while not limit.over():
            probe.touch()
            if int(probe.stat().st_mtime) > before:
                break
            time.sleep(0.05)
        for path in box.glob("dovecot*"):
            path.unlink()


DONE = '"&BB4EMQRABDAEMQQ+BEIEMAQ9BD0ESwQ1-"'
"""«Обработанные», as IMAP writes it."""


@contextmanager
def running(folder: Path, port: int = 0) -> Iterator[Dovecot]:
    """Run a server for the block."""
    assert PROGRAM is not None
    as_root = os.geteuid() == 0
    user = "nobody" if as_root else getpass.getuser()
    group = "nogroup" if as_root else grp.getgrgid(os.getegid()).gr_name
    uid, gid = (65534, 65534) if as_root else (os.geteuid(), os.getegid())
    port = port or free_port(socket.SOCK_STREAM)
    for name in ("run", "state", "mail", "home"):
        (folder / name).mkdir(exist_ok=True)
        if as_root:
            os.chown(folder / name, uid, gid)
    if as_root:
        for above in (folder, *folder.parents):
            if above != Path("/") and above.stat().st_uid == 0 and not above.stat().st_mode & 1:
                above.chmod(above.stat().st_mode | 0o011)
    settings = folder / "dovecot.conf"
    settings.write_text(
        _SETTINGS.format(folder=folder, user=user, group=group, uid=uid, gid=gid, port=port, password=PASSWORD)
    )
    process = subprocess.Popen(
        [PROGRAM, "-F", "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(process, port, folder / "log")
        yield Dovecot(folder, port)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    limit = Patience(20)
    while not limit.over():
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, log.read_text() if log.exists() else "dovecot does not start"
        time.sleep(0.05)
    raise AssertionError("dovecot does not listen")
