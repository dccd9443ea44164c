"""What every part of the public application has: the lines, the templates, who may ask how often."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from aiohttp import web
from babel.dates import format_date, format_time, get_timezone_location
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from callcenter.core.ids import LineId
from callcenter.public.assets import BUILT, HERE, Assets
from callcenter.public.language import TEXTS
from callcenter.web.language import LANGUAGES, chosen

LINE = r"/{line:[a-z0-9_-]{1,64}}"
"""The beginning of every address of a line."""
FRAMES: web.RequestKey[Sequence[str]] = web.RequestKey("frames", Sequence)
"""The sites that may embed the page; the guard sets it from the line in the address."""


@dataclass(frozen=True)
class PublicLine:
    """What customers see of a line."""

    id: LineId
    title: str
    zone: tzinfo
    subjects: Mapping[str, str] = field(default_factory=dict)
    """Id -> title."""
    allowed_origins: tuple[str, ...] = ()
    """The sites on whose pages it may be embedded, and whose scripts may ask."""


class Site:
    """The lines that are there, and pages in the reader's language."""

    def __init__(self, lines: Mapping[LineId, PublicLine], scripts: Sequence[str] = ()) -> None:
        """`scripts`: names of built scripts, such as 'form.js'."""
        self.lines = lines
        self.assets = Assets([*sorted((HERE / "static").glob("*.css")), *(BUILT / name for name in scripts)])
        self._environments = {language: self._environment(language) for language in LANGUAGES}

    def line(self, request: web.Request) -> PublicLine:
        """Return the line in the address. Raises HTTPNotFound."""
        found = self.lines.get(LineId(request.match_info.get("line", "")))
        if found is None:
            raise web.HTTPNotFound
        return found

    def page(self, request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
        """Answer with a page. `values` are the template's own."""
        language = chosen(request)
        line = self.lines.get(LineId(request.match_info.get("line", "")))
        of_every_page = {
            "line": line,
            "other": next(one for one in LANGUAGES if one != language),
            "path": request.path,
            "here": lambda address: in_its_language(request, address),
            "moment": lambda at: _moment(at.astimezone(line.zone), language) if line else "",
        }
        text = self._environments[language].get_template(template).render(of_every_page | values)
        headers = {"Content-Language": language, "Vary": "Accept-Language"}
        return web.Response(text=text, status=status, content_type="text/html", headers=headers)

    def _environment(self, language: str) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).with_name("templates")),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
        )
        texts = TEXTS[language]
        environment.install_gettext_callables(texts.gettext, texts.ngettext, newstyle=True)  # type: ignore[attr-defined]
        environment.globals |= {"language": language, "asset": self.assets.address}
        return environment


def in_its_language(request: web.Request, address: str) -> str:
    """Return the address; who has chosen a language in the address of the page keeps it."""
    asked = request.query.get("lang")
    return f"{address}{'&' if '?' in address else '?'}lang={asked}" if asked in LANGUAGES else address


def _moment(at: datetime, language: str) -> str:
    """Return a moment with its zone: whoever reads it may be in another one."""
    day, time = format_date(at, "long", locale=language), format_time(at, "short", locale=language)
    return f"{day}, {time} ({get_timezone_location(at, locale=language, return_city=True)})"


Now = Callable[[], float]
"""Monotonic seconds."""
Wall = Callable[[], datetime]
