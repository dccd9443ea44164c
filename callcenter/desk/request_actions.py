"""What people may do with requests (ESTP 5.5, 5.7.1): for the API and for the pages alike.

Heads lead: they do everything. Whoever is responsible, by name or by group, works on the request. Who opened a form
fills it, and reads afterwards what became of it; supervisors read. Everybody else who sees requests at all is told
where one stands, by its number.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Protocol

from aiohttp import web

from callcenter.calendar.clock import WallClock
from callcenter.calendar.working_time import Term
from callcenter.config.roles import TAKES_CALLS, Role
from callcenter.core.contract import Standing
from callcenter.core.ids import GroupId, LineId, PersonId
from callcenter.desk import html
from callcenter.desk.accounts import Account
from callcenter.desk.bodies import BadRequest
from callcenter.desk.calls import LookedAt
from callcenter.desk.gate import ABOUT, SENDER
from callcenter.desk.language import DEFAULT, N_, TEXTS
from callcenter.desk.letter_sheet import Letterhead
from callcenter.desk.request_access import Access, Seen, access_of, seen_by
from callcenter.desk.request_bodies import Delivery
from callcenter.desk.request_refusals import NO_REQUESTS, answering
from callcenter.desk.request_words import words_to_say
from callcenter.registering.card import Card
from callcenter.registering.notes import Note
from callcenter.reports.requests import RequestFigures
from callcenter.request_register.arrivals import ArrivalRegister
from callcenter.request_register.attachments import Allowed, Attachments
from callcenter.request_register.board import RequestBoard
from callcenter.request_register.distribution import Distribution
from callcenter.request_register.filed import BoardRow, Filed, Outcome, Own, Requester
from callcenter.request_register.in_force import Tally, WarningsInForce
from callcenter.request_register.paper import LetterBoard, Posted
from callcenter.request_register.register import RequestRegister
from callcenter.request_register.viewers import Viewer, Viewers
from callcenter.requests import actions as do
from callcenter.requests.lifecycle import ENDS, State
from callcenter.requests.number import parse_number
from callcenter.requests.request import Assignee, AssigneeKind, Entry, Fate, Request, RequestId, Way
from callcenter.requests.rules import LineRules
from callcenter.store import RegisterError

LED = (do.Assign, do.ChangeUrgency)
"""Actions for heads alone; with `Refuse` of what is no draft, merge and split."""


@dataclass(frozen=True, slots=True)
class RequestLine:
    """What the desk needs of a line's requests beside its rules."""

    title: str
    subjects: Mapping[str, str]
    """Id → title; empty: whatever is written."""
    spoken_answer: float = 0.0
    """Seconds in which a spoken answer is found, else there is a request (ESTP 5.4.3); 0: no limit."""
    departments: Mapping[str, str] = field(default_factory=dict)
    """Those outside, and their e-mail addresses (ESTP 5.5.3)."""
    mean_answer: tuple[timedelta | None, timedelta | None] = (None, None)
    """How long the mean answer may take: to who is registered, and to others (eLot 2.2b)."""
    letterhead: Letterhead = Letterhead(())
    """What stands on its letters."""
    posted_within: Term | None = None
    """After which a letter that nobody has posted is late; None: never."""
    takes_letters: bool = False
    """Whether letters on paper are registered for it (E-SAUDA 2.2)."""


class Callers(Protocol):
    """Who calls: as `RegisteringApi`."""

    async def known(self, call: str, person: PersonId) -> tuple[str, Card | None, Note | None]:
        """Return the line of a call that is, or was, the person's own; who called; and the person's note.

        Raises `BadRequest` (403) for any other call.
        """


class Figures(Protocol):
    """The requests of a period, as `reports.requests.figures` tells them."""

    def __call__(self, first: date, last: date, line: LineId | None, now: datetime) -> AsyncIterator[RequestFigures]:
        """Yield them. Raises `RegisterError`."""


class RequestActions:
    """`people`: all accounts. `group_of`: the group of somebody who takes calls. `zone`: of dates in lists."""

    def __init__(
        self,
        register: RequestRegister,
        board: RequestBoard,
        viewers: Viewers,
        lines: Mapping[LineId, RequestLine],
        people: Callable[[], Mapping[PersonId, Account]],
        groups: Mapping[GroupId, str],
        group_of: Callable[[PersonId], str],
        callers: Callers,
        wall: WallClock,
        looked_at: LookedAt,
        zone: tzinfo,
        attachments: Attachments | None = None,
        figures: Figures | None = None,
        warnings: WarningsInForce | None = None,
        calling: Callable[[RequestId], Collection[PersonId]] = lambda _: (),
        standing: Callable[[LineId, Requester, date], Standing | None] = lambda line, who, day: None,
        arrivals: ArrivalRegister | None = None,
        letters: LetterBoard | None = None,
    ) -> None:
        self.register = register
        self.board = board
        self.distribution = Distribution(board, register)
        self.viewers = viewers
        self.lines = lines
        self.groups = groups
        self.wall = wall
        self.zone = zone
        self.attachments = attachments
        self.figures = figures
        self.arrivals = arrivals
        """Takes what comes on paper; None: nothing does."""
        self.letters = letters
        self._warnings = warnings
        self._people = people
        self._group_of = group_of
        self._callers = callers
        self._looked_at = looked_at
        self._calling = calling
        """Who calls the customer of a request back, or has just done so: they work on it."""
        self._standing = standing
        """By which contract a requester is served on a day."""

    # -- who and what ------------------------------------------------------------------------------------------

    def name_of(self, person: str) -> str:
        """Return the displayed name of a person; whatever else acts keeps its word."""
        known = self._people().get(PersonId(person))
        return known.name if known else person

    def assignee_name(self, assignee: Assignee | None) -> str:
        """Return who is responsible, in words; '' for nobody."""
        if assignee is None:
            return ""
        if assignee.kind is AssigneeKind.PERSON:
            return self.name_of(assignee.id)
        return self.groups.get(GroupId(assignee.id), assignee.id)

    def called(self, assignee: str) -> str:
        """Return the name of somebody responsible, of whom the register has the id or the name alone."""
        known = self._people().get(PersonId(assignee))
        return known.name if known else self.groups.get(GroupId(assignee), assignee)

    @property
    def zones(self) -> Mapping[LineId, tzinfo]:
        """The zone of each line that has requests."""
        return {line: self.zone_of(line) for line in self.register.rules}

    def workers(self) -> list[Account]:
        """Return the people who can be responsible."""
        return [one for one in self._people().values() if one.roles & (TAKES_CALLS | {Role.HEAD})]

    def warned(self, account: Account) -> Tally:
        """Return of how many requests this person is warned: a head of all, others of their own."""
        if self._warnings is None or not account.roles & (TAKES_CALLS | {Role.HEAD}):
            return Tally()
        own = None if Role.HEAD in account.roles else Own(account.id, self.own_names(account))
        return self._warnings.tally(own)

    async def look_at_warnings(self) -> None:
        """Something was done: what it was warned of may be met. If the register does not answer, a later look tells."""
        if self._warnings is not None:
            with suppress(RegisterError):
                await self._warnings.refresh(self.wall())

    def own_names(self, account: Account) -> list[str]:
        """Return the assignees that mean this person: they, and their group."""
        return [account.id, *filter(None, [self._group_of(account.id)])]

    def rules(self, line: LineId) -> LineRules:
        """Return the rules of a line. Raises `BadRequest` (404)."""
        try:
            return self.register.rules[line]
        except KeyError:
            raise BadRequest(404, "no_requests", NO_REQUESTS) from None

    def rules_of(self, request: Request) -> LineRules | None:
        """Return the rules that a request has kept since it was asked; None: its line has no requests any more."""
        rules = self.register.rules.get(request.line)
        return rules.on(request.received_at) if rules else None

    def line(self, line: LineId) -> RequestLine:
        """Return the words of a line."""
        return self.lines.get(line, RequestLine(line, {}))

    def subject(self, line: LineId, subject: str) -> str:
        """Return a subject's title."""
        return self.line(line).subjects.get(subject, subject)

    def limits(self, line: LineId) -> Allowed | None:
        """Return what may be attached to requests of a line; None: nothing."""
        return self.attachments.allowed(line) if self.attachments else None

    def zone_of(self, line: LineId) -> tzinfo:
        """Return the zone in which a line's dates are told."""
        rules = self.register.rules.get(line)
        return rules.time.hours.zone if rules else self.zone

    def words(self, line: LineId, due: datetime | None) -> dict[str, str]:
        """Return the words to say, by language (ESTP 5.5.1)."""
        return words_to_say(due, self.zone_of(line), self.wall())

    def access(self, account: Account, filed: Filed) -> Access:
        """Return how much of this request they may see and do."""
        request = filed.request
        access = access_of(
            account,
            self.own_names(account),
            request.state,
            filed.opened_by,
            request.assignee,
            confidential=self.confidential(filed.request.line, request.subject),
        )
        calls = account.takes_calls and account.id in self._calling(request.id)
        return max(access, Access.WORKS) if calls else access

    def confidential(self, line: LineId, subject: str) -> bool:
        """Return whether requests about this are for their group and the heads alone (E-SAUDA 3.7)."""
        rules = self.register.rules.get(line)
        found = rules.of_subjects.get(subject) if rules else None
        return found is not None and found.confidential

    def standing(self, filed: Filed) -> Standing | None:
        """Return by which contract the customer is served, on the day on which they asked; None: nobody needs one."""
        rules = self.register.rules.get(filed.request.line)
        if rules is None or rules.contracts is None:
            return None
        day = filed.request.received_at.astimezone(self.zone_of(filed.request.line)).date()
        return self._standing(filed.request.line, filed.requester, day)

    # -- looking -----------------------------------------------------------------------------------------------

    async def find(self, ref: str) -> Filed:
        """Return a request by its id or its number. Raises `BadRequest`."""
        async with answering():
            if parse_number(ref) is not None:
                return await self.register.numbered(ref)
            return await self.register.filed(RequestId(ref))

    async def read(self, request: web.Request, ref: str) -> tuple[Filed, list[Entry], Access]:
        """Return a request with its history, to somebody who may read it; that they saw it is written down before.

        Somebody who may not gets no history, and has to be shown no more than where it stands.
        """
        sender = request[SENDER]
        filed = await self.find(ref)
        access = self.access(sender.account, filed)
        what = "request seen" if access >= Access.READS else "request state seen"
        async with answering():
            await self._looked_at(self.wall(), sender.id, what, name(filed))
            history = await self.register.history(filed.request.id) if access >= Access.READS else []
        return filed, history, access

    async def looked_at(self, request: web.Request, what: str, about: str) -> None:
        """Write down that the sender is about to see something. Raises `RegisterError`: then they must not."""
        await self._looked_at(self.wall(), request[SENDER].id, what, about)

    async def listed(
        self, request: web.Request, rows: Sequence[BoardRow], what: str, *, at_hand: bool = False
    ) -> list[Seen]:
        """Return a list of requests as the sender may see it (`seen_by`), and write down that they do."""
        account = request[SENDER].account
        seen = list(
            seen_by(
                account,
                self.own_names(account),
                rows,
                at_hand=at_hand,
                confidential=lambda row: self.confidential(row.line, row.subject),
            )
        )
        if seen:
            bare_ones = sum(not one.in_full for one in seen)
            about = f"{len(seen)}: {what}" + (f"; {bare_ones} of them by number and state alone" if bare_ones else "")
            async with answering():
                await self.looked_at(request, "requests seen", about)
        return seen

    async def search(self, request: web.Request, asked: str) -> list[BoardRow]:
        """Return what was found by a number, a telephone number, an INN, or words.

        By words only what the sender may read: whoever finds by them learns that they are there.
        """
        account = request[SENDER].account
        everything = bool(account.roles & {Role.HEAD, Role.SUPERVISOR})
        own = None if everything else Own(account.id, self.own_names(account))
        async with answering():
            return await self.board.search(asked, own=own) if asked else []

    def look(self, account: Account, filed: Filed) -> tuple[Viewer, ...]:
        """Note that the person has the request open; return who else has."""
        return self.viewers.look(filed.request.id, account.id, self.wall())

    # -- the form ----------------------------------------------------------------------------------------------

    async def open(self, request: web.Request, call: str | None, line: LineId | None) -> Filed:
        """Open the form: filled from a call, or empty for a line. Raises `BadRequest`."""
        person, now = request[SENDER].id, self.wall()
        if call is None:
            if line is None:
                raise BadRequest(400, "missing_field", N_("A field is missing:"), "call, line")
            self.rules(line)
            async with answering():
                return await self.register.open_draft(line, person, now, now)
        of_line, card, note = await self._callers.known(call, person)
        self.rules(LineId(of_line))
        requester = Requester() if card is None else _requester(card)
        received = min(card.at, now) if card else now
        async with answering():
            filed = await self.register.open_draft(LineId(of_line), person, received, now, requester, call)
            if note is not None and filed.request.version == 1:
                fill = do.Fill(person, self._known_subject(filed, note.written.subject), note.written.text or None)
                filed = await self.register.act(filed.request.id, 1, fill, now)
        request[ABOUT] = f"request {filed.request.id}"
        return filed

    def _known_subject(self, filed: Filed, subject: str) -> str | None:
        known = self.rules(filed.request.line).subjects
        return subject if subject and (not known or subject in known) else None

    async def of_caller(self, call: str, person: PersonId) -> tuple[list[BoardRow], list[BoardRow]]:
        """Return the requests of a call, and the earlier ones of its caller: what is open first, each newest first."""
        _, card, _ = await self._callers.known(call, person)
        async with answering():
            of_call = await self.board.of_call(call)
            number = card.number if card and any(map(str.isdecimal, card.number)) else ""
            inn = card.inn if card else ""
            earlier = await self.board.of_requester(number, inn) if number or inn else []
        here = {one.id for one in of_call}
        others = [one for one in earlier if one.id not in here and one.state is not State.DRAFT]
        return of_call, sorted(others, key=lambda one: one.state in ENDS)

    async def form(self, request: web.Request, ref: str, version: int | None) -> tuple[Filed, int]:
        """Return a form that the sender may fill, and the version to go on from. Raises `BadRequest`."""
        filed = await self.allowed(request, ref, Access.WORKS)
        if version is None and filed.opened_by != request[SENDER].id:
            raise BadRequest(400, "missing_field", N_("A field is missing:"), "version")
        return filed, filed.request.version if version is None else version

    async def fill(
        self, request: web.Request, filed: Filed, version: int, action: do.Fill, requester: Requester
    ) -> Filed:
        """Keep what is written in a form, and who asks."""
        now = self.wall()
        async with answering(request, self.name_of):
            done = await self.register.act(filed.request.id, version, action, now)
            if requester != filed.requester:
                done = await self.register.describe(done.request.id, done.request.version, requester, action.by, now)
        return done

    # -- acting ------------------------------------------------------------------------------------------------

    async def allowed(self, request: web.Request, ref: str, least: Access) -> Filed:
        """Return a request with which the sender may do this much. Raises `BadRequest` (403, 404)."""
        filed = await self.find(ref)
        if self.access(request[SENDER].account, filed) < least:
            raise BadRequest(403, "not_yours", N_("This is for whoever is responsible for the request, and for heads."))
        request[ABOUT] = name(filed)
        return filed

    async def act(self, request: web.Request, ref: str, version: int, action: do.Action) -> Filed:
        """Do something to a request. Raises `BadRequest`: not theirs, changed meanwhile, not allowed by the rules."""
        least = Access.LEADS if isinstance(action, LED) else Access.WORKS
        filed = await self.allowed(request, ref, least)
        if isinstance(action, do.Refuse) and filed.request.state is not State.DRAFT:
            filed = await self.allowed(request, ref, Access.LEADS)
        if isinstance(action, do.Assign):
            self.check_assignee(action.assignee)
        async with answering(request, self.name_of):
            done = await self.register.act(filed.request.id, version, self._completed(filed, action), self.wall())
        request[ABOUT] = name(done)
        return done

    async def waiting(self, account: Account) -> list[BoardRow]:
        """Return what waits to be begun by the person or their group; whose turn is next, first."""
        async with answering():
            return await self.distribution.waiting(self.own_names(account), self.wall())

    async def take_next(self, request: web.Request) -> Filed | None:
        """Have the sender begin with the request whose turn it is; None: nothing waits."""
        sender = request[SENDER]
        async with answering(request, self.name_of):
            done = await self.distribution.take(sender.id, self.own_names(sender.account), self.wall())
        request[ABOUT] = name(done) if done else "nothing waits"
        return done

    def check_assignee(self, assignee: Assignee) -> None:
        """Raise `BadRequest` for somebody who is not here, or takes no requests."""
        people, groups = {one.id for one in self.workers()}, self.groups
        known = {AssigneeKind.PERSON: people, AssigneeKind.GROUP: groups}.get(assignee.kind)
        if known is not None and assignee.id not in known:
            raise BadRequest(400, "unknown_assignee", N_("There is nobody of this name who takes requests."))

    async def assign_many(
        self, request: web.Request, seen: Iterable[tuple[str, int]], assignee: Assignee, text: str
    ) -> list[Outcome]:
        """Assign several at once, each as it was seen; one that fails hinders no other."""
        self.check_assignee(assignee)
        action = do.Assign(request[SENDER].id, assignee, text)
        wanted = [(RequestId(one), version) for one, version in seen]
        outcomes = []
        for one, version in wanted:
            try:
                outcomes.append(Outcome(one, await self.act(request, one, version, action)))
            except BadRequest as problem:
                outcomes.append(Outcome(one, None, html.in_words(request, problem)))
        done = sum(one.filed is not None for one in outcomes)
        request[ABOUT] = f"{done} of {len(wanted)} requests"
        return outcomes

    async def tell(self, request: web.Request, ref: str, version: int, words: str) -> Filed:
        """Store what the customer was told: by who opened the form, too, when it has been passed on (ESTP 5.5.1)."""
        filed = await self.allowed(request, ref, Access.READS)
        sender = request[SENDER]
        if filed.opened_by != sender.id and self.access(sender.account, filed) < Access.WORKS:
            filed = await self.allowed(request, ref, Access.WORKS)
        if not words:
            raise BadRequest(400, "wrong_value", N_("A value is not allowed."), "words")
        async with answering(request, self.name_of):
            return await self.register.tell(filed.request.id, version, words, sender.id, self.wall())

    async def receive(self, request: web.Request, ref: str, text: str) -> Filed:
        """File what the customer said on the telephone: a reply goes on with the work, or opens the request again."""
        filed = await self.find(ref)
        request[ABOUT] = name(filed)
        if not text.strip():
            raise BadRequest(400, "wrong_value", N_("A value is not allowed."), "text")
        if filed.request.state is State.DRAFT:
            raise BadRequest(409, "not_now", N_("The form has not been passed on yet: write it there."))
        sender = filed.requester.number or filed.requester.name
        async with answering(request, self.name_of):
            key, by = f"desk {secrets.token_hex(8)}", request[SENDER].id
            return await self.register.receive(
                filed.request.id, key, Way.TELEPHONE, sender, text, by, self.wall(), from_customer=True
            )

    async def deliver(self, request: web.Request, ref: str, body: Delivery) -> Filed:
        """Store what became of a message that people carry."""
        filed, by = await self.allowed(request, ref, Access.WORKS), request[SENDER].id
        waiting = {one.key for one in filed.request.messages if one.fate is Fate.WAITING}
        if body.key not in waiting:
            raise BadRequest(404, "unknown_message", N_("No message of this request waits under this key."))
        if not (body.delivered or body.why):
            raise BadRequest(400, "wrong_value", N_("Say why it did not arrive."))
        posted = self._posted(filed, body)
        note = "" if posted is None else str(posted)
        report = do.Delivered(body.key, by, note) if body.delivered else do.NotDelivered(body.key, body.why, by)
        async with answering(request, self.name_of):
            await self.register.report(report, self.wall(), posted)
            return await self.register.filed(filed.request.id)

    def _posted(self, filed: Filed, body: Delivery) -> Posted | None:
        """Return when a letter was posted, and under which number; None: it is none. Raises `BadRequest`."""
        letter = next((one for one in filed.outgoing if one.key == body.key), None)
        if letter is None or not body.delivered:
            return None
        if body.posted_on is None:
            raise BadRequest(400, "missing_field", N_("Say on which day the letter was posted."))
        today = self.wall().astimezone(self.zone_of(filed.request.line)).date()
        if not letter.dated <= body.posted_on <= today:
            raise BadRequest(400, "date", N_("A letter is posted on the day that stands on it or later, until today."))
        if bool(body.tracking) is body.plain:
            raise BadRequest(400, "wrong_value", N_("Give the post's number, or say that the letter has none."))
        return Posted(body.posted_on, body.tracking)

    async def merge(
        self, request: web.Request, ref: str, version: int, into: str, into_version: int | None, why: str
    ) -> Filed:
        """End a request in another one; returns that. Without `into_version` the other one is taken as it is."""
        goes = await self.allowed(request, ref, Access.LEADS)
        stays = await self.find(into)
        if into_version is None:
            into_version = stays.request.version
        ids, by = (goes.request.id, stays.request.id), request[SENDER].id
        async with answering(request, self.name_of):
            _, other = await self.register.merge(ids[0], version, ids[1], into_version, by, why, self.wall())
        return other

    async def split(
        self, request: web.Request, ref: str, version: int, subject: str, essentials: str, why: str
    ) -> Filed:
        """Make a part of a request one of its own; returns the new one."""
        filed = await self.allowed(request, ref, Access.LEADS)
        by = request[SENDER].id
        async with answering(request, self.name_of):
            _, new = await self.register.split(filed.request.id, version, subject, essentials, by, why, self.wall())
        return new

    def _completed(self, filed: Filed, action: do.Action) -> do.Action:
        if isinstance(action, do.Submit):
            return replace(action, standing=self.standing(filed))
        return self._written(filed, action)

    def _written(self, filed: Filed, action: do.Action) -> do.Action:
        """Return the action with what need not be written by hand: an interim reply's words, a department."""
        if isinstance(action, do.Inform) and not action.text:
            return replace(action, text=self._interim_text(filed, action.causes, action.expected))
        if isinstance(action, do.Assign) and action.assignee.kind is AssigneeKind.DEPARTMENT:
            who = action.assignee
            known = self.line(filed.request.line).departments.get(who.id, "")
            text = action.text or filed.request.essentials
            return replace(action, assignee=replace(who, email=who.email or known), text=text)
        return action

    def _interim_text(self, filed: Filed, causes: Sequence[str], expected: datetime) -> str:
        """Return all causes of a delay, and the new date (ESTP 5.5.5), in the customers' language."""
        due = words_to_say(expected, self.zone_of(filed.request.line), self.wall())[DEFAULT]
        sentence = TEXTS[DEFAULT].gettext(_DELAYED)
        return f"{sentence.format(number=filed.request.number, causes='; '.join(causes))} {due}"


_DELAYED = N_("The answer to {number} is delayed: {causes}.")


def name(filed: Filed) -> str:
    """Return what the audit log and the desk call a request: its number, or the id of a form."""
    return str(filed.request.number or filed.request.id)


def end_of_day(at: datetime, zone: tzinfo) -> datetime:
    """Return midnight after this moment: what is due before it breaks today."""
    tomorrow = at.astimezone(zone).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)


def _requester(card: Card) -> Requester:
    return Requester(
        name=card.name[:300],
        number=card.number[:64],
        inn=card.inn[:12],
        customer=card.customer[:300],
        contract=card.contract,
    )
