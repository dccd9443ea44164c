"""The mean answer of registered customers and of others against a line's aims, in each kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from callcenter.core.ids import LineId
from callcenter.reports.mean_answer import mean_answers
from callcenter.request_register.filed import Requester
from callcenter.request_register.register import RequestRegister
from callcenter.requests import actions as do
from callcenter.store import Register
from tests.databases import Where
from tests.request_register.conftest import of_lines
from tests.request_register.stories import CALLED, CALLER, act, answered, in_work, new

ESTP, TBS = LineId("estp"), LineId("tbs")
AIMS = {ESTP: (timedelta(hours=12), timedelta(days=3)), TBS: (None, None)}
HOUR = timedelta(hours=1)
STRANGER = Requester("Прохожий")


@pytest.fixture
async def database(where: Where) -> AsyncIterator[Register]:
    opened = await Register.open(where, busy_timeout=0.3)
    yield opened
    await opened.close()


@pytest.fixture
def requests(database: Register) -> RequestRegister:
    return RequestRegister(database, of_lines)


async def means(
    database: Register, after: timedelta, since: timedelta = timedelta(days=30)
) -> dict[tuple[str, bool], float]:
    """The mean hours, so long after the first request."""
    now = CALLED + after
    found = await mean_answers(database, now - since, AIMS, now)
    return {(str(line), known): one.mean / HOUR for (line, known), one in found.items()}


@pytest.mark.clause("eLot 2.2b")
async def test_registered_customers_and_others_have_a_mean_each_in_plain_time(
    database: Register, requests: RequestRegister
) -> None:
    filed = await in_work(requests, requester=CALLER)
    await act(requests, filed, do.Answer("201", "Ответ"), CALLED + 2 * HOUR)
    filed = await in_work(requests, requester=CALLER)
    await act(requests, filed, do.Answer("201", "Ответ"), CALLED + 24 * HOUR)  # over the night
    filed = await in_work(requests, requester=STRANGER)
    await act(requests, filed, do.Answer("201", "Ответ"), CALLED + 3 * HOUR)
    assert await means(database, 25 * HOUR) == {("estp", True): 13, ("estp", False): 3}
    assert await means(database, 25 * HOUR, since=24 * HOUR) == {}, "received before"


async def test_what_is_open_counts_as_soon_as_it_waits_for_longer_than_the_aim(
    database: Register, requests: RequestRegister
) -> None:
    await new(requests, requester=CALLER)
    await new(requests, requester=STRANGER)
    assert await means(database, 12 * HOUR) == {}
    assert await means(database, 20 * HOUR) == {("estp", True): 20}
    assert await means(database, 80 * HOUR) == {("estp", True): 80, ("estp", False): 80}


async def test_a_line_without_aims_and_what_was_refused_do_not_count(
    database: Register, requests: RequestRegister
) -> None:
    await answered(requests, line="tbs", urgency="question")
    filed = await new(requests, requester=CALLER)
    await act(requests, filed, do.Refuse("401", "хулиганство", "брань"), CALLED + HOUR)
    assert await means(database, 100 * HOUR) == {}
