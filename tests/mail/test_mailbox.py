"""A real mailbox (Dovecot): each mail is in the register exactly once, whatever happens to server and program."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from callcenter.mail import imap
from callcenter.mail import mailbox as mailboxes
from callcenter.mail.imap import ImapServer
from callcenter.request_register.arrivals import ArrivalRegister, Arrived, Taken
from callcenter.request_register.attachments import Attachments
from callcenter.request_register.outbox import Outbox
from callcenter.request_register.register import RequestRegister
from callcenter.requests.lifecycle import State
from callcenter.requests.request import Way
from callcenter.store import Register, RegisterError
from tests.databases import Where
from tests.mail.dovecot import DONE, Dovecot
from tests.mail.reading_mail import IDS, RULES, being_read, mail, taken, until
from tests.patience import patience
from tests.request_register.stories import CALLED
from tests.store.stories import stored

_REPOSITORY = Path(__file__).parents[2]


@pytest.mark.clause("eLot 2.3")
@pytest.mark.clause("TBS 2.6")
@pytest.mark.clause("E-SAUDA 2.2")
async def test_a_mail_is_a_request_with_a_number_that_its_writer_is_told_and_a_reply_goes_on_with_it(
    dovecot: Dovecot,
    user: str,
    database: Register,
    arrivals: ArrivalRegister,
    requests: RequestRegister,
    attachments: Attachments,
    outbox: Outbox,
    tmp_path: Path,
) -> None:
    raw = mail("Подпись", "Не подписывается контракт.\n\n> старое", Message_ID="<1@customer.ru>")
    async with being_read(dovecot.server(user), database, arrivals, tmp_path, every=30) as (mailbox, receiver):
        await until(lambda: mailbox.looks)  # the first look was at an empty mailbox
        await asyncio.to_thread(dovecot.put, user, raw)
        await taken(receiver, 1)  # by IDLE: the next look would be in half a minute
        filed = await requests.numbered("ESTP-2026-000001")
        assert (filed.request.state, filed.request.subject) == (State.NEW, "Подпись")
        assert filed.request.essentials == "Не подписывается контракт."
        assert filed.requester.name == "Пётр"
        assert filed.received[0].text == "Не подписывается контракт.\n\n> старое"
        [original] = filed.attachments
        _, content = await attachments.open(filed.request.id, original.sha256)
        with content:
            assert content.read() == raw
        [told] = await outbox.due(Way.EMAIL, CALLED)
        assert (told.key, told.address, told.automatic) == ("ESTP-2026-000001/received", "p@customer.ru", True)
        assert told.text == "Номер ESTP-2026-000001, до 03.12.2026 18:00.\n\nВ рабочее время звоните."
        assert told.answers == ("<1@customer.ru>",)
        reply = mail(
            "Re: что-то", "Нашёл, спасибо", In_Reply_To=IDS.of(told.key, "estp.ru"), Message_ID="<2@customer.ru>"
        )
        await asyncio.to_thread(dovecot.put, user, reply)
        await taken(receiver, 2)
        await until(lambda: dovecot.count(user) == 0)
    assert [one.text for one in (await requests.numbered("ESTP-2026-000001")).received][1:] == ["Нашёл, спасибо"]
    assert receiver.outcomes == {"new": 1, "joined": 1}
    assert (dovecot.count(user), dovecot.count(user, DONE)) == (0, 2)


async def test_killed_at_each_step_no_mail_is_lost_or_doubled(
    dovecot: Dovecot, user: str, where: Where, tmp_path: Path
) -> None:
    database = await Register.open(where)
    await database.close()
    first, arrived = True, set[str]()
    for stop in ("fetched", "committed", "moved", "sent", "never"):
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "tests.mail.reading_mail",
                str(where),
                str(dovecot.port),
                user,
                str(tmp_path),
                stop,
            ),
            cwd=_REPOSITORY,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        if first:  # when the mailbox has been looked at: what is there before is not ours
            await until(lambda: stored(where, "SELECT line FROM mailboxes"), 60)
            await asyncio.to_thread(dovecot.put, user, *(mail(f"Письмо {n}", Message_ID=f"<{n}@x>") for n in range(3)))
            first = False
        async with patience(60):
            while True:
                if stop == "never":
                    counts = "SELECT count(*) FROM outbox WHERE settled_at IS NOT NULL"
                    if stored(where, counts) == [(2,)] and dovecot.count(user) == 0:
                        break  # the line acknowledges two within the hour
                    await asyncio.sleep(0.1)
                    continue
                said = (await process.stdout.readline()).decode().split()
                arrived |= set(said[1:])
                if said[:1] == [stop]:
                    break
        process.kill()
        await process.wait()
    assert stored(where, "SELECT count(*), count(DISTINCT subject) FROM requests") == [(3, 3)]
    assert stored(where, "SELECT count(*), count(DISTINCT key) FROM request_messages WHERE inward") == [(3, 3)]
    assert stored(where, "SELECT count(*) FROM outbox") == [(2,)]
    assert (dovecot.count(user), dovecot.count(user, DONE)) == (0, 3)


async def test_what_was_in_the_mailbox_before_stays_also_when_its_uids_change(
    dovecot: Dovecot,
    user: str,
    database: Register,
    arrivals: ArrivalRegister,
    requests: RequestRegister,
    tmp_path: Path,
) -> None:
    dovecot.put(user, *(mail(f"старое {n}") for n in range(5)), received=CALLED - timedelta(days=400))
    async with being_read(dovecot.server(user), database, arrivals, tmp_path) as (mailbox, receiver):
        await until(lambda: mailbox.looks)
        await asyncio.to_thread(dovecot.put, user, mail("новое"), received=CALLED)
        await taken(receiver, 1)
        await until(lambda: dovecot.count(user) == 5)
    # A copy of the server is restored: the new mail is in the mailbox again, and all have other UIDs.
    dovecot.put(user, mail("новое"), mail("новейшее"), received=CALLED + timedelta(minutes=1))
    dovecot.forget_uids(user)
    async with being_read(dovecot.server(user), database, arrivals, tmp_path) as (_, again):
        await taken(again, 2)
        await until(lambda: dovecot.count(user) == 5)
    assert again.outcomes == {"again": 1, "new": 1}
    assert dovecot.count(user) == 5, "the old ones stay"
    assert (await requests.numbered("ESTP-2026-000002")).request.subject == "новейшее"


async def test_old_mails_are_taken_if_the_line_says_so_and_nobody_is_told_after_a_year(
    dovecot: Dovecot,
    user: str,
    database: Register,
    arrivals: ArrivalRegister,
    outbox: Outbox,
    tmp_path: Path,
) -> None:
    dovecot.put(user, mail("старое"), received=CALLED - timedelta(days=400))
    rules = replace(RULES, takes_old=True)
    async with being_read(dovecot.server(user), database, arrivals, tmp_path, rules=rules) as (_, receiver):
        await taken(receiver, 1)
        await until(lambda: dovecot.count(user) == 0)
    assert receiver.outcomes == {"new": 1}
    assert await outbox.due(Way.EMAIL, CALLED) == []


async def test_a_mail_that_is_too_large_is_told_of_and_stays_whole_in_the_mailbox(
    dovecot: Dovecot,
    user: str,
    database: Register,
    arrivals: ArrivalRegister,
    requests: RequestRegister,
    tmp_path: Path,
) -> None:
    rules = replace(RULES, takes_old=True, longest=10_000)
    dovecot.put(user, mail("большое", "Это начало. " + "x" * 50_000), received=CALLED)
    async with being_read(dovecot.server(user), database, arrivals, tmp_path, rules=rules) as (_, receiver):
        await taken(receiver, 1)
        await until(lambda: dovecot.count(user) == 0)
    [received] = (await requests.numbered("ESTP-2026-000001")).received
    assert "Это начало." in received.text
    assert "в папке «Обработанные»" in received.text
    client = dovecot.client(user)
    client.select(DONE)
    _, [size] = client.fetch("1", "(RFC822.SIZE)")
    client.logout()
    assert isinstance(size, bytes)
    assert b"RFC822.SIZE 50" in size


async def test_a_server_that_refuses_hangs_or_closes_is_told_of_and_the_mailbox_is_read_again_afterwards(
    dovecot: Dovecot,
    user: str,
    database: Register,
    arrivals: ArrivalRegister,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mailboxes, "_FIRST_PAUSE", 0.05)
    monkeypatch.setattr(mailboxes, "_LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(mailboxes, "_AFTER_REFUSAL", 0.05)

    async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        while await reader.read(1000):
            pass
        writer.close()

    async def closes(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def talks_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp ready \xff\r\n" * 100)
        while await reader.read(1000):
            pass
        writer.close()

    async def problem_with(server: ImapServer) -> str:
        async with being_read(server, database, arrivals, tmp_path) as (mailbox, _):
            await until(lambda: mailbox.problem)
            assert mailbox.age > 0
            return mailbox.problem

    async def from_one_that(answers: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> str:
        server = await asyncio.start_server(answers, "127.0.0.1", 0)
        try:
            port = server.sockets[0].getsockname()[1]
            return await problem_with(replace(dovecot.server(user), port=port))
        finally:
            server.close()

    with monkeypatch.context() as patch:
        patch.setattr(imap, "WITHIN", 0.3)
        assert "cannot be used" in await from_one_that(hangs)
    assert "cannot be used" in await from_one_that(closes)
    assert "cannot be used" in await from_one_that(talks_nonsense)
    refused = await problem_with(dovecot.server(user, "wrong-secret"))
    assert refused == f"127.0.0.1 refuses our password for {user}"
    assert "wrong-secret" not in repr(dovecot.server(user, "wrong-secret"))
    rules = replace(RULES, takes_old=True)
    await asyncio.to_thread(dovecot.put, user, mail(), received=CALLED)
    async with being_read(dovecot.server(user), database, arrivals, tmp_path, rules=rules) as (_, receiver):
        await taken(receiver, 1)


async def test_what_the_register_does_not_take_just_now_is_looked_for_again_soon(
    dovecot: Dovecot,
    user: str,
    database: Register,
    arrivals: ArrivalRegister,
    requests: RequestRegister,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody holds a lock for a moment: nobody waits for the next look, which would be in ten minutes."""
    monkeypatch.setattr(mailboxes, "_FIRST_PAUSE", 0.05)
    take, locked = arrivals.take, [1, 2]

    async def locked_twice(arrived: Arrived, at: datetime) -> Taken:
        if locked:
            locked.pop()
            raise RegisterError("the register is locked")
        return await take(arrived, at)

    monkeypatch.setattr(arrivals, "take", locked_twice)
    async with being_read(dovecot.server(user), database, arrivals, tmp_path, every=600) as (mailbox, receiver):
        await until(lambda: mailbox.looks)
        await asyncio.to_thread(dovecot.put, user, mail("Подпись", Message_ID="<1@x>"))
        await until(lambda: receiver.outcomes["new"] == 1)
    assert receiver.outcomes == {"not_taken": 2, "new": 1}
    assert (await requests.numbered("ESTP-2026-000001")).request.subject == "Подпись"
