"""Which settings of lines hold when: for those who lead; and what changes for customers, for everybody (ESTP 6.2)."""

from __future__ import annotations

import asyncio
from datetime import UTC
from typing import Protocol

from aiohttp import web

from callcenter.dated.notice import Notice
from callcenter.dated.timeline import OfLine
from callcenter.desk import html
from callcenter.desk.gate import ANYBODY, FLOOR, Route
from callcenter.desk.language import TEXTS, chosen
from callcenter.desk.responses import as_json


class DatedSettings(Protocol):
    """What the pages need of the settings in force."""

    @property
    def notices(self) -> list[Notice]:
        """What customers are told, the latest day first."""

    def timelines(self) -> list[OfLine]:
        """Return what holds when on each line. Not for the event loop."""


class SettingsPages:
    """The request handlers."""

    def __init__(self, dated: DatedSettings) -> None:
        self._dated = dated

    def routes(self) -> list[Route]:
        """What holds when, for people and programs, and the notices to customers."""
        return [
            Route("GET", "/settings", self.page, FLOOR, page=True),
            Route("GET", "/api/settings", self.api, FLOOR),
            Route("GET", "/notices", self.notices, ANYBODY, page=True),
        ]

    async def page(self, request: web.Request) -> web.StreamResponse:
        """Show what holds when on each line, and what differs from one date to the next."""
        lines = await asyncio.to_thread(self._dated.timelines)
        return html.page(request, "settings.html", UTC, lines=lines)

    async def api(self, request: web.Request) -> web.StreamResponse:
        """Return by line what holds from which day on (`day` null: from the beginning), and what the file says beyond.

        Each change has `setting`, `before` and `after` as they are written in the file.
        """
        lines = await asyncio.to_thread(self._dated.timelines)
        return as_json({str(one.line): _as_data(one) for one in lines})

    async def notices(self, request: web.Request) -> web.StreamResponse:
        """Show everybody what changes for customers, and has changed, from which day on."""
        language = chosen(request)
        gettext = TEXTS[language].gettext
        found = [(one, one.heads(language, gettext), one.rows(language, gettext)) for one in self._dated.notices]
        return html.page(request, "notices.html", UTC, notices=found)


def _as_data(one: OfLine) -> dict[str, object]:
    return {
        "title": one.title,
        "zone": one.zone,
        "notice_days": one.notice_days,
        "waiting": list(one.waiting),
        "entries": [
            {
                "day": entry.day.isoformat() if entry.day else None,
                "present": entry.present,
                "published_at": entry.published_at.isoformat() if entry.published_at else None,
                "by": entry.by,
                "without_notice": entry.without_notice,
                "changes": [
                    {"setting": change.name, "before": change.was, "after": change.will} for change in entry.changes
                ],
            }
            for entry in one.entries
        ],
    }
