"""A register that written messages come into, in each kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

from callcenter.core.ids import LineId
from callcenter.request_register.arrivals import ArrivalRegister, LineWords
from callcenter.request_register.attachments import Allowed, Attachments
from callcenter.request_register.outbox import Outbox
from callcenter.request_register.register import RequestRegister
from callcenter.requests.belonging import Limits
from callcenter.requests.request import Way
from callcenter.requests.rules import LineRules
from callcenter.store import Register
from tests.databases import Where
from tests.request_register.stories import rules

ESTP = LineId("estp")
LIMITS = Limits(reopen_within=timedelta(days=30), per_hour=5, acknowledged_per_hour=2)
WORDS = LineWords("", "Контроль", LIMITS, "Номер {number}, до {until}.", "В рабочее время звоните.")


def of_lines() -> dict[LineId, LineRules]:
    """Anew for each who asks, as the configuration does."""
    lines = (replace(rules(name), ways=frozenset(Way)) for name in ("estp", "tbs"))
    return {line.line: line for line in lines}


def make_attachments(database: Register, folder: Path) -> Attachments:
    allowed = Allowed(1_000_000, frozenset({"pdf", "png", "txt", "docx", "zip"}))
    return Attachments(database, folder, dict.fromkeys(of_lines(), allowed), of_lines)


def make_arrivals(database: Register, attachments: Attachments) -> ArrivalRegister:
    words = dict.fromkeys(product(of_lines(), ("email", "file_drop")), WORDS)
    return ArrivalRegister(database, attachments, of_lines, words)


@pytest.fixture
async def database(where: Where) -> AsyncIterator[Register]:
    opened = await Register.open(where, busy_timeout=1.0)
    yield opened
    await opened.close()


@pytest.fixture
def requests(database: Register) -> RequestRegister:
    return RequestRegister(database, of_lines)


@pytest.fixture
def outbox(database: Register) -> Outbox:
    return Outbox(database)


@pytest.fixture
def attachments(database: Register, tmp_path: Path) -> Attachments:
    return make_attachments(database, tmp_path / "attachments")


@pytest.fixture
def arrivals(database: Register, attachments: Attachments) -> ArrivalRegister:
    return make_arrivals(database, attachments)
