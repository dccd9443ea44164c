"""A line whose settings have dates, for pages that show them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from callcenter.config import Config
from callcenter.core.ids import LineId
from callcenter.dated.notice import Notice, notices
from callcenter.dated.plan import Published
from callcenter.dated.timeline import OfLine, timelines

LINE = LineId("estp")
NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
WHY = "<b>Решение</b> оператора площадки"
_FILE = """
lines:
  estp:
    title: Линия для заказчиков
    numbers: ["+7 342 292-19-60"]
    notice_days: 5
    hours: {closes: 18:00}
    requests: {form: 1 hour}
    changes:
      - {from: 2026-12-05, hours: {closes: 20:00}, requests: {form: 2 hours, refusals: [хулиганство, <i>спам</i>]}}
      - {from: 2027-02-01, required_staff: 4}
"""


class SomeSettings:
    """What was said first, a change without notice, and one that nobody has published."""

    def __init__(self, folder: Path) -> None:
        path = folder / "dated.yaml"
        path.write_text(_FILE, encoding="utf-8")
        self._config = Config.load(path)
        first, second, _ = self._config.timeline(LINE)
        row = Published(1, LINE, first.first, first.content, NOW, "start")
        self._rows = [row, replace(row, id=2, first=second.first, content=second.content, by="401", without_notice=WHY)]
        self.notices: list[Notice] = notices(self._config, self._rows)

    def timelines(self) -> list[OfLine]:
        return timelines(self._config, self._rows, NOW)
