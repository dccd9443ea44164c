"""What of a message is new, and what repeats earlier ones: mail programs mark it each in their own way.

Nothing is ever left out: the quoted part is shown folded. Where nothing says that a part is quoted, it is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MOST_LINES_OF_A_HEADING = 4
_MONTHS = r"(?:янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек)[а-я]*\.?"
_ADDRESS = r"[^\s<>@]{1,64}@[^\s<>@]{1,253}"
_HEADINGS = (
    # Gmail, Thunderbird, Apple Mail in English: On Mon, Nov 30, 2026 at 10:00 AM Anna <a@b.ru> wrote:
    re.compile(r"On .{6,200} wrote:", re.DOTALL),
    # Gmail in Russian: пн, 30 нояб. 2026 г. в 10:00, Анна <a@b.ru>:
    re.compile(
        rf"(?:(?:пн|вт|ср|чт|пт|сб|вс), )?\d{{1,2}} {_MONTHS} \d{{4}} ?г\.? (?:в )?\d{{1,2}}:\d\d.{{0,200}}:", re.DOTALL
    ),
    # Yandex: 30.11.2026, 10:00, "Анна" <a@b.ru>:
    re.compile(
        rf"\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}},? (?:в )?\d{{1,2}}:\d\d.{{0,150}}{_ADDRESS}.{{0,10}}:", re.DOTALL
    ),
    # Mail.ru: Понедельник, 30 ноября 2026, 10:00 +03:00 от Анна <a@b.ru>:
    re.compile(
        rf"(?:понедельник|вторник|среда|четверг|пятница|суббота|воскресенье), \d{{1,2}} {_MONTHS} \d{{4}}"
        r"(?: ?г\.)?,? (?:в )?\d{1,2}:\d\d.{0,200}:",
        re.DOTALL | re.IGNORECASE,
    ),
    # Thunderbird in Russian: 30.11.2026 10:00, Анна пишет:
    re.compile(r".{6,200}\s(?:пишет|писал|писала|написал|написала|написал\(а\))(?: ?\(а\))?:", re.DOTALL),
    # Mail.ru, on telephones: > Понедельник … от …
    re.compile(rf"(?:от|from) .{{0,80}}{_ADDRESS}.{{0,20}} (?:пишет|wrote):", re.DOTALL | re.IGNORECASE),
)
_SEPARATOR = re.compile(
    r"-{2,}\s*(?:original message|forwarded message|исходное сообщение|пересланное сообщение|"
    r"пересылаемое сообщение|конец пересылаемого сообщения)\s*-{2,}",
    re.IGNORECASE,
)
_RULE = re.compile(r"_{10,}")
_OUTLOOK = (("from:", "sent:"), ("from:", "date:"), ("от:", "отправлено:"), ("от:", "дата:"), ("от кого:", "дата:"))
"""How the block of a quoted message's headings begins; between the two may be one more."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text."""

    text: str
    quoted: bool


def pieces(text: str) -> list[Piece]:
    """Return the text in parts, the new and the quoted ones; together they are the whole text.

    >>> [(one.text, one.quoted) for one in pieces("Да.\\n> Верно?")]
    [('Да.\\n', False), ('> Верно?', True)]
    """
    lines = text.splitlines(keepends=True)
    marked = _marked(lines)
    found: list[Piece] = []
    start = 0
    for end in range(1, len(lines) + 1):
        if end == len(lines) or marked[end] != marked[start]:
            found.append(Piece("".join(lines[start:end]), marked[start]))
            start = end
    if all(one.quoted or not one.text.strip() for one in found):  # a mail that was passed on without a word
        return [Piece(text, quoted=False)] if text else []
    return found


def new_part(text: str) -> str:
    """Return what is new in a text; the whole one if nothing is."""
    return "".join(one.text for one in pieces(text) if not one.quoted).strip() or text.strip()


def _marked(lines: list[str]) -> list[bool]:
    """Return for each line whether it is quoted."""
    marked = [line.lstrip().startswith(">") for line in lines]
    place = 0
    while place < len(lines):
        if marked[place]:
            place += 1
            continue
        if (rest := _quoted_to_the_end(lines, place)) is not None:
            # Lines below quotes with «>» are new: an answer between them, or a signature.
            if not any(marked[rest:]):
                return marked[:place] + [True] * (len(lines) - place)
            marked[place:rest] = [True] * (rest - place)
            place = rest
            continue
        place += 1
    _join_gaps(lines, marked)
    return marked


def _quoted_to_the_end(lines: list[str], place: int) -> int | None:
    """Return where the heading ends that begins at this line, and above which nothing was new; None: it is none."""
    line = lines[place].strip()
    if not line:
        return None
    if _SEPARATOR.fullmatch(line):
        return place + 1
    if _RULE.fullmatch(line) and _is_block(lines, place + 1):
        return place + 1
    if _is_block(lines, place):
        return place + 2
    heading = ""
    for end in range(place, min(place + _MOST_LINES_OF_A_HEADING, len(lines))):
        piece = lines[end].strip()
        if not piece or piece.startswith(">"):
            break
        heading = f"{heading} {piece}".strip()
        if piece.endswith(":") and len(heading) < 500 and any(one.fullmatch(heading) for one in _HEADINGS):
            return end + 1
    return None


def _is_block(lines: list[str], place: int) -> bool:
    """Return whether the headings of a quoted message stand here, as Outlook writes them."""
    near = [line.strip().strip("*").lower() for line in lines[place : place + 4]]
    near = [line for line in near if line]
    return any(
        near[:1] and near[0].startswith(first) and any(one.startswith(second) for one in near[1:3])
        for first, second in _OUTLOOK
    )


def _join_gaps(lines: list[str], marked: list[bool]) -> None:
    """Count empty lines between two quoted ones as quoted."""
    last: int | None = None
    for place, line in enumerate(lines):
        if marked[place]:
            if last is not None and all(not one.strip() for one in lines[last + 1 : place]):
                marked[last + 1 : place] = [True] * (place - last - 1)
            last = place
        elif line.strip():
            last = None
