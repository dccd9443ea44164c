"""The notice of a change: what customers of a line are told, as text and as a page for any web site."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import pairwise
from pathlib import Path

from babel.dates import format_date
from jinja2 import Environment

from callcenter.config import Config
from callcenter.config.dated import ALWAYS
from callcenter.config.line_sections import Line
from callcenter.core.ids import LineId
from callcenter.dated.plan import Published
from callcenter.dated.words import Gettext, Heads, Row, heads, rows
from callcenter.system.files import replace as replace_file

FOLDER = "notices"
"""Below `var`."""

_PAGE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    """<!DOCTYPE html>
<html lang="{{ language }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ heads.title }} – {{ line }}</title>
</head>
<body>
<main>
<h1>{{ line }}</h1>
<h2>{{ heads.title }}</h2>
<table>
<thead><tr>
<th scope="col">{{ heads.what }}</th><th scope="col">{{ heads.until }}</th><th scope="col">{{ heads.then }}</th>
</tr></thead>
<tbody>
{% for row in rows %}
<tr><th scope="row">{{ row.what }}</th><td>{{ row.before }}</td><td>{{ row.after }}</td></tr>
{% endfor %}
</tbody>
</table>
<p>{{ heads.midnight }}</p>
<p>{{ heads.published }}</p>
</main>
</body>
</html>
"""
)


@dataclass(frozen=True)
class Notice:
    """What customers of a line are told of one day."""

    line: LineId
    title: str
    """Of the line."""
    day: date
    published_at: datetime
    before: Line
    after: Line

    def heads(self, language: str, gettext: Gettext) -> Heads:
        """Return the words around the rows."""
        zone = self.after.zone
        published = format_date(self.published_at.astimezone(zone).date(), "long", locale=language)
        late = self.published_at > datetime.combine(self.day, time(0), zone)
        return heads(format_date(self.day, "long", locale=language), published, str(zone), gettext, late=late)

    def rows(self, language: str, gettext: Gettext) -> list[Row]:
        """Return what changes."""
        return rows(self.before, self.after, language, gettext)

    def html(self, language: str, gettext: Gettext) -> str:
        """Return a whole page."""
        values = {"heads": self.heads(language, gettext), "rows": self.rows(language, gettext)}
        return _PAGE.render(language=language, line=self.title, **values)

    def text(self, language: str, gettext: Gettext) -> str:
        """Return it as plain text."""
        around = self.heads(language, gettext)
        lines = [f"{row.what}: {row.before} → {row.after}" for row in self.rows(language, gettext)]
        return "\n".join([self.title, around.title, "", *lines, "", around.midnight, around.published, ""])


def notices(config: Config, published: Sequence[Published]) -> list[Notice]:
    """Return all notices, the latest day first. Raises ConfigError if a row does not fit the file any more."""
    found = []
    for line in config.lines.values():
        of_line = [row for row in published if row.line == line.id]
        for before, after in pairwise(of_line):
            if after.first == ALWAYS:
                continue
            was, will = config.line_with(line.id, before.content), config.line_with(line.id, after.content)
            notice = Notice(line.id, line.title, after.first, after.published_at, was, will)
            if notice.rows("en", str):
                found.append(notice)
    return sorted(found, key=lambda one: one.day, reverse=True)


async def write(folder: Path, found: Sequence[Notice], texts: Mapping[str, Gettext]) -> list[Path]:
    """Write the notices into files of this folder, and remove those of changes that were withdrawn.

    `texts`: language -> gettext. Raises OSError.
    """
    files = {
        folder / f"{notice.line}-{notice.day}.{language}.{ending}": made
        for notice in found
        for language, gettext in texts.items()
        for ending, made in (("html", notice.html(language, gettext)), ("txt", notice.text(language, gettext)))
    }
    return await asyncio.to_thread(_write, folder, files)


def _write(folder: Path, files: Mapping[Path, str]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.suffix in (".html", ".txt") and path not in files:
            path.unlink()
    for path, text in files.items():
        replace_file(path, text.encode())
    return list(files)
