"""The evidence as a document: text for a terminal, a page to print, and JSON for another program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import jinja2

from callcenter.evidence.evidence import Evidence
from callcenter.evidence.finding import Deviation, Finding, Translate, Verdict
from callcenter.web.language import N_, load

LOCALES = Path(__file__).with_name("locale")
PAGE = "document.html"
VERDICTS = {
    Verdict.KEPT: N_("kept"),
    Verdict.EXCEPTIONS: N_("kept, with exceptions"),
    Verdict.BROKEN: N_("not kept"),
    Verdict.UNPROVED: N_("nothing proves it"),
}
TITLE = N_("Evidence of line {line}, {month}")
UNTIL = N_("The month is not over: until {until}.")
REQUIRED, FOUND, EXCEPTIONS, NOT_PROVED = N_("Required"), N_("Found"), N_("Exceptions"), N_("Not proved by rows")
SOURCES = N_("Rows this stands on, and the SHA-256 over them")
HASH = N_("SHA-256 of this evidence")


def translate(language: str) -> Translate:
    """Return what translates the document's sentences."""
    return load(LOCALES, language).gettext


def clauses(finding: Finding, line: str) -> list[str]:
    """Return the clauses of the line's own regulation; of a line that none is named for, those of all."""
    own = [one for one in finding.clauses if one.rpartition(" ")[0].casefold() == line.casefold()]
    return own or list(finding.clauses)


class Document:
    """One evidence in one language."""

    def __init__(self, evidence: Evidence, language: str) -> None:
        self._evidence = evidence
        self._say = translate(language)
        self._language = language

    def text(self) -> Iterator[str]:
        """Yield the lines of the document."""
        yield from self._head()
        for finding in self._evidence.findings:
            yield ""
            named = ", ".join(clauses(finding, self._evidence.month.line.id))
            yield f"== {finding.topic.said(self._say)} ({named}): {self._say(VERDICTS[finding.verdict])}"
            yield f"{self._say(REQUIRED)}: {finding.required.said(self._say)}"
            yield from (f"  {one.said(self._say)}" for one in finding.found)
            yield from (f"  – {self._exception(one)}" for one in finding.exceptions)
            yield from (f"  {self._say(NOT_PROVED)}: {one.said(self._say)}" for one in finding.unproved)
        yield from ("", f"== {self._say(SOURCES)}")
        yield from (f"{one.name}: {one.rows}  {one.sha256}" for one in self._evidence.sources)
        yield from ("", f"{self._say(HASH)}: {self._evidence.sha256}")

    def _head(self) -> list[str]:
        month = self._evidence.month
        lines = [self._say(TITLE).format(line=month.line.title, month=f"{month.first:%Y-%m}")]
        if month.day(month.ends) <= month.last:
            lines.append(self._say(UNTIL).format(until=self._moment(month.ends)))
        return lines

    def _exception(self, one: Deviation) -> str:
        said = one.what.said(self._say)
        return ", ".join(part for part in (self._moment(one.at) if one.at else "", one.of) if part) + f": {said}"

    def _moment(self, at: datetime) -> str:
        return f"{at.astimezone(self._evidence.month.zone):%Y-%m-%d %H:%M:%S}"

    def html(self) -> str:
        """Return a page that stands alone, to be printed."""
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
        )
        line = self._evidence.month.line.id
        return environment.get_template(PAGE).render(
            language=self._language,
            head=self._head(),
            evidence=self._evidence,
            say=self._say,
            verdicts={verdict: self._say(text) for verdict, text in VERDICTS.items()},
            clauses=lambda finding: ", ".join(clauses(finding, line)),
            exception=self._exception,
            words={
                name: self._say(text)
                for name, text in (
                    ("required", REQUIRED),
                    ("found", FOUND),
                    ("exceptions", EXCEPTIONS),
                    ("unproved", NOT_PROVED),
                    ("sources", SOURCES),
                    ("hash", HASH),
                )
            },
        )

    def json(self) -> str:
        """Return it for another program, in this language."""
        month = self._evidence.month
        found = {
            "line": month.line.id,
            "first": str(month.first),
            "until": month.ends.isoformat(),
            "points": [self._point(one) for one in self._evidence.findings],
            "sources": [{"name": one.name, "rows": one.rows, "sha256": one.sha256} for one in self._evidence.sources],
            "sha256": self._evidence.sha256,
        }
        return json.dumps(found, ensure_ascii=False, indent=1) + "\n"

    def _point(self, finding: Finding) -> dict[str, object]:
        return {
            "topic": finding.topic.said(self._say),
            "clauses": clauses(finding, self._evidence.month.line.id),
            "required": finding.required.said(self._say),
            "found": [one.said(self._say) for one in finding.found],
            "verdict": finding.verdict.value,
            "exceptions": [
                {"at": one.at.isoformat() if one.at else None, "of": one.of, "what": one.what.said(self._say)}
                for one in finding.exceptions
            ],
            "not_proved": [one.said(self._say) for one in finding.unproved],
        }
