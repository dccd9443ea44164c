"""A letter as it leaves: what stands where, for the document and for the printed page alike (ESTP 5.5.2).

Customers read it, so it is in Russian, as the line's e-mails are. What people wrote loses every character that nobody
sees; each of the two that show it escapes the rest in its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from babel.dates import format_date

from callcenter.desk.language import DEFAULT, N_, TEXTS
from callcenter.knowledge.text import line, note
from callcenter.request_register.filed import Filed
from callcenter.request_register.letters import SUBJECTS
from callcenter.request_register.paper import Outgoing
from callcenter.requests.request import Message, Purpose

_DATE = "d MMMM y 'г.'"
_NUMBER = N_("No. {number} of {date}")
_REFERENCE = N_("To your letter {number} of {date}")
_REFERENCE_WITHOUT_NUMBER = N_("To your letter of {date}")
_REFERENCE_WITHOUT_DATE = N_("To your letter {number}")
_ENCLOSED = N_("Enclosed: {files}")


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who writes, and who signs, in lines."""

    sender: tuple[str, ...]
    signed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A letter, in parts. No part has a control character, and each but the paragraphs is one line."""

    sender: tuple[str, ...]
    number: str
    """«№ ESTP-14/2026 от 1 декабря 2026 г.»"""
    reference: str
    """To which letter it answers; '': to none."""
    to: tuple[str, ...]
    subject: str
    paragraphs: tuple[str, ...]
    enclosed: str
    signed: tuple[str, ...]
    dated: date

    @classmethod
    def of(cls, filed: Filed, message: Message, letter: Outgoing, head: Letterhead) -> Sheet:
        """Return the letter by which this message leaves."""
        names = {one.sha256: one.name for one in filed.attachments if not one.part}
        files = [names[one] for one in message.files if names.get(one)]
        subject = SUBJECTS.get(message.purpose, SUBJECTS[Purpose.ANSWER])
        return cls(
            sender=_lines(head.sender),
            number=_said(_NUMBER, number=str(letter.number), date=_day(letter.dated)),
            reference=_reference(letter),
            to=_lines((letter.organisation, letter.name, *message.reply.address.splitlines())),
            subject=line(subject.format(number=filed.request.number)),
            paragraphs=tuple(filter(None, (line(one) for one in note(message.text).split("\n")))),
            enclosed=_said(_ENCLOSED, files=", ".join(map(line, files))) if files else "",
            signed=_lines(head.signed),
            dated=letter.dated,
        )


def _reference(letter: Outgoing) -> str:
    number = f"№ {line(letter.their_number)}" if letter.their_number else ""
    if letter.their_date is None:
        return _said(_REFERENCE_WITHOUT_DATE, number=number) if number else ""
    if not number:
        return _said(_REFERENCE_WITHOUT_NUMBER, date=_day(letter.their_date))
    return _said(_REFERENCE, number=number, date=_day(letter.their_date))


def _said(sentence: str, **values: str) -> str:
    return TEXTS[DEFAULT].gettext(sentence).format(**values)


def _day(day: date) -> str:
    return format_date(day, _DATE, locale=DEFAULT)


def _lines(raw: Sequence[str]) -> tuple[str, ...]:
    return tuple(filter(None, map(line, raw)))
