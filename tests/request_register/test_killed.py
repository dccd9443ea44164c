"""A program that is killed at any moment leaves whole requests, numbers without gaps, and no answer unsent."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.databases import Where
from tests.store.stories import stored

_REPOSITORY = Path(__file__).parents[2]

pytestmark = pytest.mark.clause("ESTP 5.5.6")


async def test_killed_three_times_nothing_is_half_done_and_every_answer_leaves(where: Where) -> None:
    arrived: list[str] = []
    for lines in (3, 11, 24):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.request_register.doomed_clerk", str(where)),
            cwd=_REPOSITORY,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        for _ in range(lines):
            arrived.append((await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip())
        process.kill()
        arrived += (await process.stdout.read()).decode().split()
        await process.wait()
        _is_whole(where)
    sent = {key for (key,) in stored(where, "SELECT key FROM outbox WHERE settled_at IS NOT NULL")}
    assert sent <= set(arrived), "nothing counts as sent that has not arrived"
    assert len(arrived) - len(set(arrived)) <= 3, "each death repeats at most the message that was under way"
    assert stored(where, "SELECT count(*) FROM outbox") == stored(
        where, "SELECT count(*) FROM requests WHERE state = 'answered'"
    )


def _is_whole(where: Where) -> None:
    numbers = [n for (n,) in stored(where, "SELECT running FROM requests WHERE running IS NOT NULL ORDER BY running")]
    [(last,)] = stored(where, "SELECT last FROM request_counters")
    assert numbers == list(range(1, last + 1))
    rows = "SELECT request, count(*), max(running) FROM request_history GROUP BY request ORDER BY request"
    entries = stored(where, "SELECT id, entries, entries FROM requests ORDER BY id")
    assert stored(where, rows) == entries
    assert stored(where, "SELECT key FROM request_messages ORDER BY key") == stored(
        where, "SELECT key FROM outbox ORDER BY key"
    )
    unequal = (
        "SELECT count(*) FROM outbox JOIN request_messages USING (key) "
        "WHERE (settled_at IS NOT NULL) <> (fate = 'sent')"
    )
    assert stored(where, unequal) == [(0,)]
