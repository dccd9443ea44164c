"""What people do with letters on paper: they register those that come, print those that leave, and post them.

A letter that came is taken through the same seam as what comes by the other channels: once, into the same request, with
its scan, in one transaction (E-SAUDA 2.2, ESTP 5.5.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from aiohttp import web

from callcenter.core.ids import LineId
from callcenter.desk.bodies import BadRequest
from callcenter.desk.gate import ABOUT, LEADS_REQUESTS, REQUEST_BOARD, SENDER
from callcenter.desk.language import N_
from callcenter.desk.letter_bodies import NewLetter
from callcenter.desk.letter_sheet import Sheet
from callcenter.desk.request_access import Access
from callcenter.desk.request_actions import RequestActions, name
from callcenter.desk.request_refusals import answering
from callcenter.request_register.arrivals import ArrivalRegister, Arrived, Taken
from callcenter.request_register.attachments import Brought
from callcenter.request_register.filed import Filed, Requester
from callcenter.request_register.paper import Incoming, LetterBoard, OnPaper, Outgoing, ToBePosted
from callcenter.requests.belonging import Nature
from callcenter.requests.lifecycle import State
from callcenter.requests.request import Way

CHANNEL = "letter"
OLDEST = timedelta(days=366)
"""How long ago a letter may have come that is registered today; and …"""
OLDEST_DATE = timedelta(days=3660)
"""… how long before that it may have been written."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A letter that waits to be posted, and whether it waits for longer than it may."""

    letter: ToBePosted
    until: datetime | None
    late: bool


class LetterActions:
    """Of the lines that have requests. `board`: of letters; `arrivals`: takes those that come."""

    def __init__(self, desk: RequestActions, board: LetterBoard, arrivals: ArrivalRegister | None) -> None:
        self.desk = desk
        self._board = board
        self._arrivals = arrivals

    @property
    def lines(self) -> list[LineId]:
        """The lines for which letters are registered."""
        known = self.desk.register.rules
        return [line for line in known if self.desk.line(line).takes_letters] if self._arrivals else []

    def check_line(self, line: str) -> LineId:
        """Return a line for which letters are registered. Raises `BadRequest` (404)."""
        if LineId(line) not in self.lines:
            raise BadRequest(404, "no_letters", N_("No letters are registered for this line."))
        return LineId(line)

    def today(self, line: LineId) -> date:
        """Return the date in the line's zone."""
        return self.desk.wall().astimezone(self.desk.zone_of(line)).date()

    # -- letters that came -------------------------------------------------------------------------------------

    async def register(self, request: web.Request, line: LineId, letter: NewLetter, scans: Sequence[Brought]) -> Taken:
        """Take a letter, once however often its form is sent. Raises `BadRequest`; then nothing has changed."""
        if self._arrivals is None:
            raise BadRequest(404, "no_letters", N_("No letters are registered for this line."))
        self._check(line, letter, bool(scans))
        on_paper = _on_paper(letter, request[SENDER].id)
        goes_on = await self._goes_on(line, letter)
        async with answering(request, self.desk.name_of):
            same = "" if letter.again else await self._board.same(line, letter.key, on_paper)
        if same:
            sentence = N_("A letter with this number and date of this sender is registered already as")
            raise BadRequest(409, "same_letter", sentence, f"{same}.", {"number": same})
        async with answering(request, self.desk.name_of, within=None):
            taken = await self._arrivals.take(self._arrived(line, letter, on_paper, goes_on, scans), self.desk.wall())
        request[ABOUT] = f"{taken.number} {letter.key[:16]}" + (" again" if taken.again else "")
        return taken

    def _check(self, line: LineId, letter: NewLetter, has_scan: bool) -> None:
        today, known = self.today(line), self.desk.line(line).subjects
        if not letter.name and not letter.organisation:
            raise BadRequest(400, "missing_field", N_("Who has written it? A name or an organisation is needed."))
        if not letter.address:
            raise BadRequest(400, "missing_field", N_("Where does the answer go? The postal address is needed."))
        if not (letter.subject or letter.text or has_scan):
            raise BadRequest(400, "missing_field", N_("What does it say? Words, a subject or a scan are needed."))
        if not today - OLDEST <= letter.came_on <= today:
            raise BadRequest(400, "date", N_("The day on which it came is today or earlier, and within a year."))
        if letter.dated is not None and not letter.came_on - OLDEST_DATE <= letter.dated <= letter.came_on:
            raise BadRequest(400, "date", N_("A letter is written on the day on which it came, or before."))
        if letter.about and letter.about not in known:
            raise BadRequest(400, "unknown", N_("The line has no such subject. Known:"), f"{', '.join(known)}.")

    async def _goes_on(self, line: LineId, letter: NewLetter) -> Filed | None:
        if letter.request is None:
            return None
        filed = await self.desk.find(letter.request)
        if filed.request.line != line or filed.request.state is State.DRAFT:
            raise BadRequest(404, "unknown", N_("There is no such request."))
        return filed

    def _arrived(
        self, line: LineId, letter: NewLetter, on_paper: OnPaper, goes_on: Filed | None, scans: Sequence[Brought]
    ) -> Arrived:
        of_line = self.desk.line(line).subjects
        text = "\n\n".join(filter(None, (letter.subject, letter.text))) or WITHOUT_WORDS
        return Arrived(
            line,
            CHANNEL,
            Way.LETTER,
            letter.key,
            place=letter.key,
            sender=letter.address,
            sender_name=letter.name or letter.organisation,
            reply_to=letter.address,
            subject="" if of_line else letter.subject,
            text=text,
            nature=Nature.WRITTEN,
            refers=(f"{goes_on.request.number}/{CHANNEL}",) if goes_on else (),
            files=tuple(scans),
            requester=Requester(letter.name, inn=letter.inn, customer=letter.organisation),
            about=letter.about,
            answer_to=letter.address,
            apart=True,
            received_at=self._received_at(line, letter.came_on),
            on_paper=on_paper,
        )

    def _received_at(self, line: LineId, day: date) -> datetime | None:
        """Return from when its dates count: the beginning of the day on which it came, if that is not today."""
        zone = self.desk.zone_of(line)
        return datetime.combine(day, time(), zone) if day < self.today(line) else None

    async def registered(self, request: web.Request, key: str) -> tuple[Filed, Incoming]:
        """Return a letter that was registered, to who has registered it or may read it. Raises `BadRequest`."""
        async with answering():
            found = await self._board.registered(key)
        if found is None:
            raise BadRequest(404, "unknown", N_("There is no such letter."))
        filed, letter = await self.desk.find(found[0]), found[1]
        sender = request[SENDER]
        if letter.letter.by != sender.id and self.desk.access(sender.account, filed) < Access.READS:
            raise BadRequest(403, "not_yours", N_("This is for whoever is responsible for the request, and for heads."))
        async with answering():
            await self.desk.looked_at(request, "letter seen", f"{name(filed)} {key[:16]}")
        return filed, letter

    # -- letters that leave ------------------------------------------------------------------------------------

    async def sheet(self, request: web.Request, ref: str, running: str) -> tuple[Filed, Outgoing, Sheet]:
        """Return a letter of a request as it leaves, to who may read it. Raises `BadRequest`."""
        filed = await self.desk.allowed(request, ref, Access.READS)
        key = f"{filed.request.number}/{running}"
        letter = next((one for one in filed.outgoing if one.key == key), None)
        message = next((one for one in filed.request.messages if one.key == key), None)
        if letter is None or message is None or filed.erased_at is not None:
            raise BadRequest(404, "unknown", N_("There is no such letter."))
        async with answering():
            await self.desk.looked_at(request, "letter printed", f"{name(filed)} {letter.number}")
        request[ABOUT] = f"{name(filed)} {letter.number}"
        return filed, letter, Sheet.of(filed, message, letter, self.desk.line(filed.request.line).letterhead)

    async def to_be_posted(self, request: web.Request) -> list[Waiting]:
        """Return what waits to be posted: for heads and supervisors all of it, for others what is theirs."""
        sender = request[SENDER]
        everything = sender.may(LEADS_REQUESTS) or sender.may(REQUEST_BOARD)
        async with answering():
            found = await self._board.to_be_posted(None if everything else self.desk.own_names(sender.account))
        return [self._waiting(one) for one in found]

    async def late(self) -> list[Waiting]:
        """Return what should have been posted by now."""
        async with answering():
            return [one for one in map(self._waiting, await self._board.to_be_posted()) if one.late]

    def _waiting(self, letter: ToBePosted) -> Waiting:
        rules, within = self.desk.register.rules.get(letter.line), self.desk.line(letter.line).posted_within
        until = rules.time.due(within, letter.queued_at) if rules and within else None
        return Waiting(letter, until, until is not None and until < self.desk.wall())


WITHOUT_WORDS = "Письмо (см. скан)"
"""What a letter says that nobody has typed: in the customers' language, as all that is filed."""


def _on_paper(letter: NewLetter, by: str) -> OnPaper:
    return OnPaper(
        by,
        letter.came_on,
        letter.number,
        letter.dated,
        letter.name,
        letter.organisation,
        letter.inn,
        letter.address,
    )
