"""A register of requests in each kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from callcenter.core.ids import LineId
from callcenter.request_register.board import RequestBoard
from callcenter.request_register.register import RequestRegister
from callcenter.requests.rules import LineRules
from callcenter.store import Register
from tests.databases import Where
from tests.request_register.stories import rules


def of_lines() -> dict[LineId, LineRules]:
    """Anew for each who asks, as the configuration does."""
    return {line.line: line for line in (rules("estp"), rules("tbs"))}


@pytest.fixture
async def database(where: Where) -> AsyncIterator[Register]:
    """An open, empty register that does not wait long for locks."""
    opened = await Register.open(where, busy_timeout=0.3)
    yield opened
    await opened.close()


@pytest.fixture
def requests(database: Register) -> RequestRegister:
    """The requests of two lines."""
    return RequestRegister(database, of_lines)


@pytest.fixture
def board(database: Register) -> RequestBoard:
    """Their lists."""
    return RequestBoard(database)
