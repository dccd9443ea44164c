"""What was published is in the register, in each kind of database; and customers find a notice of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callcenter.config import Config
from callcenter.config.dated import ALWAYS
from callcenter.dated.notice import notices, write
from callcenter.dated.table import START, SettingTable, TooSoonError
from callcenter.desk.language import TEXTS
from callcenter.store import Register
from tests.databases import Where

pytestmark = [pytest.mark.clause("ESTP 6.2"), pytest.mark.clause("eLot 4.3")]

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
LINE = """
lines:
  estp:
    title: Линия для заказчиков
    numbers: ["+7 342 292-19-60"]
    notice_days: 5
    hours: {closes: 18:00}
    requests: {refusals: [хулиганство]}
    changes:
"""
CHANGE = (
    "      - {from: 2026-12-06, hours: {closes: 20:00}, "
    "requests: {refusals: [хулиганство, '<script>'], form: 2 hours}}\n"
)


@pytest.fixture(autouse=True)
def _no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)


@pytest.fixture
async def register(where: Where) -> AsyncIterator[Register]:
    """An open, empty register."""
    opened = await Register.open(where)
    yield opened
    await opened.close()


def load(folder: Path, changes: str = "", above: str = LINE) -> Config:
    path = folder / "config.yaml"
    path.write_text(above + changes, encoding="utf-8")
    return Config.load(path)


async def test_settings_are_published_once_and_withdrawn_before_their_day(register: Register, tmp_path: Path) -> None:
    table = SettingTable(register)
    assert await table.settle(load(tmp_path), NOW) == []
    assert [(one.first, one.by) for one in await table.published()] == [(ALWAYS, START)]
    changed = load(tmp_path, CHANGE)
    (waits,) = await table.settle(changed, NOW)
    assert waits.told
    assert len(await table.published()) == 1, "a start publishes nothing that customers have to be told"
    await asyncio.gather(*(table.publish(changed, NOW, f"engineer {n}") for n in range(3)))
    assert len(await table.published()) == 2
    assert await table.settle(changed, NOW) == []
    with pytest.raises(TooSoonError, match=r"hours.closes: 20:00 → 18:00; .*from 2026-12-06 on is too soon"):
        await table.publish(load(tmp_path), NOW + timedelta(days=3), "engineer")
    assert len(await table.published()) == 2
    await table.publish(load(tmp_path), NOW + timedelta(days=3), "engineer", "the board has decided")
    assert [one.first for one in await table.published()] == [ALWAYS]


async def test_the_reason_stays_with_what_was_published_without_notice(register: Register, tmp_path: Path) -> None:
    table = SettingTable(register)
    await table.settle(load(tmp_path), NOW)
    edited = load(tmp_path, above=LINE.replace("18:00", "17:00"))
    assert len(await table.settle(edited, NOW)) == 1
    await table.publish(edited, NOW, "engineer", "flooded house \x00 today")
    (_, second) = await table.published()
    assert (second.by, second.first) == ("engineer", NOW.date())
    assert second.without_notice.startswith("flooded house")


async def test_customers_are_told_in_both_languages_and_nothing_of_it_is_markup(
    register: Register, tmp_path: Path
) -> None:
    table = SettingTable(register)
    await table.settle(load(tmp_path), NOW)
    config = load(tmp_path, CHANGE)
    await table.publish(config, NOW, "engineer")
    found = notices(config, await table.published())
    texts = {language: text.gettext for language, text in TEXTS.items()}
    folder = tmp_path / "notices"
    files = {path.name: path.read_text(encoding="utf-8") for path in await write(folder, found, texts)}
    assert sorted(files) == [f"estp-2026-12-06.{tail}" for tail in ("en.html", "en.txt", "ru.html", "ru.txt")]
    assert "Режим работы в рабочие дни: 09:00–18:00 → 09:00–20:00" in files["estp-2026-12-06.ru.txt"]
    assert "не позднее чем через: 1 час → 2 часа" in files["estp-2026-12-06.ru.txt"]
    assert "Что изменится с 6 декабря 2026" in files["estp-2026-12-06.ru.html"]
    page = files["estp-2026-12-06.en.html"]
    assert "Opening hours on working days" in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert await write(folder, [], texts) == []
    assert list(folder.iterdir()) == [], "taken back"


async def test_what_does_not_concern_customers_makes_no_notice(register: Register, tmp_path: Path) -> None:
    table = SettingTable(register)
    await table.settle(load(tmp_path), NOW)
    config = load(tmp_path, "      - {from: 2026-12-01, queue: {announce_every: 30}}\n")
    assert await table.settle(config, NOW) == []
    assert len(await table.published()) == 2
    assert notices(config, await table.published()) == []
