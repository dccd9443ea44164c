"""Who leads sees which settings hold when; everybody sees what changes for customers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from callcenter.desk import make_app
from callcenter.desk.sessions import Sessions
from tests.desk.conftest import Browser, Clock, LogIn
from tests.desk.dated_desk import SomeSettings
from tests.desk.fake_accounts import FakeAccounts
from tests.desk.fake_backend import FakeBackend

pytestmark = [pytest.mark.clause("ESTP 6.2"), pytest.mark.clause("eLot 4.3")]


@pytest.fixture
async def browser(
    backend: FakeBackend, accounts: FakeAccounts, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Browser]:
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)
    app = make_app(
        backend,
        titles={},
        pause_reasons=(),
        metrics_text=bytes,
        accounts=accounts,
        sessions=Sessions(clock, version=accounts.version),
        dated=SomeSettings(tmp_path),
    )
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_everybody_reads_what_changes_in_both_languages_and_none_of_it_is_markup(browser: Browser) -> None:
    russian = await (await browser.get("/notices")).text()
    assert "Что изменится с 5 декабря 2026" in russian
    assert "Режим работы в рабочие дни" in russian
    assert "09:00–20:00" in russian
    assert "&lt;i&gt;спам&lt;/i&gt;" in russian
    assert "<i>" not in russian
    assert "Решение" not in russian, "why there was no notice is not for customers"
    assert "Opening hours on working days" in await (await browser.get("/notices?lang=en")).text()


async def test_who_leads_sees_what_holds_when(browser: Browser, log_in: LogIn) -> None:
    await log_in("402")
    page = await (await browser.get("/settings?lang=en")).text()
    assert "From December 5, 2026" in page
    assert "<code>hours.closes</code>: 18:00 → 20:00" in page
    assert "&lt;b&gt;Решение&lt;/b&gt; оператора площадки" in page
    assert "required_staff: 2 → 4, from 2027-02-01 on: nobody has published it" in page
    data = await (await browser.get("/api/settings")).json()
    assert [(one["day"], one["present"], one["by"]) for one in data["estp"]["entries"]] == [
        (None, True, "start"),
        ("2026-12-05", False, "401"),
    ]
    assert data["estp"]["entries"][1]["changes"][0] == {"setting": "hours.closes", "before": "18:00", "after": "20:00"}
    assert (data["estp"]["notice_days"], len(data["estp"]["waiting"])) == (5, 1)
