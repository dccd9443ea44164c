"""Measure requests: `python -m tests.bench.requests [REQUESTS [OPEN [FOLDER [postgresql]]]]`; else a million and 5,000.

The register is filled as years of a line would fill it; then the head's board, counts, my requests and the search are
asked again and again, and requests are taken from the form to the answer. Meanwhile a clock ticks in the event loop:
how much later than it should is how long a call's event would have waited. FOLDER keeps the filled
register for the next time. With `postgresql` it is first moved to a server of its own, which syncs each commit.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

from callcenter.app.database_move import copy_register
from callcenter.core.ids import LineId
from callcenter.reports.request_report import request_report
from callcenter.reports.requests import figures
from callcenter.request_register.board import RequestBoard
from callcenter.request_register.filed import BoardQuery, Own, Requester
from callcenter.request_register.in_force import WarningsInForce
from callcenter.request_register.register import RequestRegister
from callcenter.request_register.search import lemmatised
from callcenter.request_register.watch import TargetWatch, Warned
from callcenter.requests import actions as do
from callcenter.requests.escalation import Escalation, Notice
from callcenter.requests.request import Assignee, AssigneeKind, Reply, Way
from callcenter.requests.targets import TargetKind
from callcenter.store import Register
from tests.databases import Where, start
from tests.request_register.conftest import of_lines
from tests.request_register.stories import CALLED, MINUTE
from tests.requests.lines import MOSCOW

WORDS = (
    *("подпись", "заявка", "контракт", "сертификат", "аукцион", "заказчик", "обеспечение", "гарантия", "договор"),
    *("документ", "площадка", "ключ", "доступ", "пароль", "жалоба", "протокол", "закупка", "участник", "ошибка"),
)
RARE = 5000
TIMES = 300
TICK = 0.002
"""Seconds."""
ACTED = 60
"""Requests that are taken from the form to the answer."""


def rows(number: int, still_open: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Yield the rows of requests, one every ten minutes until now, the open ones last."""
    texts = dict.fromkeys(("refusal", "merged_into", "told", "requester_customer", "convenient", "assignee_email"), "")
    for running in range(1, number + 1):
        received = CALLED - timedelta(minutes=10 * (number - running))
        is_open = running > number - still_open
        words = [*chance.sample(WORDS, 4), f"дело{chance.randrange(RARE)}"]
        due = CALLED + timedelta(minutes=chance.randrange(-600, 6000))
        yield texts | {
            "id": running,
            "request": f"{running:016x}",
            "version": 5,
            "line": "estp",
            "year": 2026,
            "running": running,
            "state": chance.choice(["new", "assigned", "in_work", "pending"]) if is_open else "closed",
            "received_at": stored(received),
            "changed_at": stored(received + timedelta(hours=3)),
            "ended_at": None if is_open else stored(received + timedelta(hours=3)),
            "subject": chance.choice(WORDS),
            "essentials": " ".join(words),
            "urgency": "Контроль",
            "way": "email",
            "address": "a@example.ru",
            "assignee_kind": "person",
            "assignee": str(200 + chance.randrange(30)),
            "entries": 10,
            "next_due": stored(due) if is_open else None,
            "next_kind": "answer" if is_open else "",
            "look_at": None,
            "call": f"{running}.1",
            "opened_by": "101",
            "requester_name": f"Заказчик {running}",
            "requester_number": f"+7342{running % 50_000:07d}",
            "requester_inn": str(5_900_000_000 + running % 30_000),
            "convenient_from": None,
            "convenient_until": None,
            "erased_at": None,
        }


def stored(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S.%f}"


def fill(path: Path, number: int, still_open: int) -> None:
    """Write rows past the program: a million decisions would take an hour."""
    lemma = {word: lemmatised(word) for word in (*WORDS, "заказчик")}
    with closing(sqlite3.connect(path)) as database, database:
        names = list(next(rows(1, 0, random.Random(1))))
        marks = ", ".join(f":{name}" for name in names)
        into = f"INSERT INTO requests ({', '.join(names)}) VALUES ({marks})"
        database.executemany(into, rows(number, still_open, random.Random(1)))
        index = (
            (row["id"], lemma[row["subject"]], " ".join(lemma.get(w, w) for w in row["essentials"].split()))
            for row in rows(number, still_open, random.Random(1))
        )
        database.executemany(
            "INSERT INTO request_index (rowid, subject, essentials, who, more) VALUES (?, ?, ?, 'заказчик', '')", index
        )
        target = (
            "INSERT INTO request_targets "
            "(request, place, kind, unit, seconds, days, since, due, pauses, met_by, dropped) "
            "SELECT id, 1, 'answer', 'working_days', 0, 3, received_at, next_due, '[]', '', 0 "
            "FROM requests WHERE ended_at IS NULL"
        )
        database.execute(target)
        database.execute("INSERT INTO request_counters VALUES ('estp', 2026, ?)", (number,))
        database.execute("ANALYZE")
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def measured(name: str, ask: Callable[[int], Awaitable[object]], times: int = TIMES) -> None:
    """Print how long it takes: half of the times, nine of ten, the longest; and how long the event loop stood still."""
    late, done = [0.0], asyncio.Event()

    async def tick() -> None:
        while not done.is_set():
            begun = time.perf_counter()
            await asyncio.sleep(TICK)
            late.append(time.perf_counter() - begun - TICK)

    ticking = asyncio.create_task(tick())
    took = []
    for number in range(times):
        begun = time.perf_counter()
        await ask(number)
        took.append(1000 * (time.perf_counter() - begun))
    done.set()
    await ticking
    ninety = quantiles(took, n=10)[-1]
    print(f"{name:<44} {median(took):8.1f} {ninety:8.1f} {max(took):8.1f} ms   loop late {1000 * max(late):6.1f} ms")


async def act(requests: RequestRegister, number: int) -> None:
    """From the form to the answer: seven transactions."""
    at = CALLED + number * MINUTE / 10
    filed = await requests.open_draft(LineId("estp"), "101", at, at, Requester("Пётр", "+73422000001"))
    for action in (
        do.Fill("101", "Подпись", "Не видна подпись на контракте", "Контроль", Reply(Way.EMAIL, "a@example.ru")),
        do.Submit("101"),
        do.Assign("401", Assignee(AssigneeKind.PERSON, "201")),
        do.Start("201"),
        do.Answer("201", "Перевыпустите сертификат."),
    ):
        filed = await requests.act(filed.request.id, filed.request.version, action, at)
    await requests.report(do.Delivered(filed.request.messages[-1].key), at)


async def measure(where: Where) -> None:
    """Ask and act."""
    register = await Register.open(where)
    requests, board = RequestRegister(register, of_lines), RequestBoard(register)
    evening = CALLED + timedelta(hours=8)
    print(f"{'':<44} {'half':>8} {'nine/10':>8} {'longest':>8}")
    await measured("head's board, next due first, 200 rows", lambda n: board.rows(BoardQuery()))
    await measured("page 20 of it", lambda n: board.rows(BoardQuery(), 200, 4000))
    await measured("breaks today", lambda n: board.rows(BoardQuery(due_before=evening)))
    await measured("overdue", lambda n: board.rows(BoardQuery(overdue_at=CALLED)))
    await measured("my requests", lambda n: board.rows(BoardQuery(assignees=[str(200 + n % 30)])))
    await measured("counts by state and target", lambda n: board.counts(CALLED))
    await measured("how many are open", lambda n: board.number_of(BoardQuery()))
    await measured("of a telephone number", lambda n: board.of_requester(f"+7342{n:07d}", ""))
    await measured("a registration number", lambda n: requests.numbered(f"ESTP-2026-{n + 1:06d}"))
    await board.search("подпись")  # the dictionary is loaded with the first word
    await measured("search: a frequent word", lambda n: board.search(WORDS[n % len(WORDS)]))
    await measured("search: two frequent words", lambda n: board.search(f"{WORDS[n % 19]} {WORDS[(n + 1) % 19]}"))
    await measured("search: a rare word", lambda n: board.search(f"дело{n}"))
    own = Own("102", ["205"])  # a thirtieth
    await measured("search: a frequent word, one's own", lambda n: board.search(WORDS[n % len(WORDS)], own=own))
    await measured("search: a rare word, one's own", lambda n: board.search(f"дело{n}", own=own))
    await measured("search: a number", lambda n: board.search(str(n + 1)))
    begun = time.perf_counter()
    await measured("form to answer, 7 transactions", lambda n: act(requests, n), ACTED)
    print(f"actions a second, one after the other: {7 * ACTED / (time.perf_counter() - begun):.0f}")
    begun = time.perf_counter()
    await asyncio.gather(*(act(requests, n) for n in range(ACTED)))
    print(f"actions a second, {ACTED} at once: {7 * ACTED / (time.perf_counter() - begun):.0f}")
    escalation = Escalation({TargetKind.ANSWER: Notice((timedelta(hours=1),), (timedelta(),))})
    watch = TargetWatch(register, of_lines, {LineId("estp"): Warned(escalation, "a@b.ru", str)}, lambda: CALLED)
    begun, looked = time.perf_counter(), 0
    while some := await watch.look(CALLED):
        looked += some
    print(f"warnings of {looked} open requests, all looked at anew: {time.perf_counter() - begun:.1f} s")
    await measured("warnings, nothing is due", lambda n: watch.look(CALLED), 20)
    in_force = WarningsInForce(register)
    await measured("warnings in force, read anew", lambda n: in_force.refresh(CALLED), 20)
    print(f"in force: {in_force.tally(None)}")
    await measured("report of a month", lambda n: report(register), 3)
    await register.close()


async def report(register: Register) -> None:
    """Of November."""
    zones = {LineId("estp"): MOSCOW}
    times = {name: rules.time for name, rules in of_lines().items()}
    found = figures(register, date(2026, 11, 1), date(2026, 11, 30), zones, times, CALLED)
    await request_report(found, zones, CALLED)


def main() -> None:
    """Fill a register and measure it."""
    given = [int(argument) for argument in sys.argv[1:3]]
    number, still_open = [*given, *(1_000_000, 5_000)[len(given) :]]
    with TemporaryDirectory() as temporary:
        folder = Path(sys.argv[3]) if len(sys.argv) > 3 else Path(temporary)
        filled, path = folder / "filled.sqlite", folder / "register.sqlite"
        if not filled.exists():
            begun = time.perf_counter()
            asyncio.run(_made(path))
            fill(path, number, still_open)
            path.replace(filled)
            print(f"filled in {time.perf_counter() - begun:.0f} s")
        shutil.copyfile(filled, path)
        print(f"{number} requests, {still_open} open: {path.stat().st_size / 1e6:.0f} MB")
        asyncio.run(measure(_on_server(path) if sys.argv[4:] == ["postgresql"] else path))


def _on_server(path: Path) -> str:
    """Move the register to a server that ends with this process; returns its address."""
    server = start(os.getpid(), fsync="on", synchronous_commit="on", full_page_writes="on", autovacuum="on")
    with server.connect() as connection:
        connection.execute("CREATE DATABASE requests")

    async def move() -> None:
        source = await Register.open(path, create=False)
        target = await Register.open(server.url("requests"), moving=True)
        begun = time.perf_counter()
        moved = sum(one.rows for one in await copy_register(source, target, str(path), lambda _: None))
        print(f"{moved} rows moved and compared in {time.perf_counter() - begun:.0f} s")
        await source.close()
        await target.close()

    asyncio.run(move())
    with server.connect("requests") as connection:
        connection.execute("VACUUM ANALYZE")
        [(size,)] = connection.execute("SELECT pg_database_size('requests')").fetchall()
        print(f"on the server: {size / 1e6:.0f} MB")
    return server.url("requests")


async def _made(path: Path) -> None:
    await (await Register.open(path)).close()


if __name__ == "__main__":
    main()
