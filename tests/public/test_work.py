"""Arithmetic instead of waiting: for whoever has a script, once for each task, and only so often."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from callcenter.public.work import HEADER, solves
from tests.databases import Where
from tests.public.conftest import GIVEN, House, public_house

BITS = 8


@pytest.fixture
async def spent(where: Where, tmp_path: Path) -> AsyncIterator[tuple[House, TestClient[Any, Any]]]:
    """The pages, and an address that has sent all that it may."""
    async with (
        public_house(where, tmp_path, often=False, bits=BITS) as house,
        TestClient(TestServer(house.app)) as client,
    ):
        while (await sends(house, client))[0] != 429:
            pass
        yield house, client


async def sends(
    house: House, client: TestClient[Any, Any], work: str = "", line: str = "estp", *, script: bool = True
) -> tuple[int, dict[str, Any]]:
    ticket = house.desk.tickets.make(line, house.now - timedelta(seconds=10))
    given = GIVEN | {"ticket": ticket, "email": f"{ticket[9:40]}@customer.ru", "login": "a"}
    headers = ({HEADER: work} if work else {}) | ({"Accept": "application/json"} if script else {})
    async with client.post(f"/{line}/", data=given, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.json() if script else {"page": await answer.text()}


def solved(task: dict[str, Any]) -> str:
    number = next(n for n in count() if solves(task["id"], str(n), task["bits"]))
    return f"{task['task']}/{number}"


async def test_who_computes_need_not_wait(spent: tuple[House, TestClient[Any, Any]]) -> None:
    house, client = spent
    status, told = await sends(house, client)
    assert (status, told["answer"], told["work"]["bits"]) == (429, "too_often", BITS)
    assert told["work"]["script"].startswith("/static/work.")
    async with client.get(told["work"]["script"]) as script:
        assert script.status == 200
    work = solved(told["work"])
    assert (await sends(house, client, work))[0] == 201
    assert (await sends(house, client, work))[0] == 429, "each task counts once"


async def test_without_a_script_one_waits_and_nothing_is_lost(spent: tuple[House, TestClient[Any, Any]]) -> None:
    house, client = spent
    assert (await sends(house, client, script=False))[0] == 429
    house.later(timedelta(minutes=4))
    assert (await sends(house, client, script=False))[0] == 303


async def test_what_solves_nothing_counts_nothing(spent: tuple[House, TestClient[Any, Any]]) -> None:
    house, client = spent
    _, told = await sends(house, client)
    task = told["work"]
    wrong = next(n for n in count() if not solves(task["id"], str(n), BITS))
    form_ticket = house.desk.tickets.make("estp", house.now)
    for brought in (
        f"{task['task']}/{wrong}",
        task["task"],
        "x" * 5000,
        "0/0",
        f"{'0' * 8}.{'0' * 32}.{'0' * 32}/1",
        solved(task | {"task": form_ticket, "id": form_ticket.split(".")[1]}),
    ):
        assert (await sends(house, client, brought))[0] == 429, brought
    assert (await sends(house, client, solved(task), "tbs"))[0] == 429, "a task is for one line"


async def test_a_task_does_not_keep(spent: tuple[House, TestClient[Any, Any]]) -> None:
    house, client = spent
    work = solved((await sends(house, client))[1]["work"])
    house.now += timedelta(minutes=11)  # the wall alone: the buckets have not filled
    assert (await sends(house, client, work))[0] == 429


async def test_work_buys_only_so_many_forms(spent: tuple[House, TestClient[Any, Any]]) -> None:
    house, client = spent
    got = 0
    for _ in range(8):
        _, told = await sends(house, client)
        got += (await sends(house, client, solved(told["work"])))[0] == 201
    assert got == 5


def test_the_digest_is_counted_in_bits() -> None:
    number = next(n for n in count() if solves("a", str(n), 12))
    assert solves("a", str(number), 5)
    assert not all(solves("a", str(n), 1) for n in range(64))
    assert all(solves("a", str(n), 0) for n in range(64))
