"""How fast mails come into the register, and what that costs: `python -m tests.bench.mails 10000`.

A real mailbox (Dovecot) is filled, and read as the controller does it; then a mail is delivered while it waits.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psutil

from callcenter.store import Register
from tests.channels.conftest import make_arrivals, make_attachments
from tests.mail.dovecot import running
from tests.mail.reading_mail import RULES, being_read, mail, taken


def memory() -> float:
    """Megabytes that this process has."""
    return psutil.Process().memory_info().rss / 1e6


async def main(mails: int) -> None:
    """Import and report."""
    folder = Path(tempfile.mkdtemp(prefix="mails-"))
    await asyncio.to_thread(folder.chmod, 0o711)
    try:
        with running(folder) as dovecot:
            text = "Не подписывается контракт. " * 80
            some = (mail(f"Письмо {n}", text, sender=f"u{n}@x.ru", Message_ID=f"<{n}@x>") for n in range(mails))
            dovecot.put("user", *some)
            print(f"{mails} mails are in the mailbox", flush=True)
            register = await Register.open(folder / "register.sqlite")
            arrivals = make_arrivals(register, make_attachments(register, folder / "attachments"))
            began, longest = time.monotonic(), 0.0
            rules = replace(RULES, takes_old=True)
            async with being_read(
                dovecot.server("user"), register, arrivals, folder / "spool", rules=rules, every=55
            ) as (
                _,
                receiver,
            ):
                told = 0
                while receiver.outcomes.total() < mails:
                    before = time.monotonic()
                    await asyncio.sleep(0.01)
                    longest = max(longest, time.monotonic() - before - 0.01)
                    if receiver.outcomes.total() >= told:
                        took = time.monotonic() - began
                        late = f"loop late by {longest * 1000:.0f} ms at most"
                        done = receiver.outcomes.total()
                        print(f"{done:6d} mails, {took:6.1f} s, {memory():.0f} MB, {late}", flush=True)
                        told, longest = told + mails // 5, 0.0
                took = time.monotonic() - began
                print(f"{mails / took:.0f} mails a second; {dict(receiver.outcomes)}; {memory():.0f} MB")
                print(f"children's peak {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000:.0f} MB")
                for _ in range(5):
                    await asyncio.sleep(1)
                    count = receiver.outcomes.total()
                    began = time.monotonic()
                    await asyncio.to_thread(dovecot.put, "user", mail(f"sofort {began}"))
                    await taken(receiver, count + 1)
                    print(f"delivered → in the register: {(time.monotonic() - began) * 1000:.0f} ms")
            await register.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
