"""The public pages of two lines, with a real register behind them, in each kind of database."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer

from callcenter.core.ids import LineId
from callcenter.customers.directory import normalise
from callcenter.public.app import make_public_app
from callcenter.public.downloads import Downloads
from callcenter.public.fields import Asked
from callcenter.public.form import Desk, FormLine, FormPages, Known
from callcenter.public.incoming import Bounds, Incoming
from callcenter.public.keys import Links, Tickets
from callcenter.public.rates import Buckets
from callcenter.public.site import PublicLine, Site
from callcenter.public.status import StatusPages
from callcenter.public.work import Work, tasks
from callcenter.request_register.arrivals import ArrivalRegister, LineWords
from callcenter.request_register.attachments import Allowed, Attachments
from callcenter.request_register.filed import Requester
from callcenter.request_register.outbox import Outbox
from callcenter.request_register.register import RequestRegister
from callcenter.requests.belonging import Limits
from callcenter.requests.inn import valid_inn
from callcenter.requests.request import Way
from callcenter.requests.rules import LineRules
from callcenter.store import Register
from tests.databases import Where
from tests.request_register.stories import CALLED, rules

ESTP, TBS = LineId("estp"), LineId("tbs")
PLATFORM = "https://www.elotmarket.ru"
MOSCOW = ZoneInfo("Europe/Moscow")
INN, UNPAID_INN = "5902292103", "7707083893"
HOW_TO_GET = "Оплатите период в личном кабинете."
ENDINGS = frozenset({"pdf", "txt", "zip", "sig"})
TOGETHER = 25_000_000
LIMITS = Limits(timedelta(days=30), per_hour=5, acknowledged_per_hour=50)
GIVEN = {
    "name": "Пётр Ильич",
    "email": "p@customer.ru",
    "text": "Не подписывается заявка.",
    "subject": "signature",
    "inn": INN,
    "telephone": "+7 342 292-19-60",
    "organisation": "Школа № 7",
    "consent": "yes",
}


def of_lines() -> dict[LineId, LineRules]:
    lines = (replace(rules(name), ways=frozenset(Way)) for name in (ESTP, TBS))
    return {line.line: line for line in lines}


def look_up(line: LineId, who: Requester) -> Known:
    unpaid = line == TBS and who.inn == UNPAID_INN
    level = {"vip@example.kz": "VIP", "guest@example.kz": "Базовый"}.get(who.contract, "")
    return Known(who.inn in (INN, UNPAID_INN), level, HOW_TO_GET if unpaid else "")


@dataclass
class House:
    """The pages, what is behind them, and the time."""

    app: web.Application
    desk: Desk
    register: Register
    requests: RequestRegister
    outbox: Outbox
    folder: Path
    attachments: Attachments
    counted: dict[tuple[str, str], int]
    now: datetime = CALLED
    clock: float = 0.0

    def later(self, span: timedelta) -> None:
        self.now += span
        self.clock += span.total_seconds()


@asynccontextmanager
async def public_house(
    where: Where,
    folder: Path,
    *,
    together: int = TOGETHER,
    often: bool = True,
    site: Site | None = None,
    checked: bool = False,
    bits: int = 8,
) -> AsyncIterator[House]:
    """`often`: forms as often as one likes."""
    register = await Register.open(where, busy_timeout=1.0)
    allowed = Allowed(25_000_000, ENDINGS)
    attachments = Attachments(
        register, folder / "attachments", dict.fromkeys((ESTP, TBS), allowed), of_lines, checked=checked
    )
    links = Links("secret", "https://help.example.ru")
    words = LineWords("", "Контроль", LIMITS, "Номер {number}, до {until}: {link}", link=links.address)
    lines = {
        ESTP: PublicLine(ESTP, "ЭТП", MOSCOW, {"signature": "Подпись", "other": "Иное"}, (PLATFORM,)),
        TBS: PublicLine(TBS, "Электронный Ордер", MOSCOW),
    }
    bounds = Bounds(together, 25_000_000, 10, ENDINGS)
    ways = (Way.EMAIL, Way.TELEPHONE)
    asked = Asked(lines[ESTP].subjects, ways, frozenset(), valid_inn, normalise)
    strict = Asked({}, (Way.EMAIL,), frozenset({"inn", "login"}), valid_inn, normalise)
    forms = {
        ESTP: FormLine(asked, bounds, "Согласие", "https://example.ru/policy", look_up=look_up),
        TBS: FormLine(strict, bounds, "Согласие", needs_period=HOW_TO_GET, look_up=look_up),
    }
    counted: dict[tuple[str, str], int] = {}

    def count(line: str, outcome: str) -> None:
        counted[line, outcome] = counted.get((line, outcome), 0) + 1

    tbs = replace(words, urgency="control")
    incoming = Incoming(folder / "incoming", 20, 900.0, lambda: made.clock)
    incoming.sweep()
    desk = Desk(
        site or Site(lines, ("form.js", "work.js")),
        forms,
        ArrivalRegister(register, attachments, of_lines, {(ESTP, "form"): words, (TBS, "form"): tbs}),
        incoming,
        Tickets("secret"),
        links,
        Buckets(1.0, 1e9) if often else Buckets(20 / 3600, 10),
        Buckets(1.0, 1e9),
        timedelta(seconds=3),
        lambda: made.clock,
        lambda: made.now,
        work=Work(
            tasks("secret"),
            bits,
            Buckets(1 / 60, 5),
            lambda: made.clock,
            lambda: made.now,
            lambda: made.desk.site.assets.address("work.js"),
        ),
        count=count,
    )
    requests = RequestRegister(register, of_lines)
    downloads = Downloads(attachments.open, Buckets(1 / 60, 5), lambda: made.clock)
    app = make_public_app(
        desk.site,
        [FormPages(desk), StatusPages(desk, requests.numbered, downloads)],
        requests=Buckets(1.0, 1e9),
        now=lambda: made.clock,
    )
    made = House(app, desk, register, requests, Outbox(register), folder, attachments, counted)
    yield made
    await register.close()


class Customer:
    """Somebody with a browser that has no script."""

    def __init__(self, house: House, client: TestClient[Any, Any], language: str = "ru") -> None:
        self.house, self.client, self.headers = house, client, {"Accept-Language": language}

    async def read(self, path: str, status: int = 200) -> str:
        async with self.client.get(path, headers=self.headers) as answer:
            text = await answer.text()
            assert answer.status == status, text
            return text

    async def opens(self, path: str = "/estp/") -> str:
        """Open a page with a form. Returns its ticket, some time later."""
        ticket = re.search(r'name="ticket" value="([^"]+)"', await self.read(path))
        assert ticket
        self.house.later(timedelta(seconds=30))
        return ticket[1]

    async def sends(
        self,
        ticket: str,
        path: str = "/estp/",
        status: int = 303,
        files: Mapping[str, bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        given: Mapping[str, str] | None = None,
        **more: str,
    ) -> tuple[str, str]:
        """Send a form. Returns where it leads, and the page."""
        form = FormData(quote_fields=False, default_to_multipart=True)
        for name, value in (GIVEN | {"ticket": ticket} | dict(given or {}) | more).items():
            form.add_field(name, value)
        for name, content in (files or {}).items():
            form.add_field("files", BytesIO(content), filename=name, content_type="application/octet-stream")
        sent = self.client.post(path, data=form, headers={**self.headers, **(headers or {})}, allow_redirects=False)
        async with sent as answer:
            text = await answer.text()
            assert answer.status == status, text
            return answer.headers.get("Location", ""), text


@pytest.fixture
async def house(where: Where, tmp_path: Path) -> AsyncIterator[House]:
    async with public_house(where, tmp_path) as made:
        yield made


@pytest.fixture
async def customer(house: House) -> AsyncIterator[Customer]:
    async with TestClient(TestServer(house.app)) as client:
        yield Customer(house, client)
