"""A real mail server for the stories of mailboxes, and the register that mails come into."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.channels.conftest import arrivals, attachments, database, outbox, requests
from tests.mail.dovecot import PROGRAM, Dovecot, running

__all__ = ["arrivals", "attachments", "database", "outbox", "requests"]

_users = count(1)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """A mail server for all stories of a process: each has a mailbox of its own."""
    if PROGRAM is None:
        pytest.skip("dovecot is not installed: apt-get install dovecot-imapd (.ci/run does)")
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
    folder.chmod(0o711)
    try:
        with running(folder) as found:
            yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def user() -> str:
    """A mailbox that nobody has used."""
    return f"user{next(_users)}"
