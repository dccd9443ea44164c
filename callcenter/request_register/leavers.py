"""Requests of people who do not work here any more, or no longer with requests: they are the head's again, who is told.

Looked at after each start, because people are configured, and hourly.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from callcenter.calendar.clock import WallClock
from callcenter.core.ids import LineId
from callcenter.request_register.conduct import Head
from callcenter.request_register.deadline import look, write
from callcenter.request_register.filing import REQUESTS, claim, store
from callcenter.request_register.notices import letter_of_leaver
from callcenter.request_register.outbox import put_email
from callcenter.request_register.register import Rules, allowed
from callcenter.request_register.search import NO_WORDS
from callcenter.requests.actions import HandBack
from callcenter.requests.decide import decide
from callcenter.requests.lifecycle import UNFINISHED
from callcenter.requests.request import AssigneeKind, Request, RequestId
from callcenter.store import Register, RegisterError
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)

EVERY = 3600.0
"""Seconds."""
AT_ONCE = 100
"""Requests that come back in one transaction."""
BY = "controller"
WHY = "the assignee has left"
_INSIDE = (AssigneeKind.PERSON.value, AssigneeKind.GROUP.value)


class Leavers:
    """`here`: everybody, and every group, who can be responsible. `heads`: who is told by e-mail, by line."""

    def __init__(
        self, register: Register, rules: Rules, here: Collection[str], heads: Mapping[LineId, Head], wall: WallClock
    ) -> None:
        self._register = register
        self._rules = rules()
        self._here = frozenset(here)
        self._heads = heads
        self._wall = wall
        self._log = SparingLog(log)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                while await self.look() == AT_ONCE:
                    pass
            except RegisterError as problem:
                self._log.warning("register", "requests of people who have left cannot come back just now: %s", problem)
            await asyncio.sleep(EVERY)

    async def look(self) -> int:
        """Give back to the head what nobody is responsible for any more, at most `AT_ONCE`. Returns how many."""
        theirs = (
            select(REQUESTS.c.request, REQUESTS.c.assignee)
            .where(
                REQUESTS.c.ended_at.is_(None),
                REQUESTS.c.state.in_(sorted(UNFINISHED)),
                REQUESTS.c.assignee_kind.in_(_INSIDE),
                REQUESTS.c.assignee.not_in(sorted(self._here)),
                REQUESTS.c.line.in_(sorted(self._rules)),
            )
            .order_by(REQUESTS.c.id)
            .limit(AT_ONCE)
        )
        found = await look(self._register, lambda connection: connection.execute(theirs).all())
        if found:
            requests = [RequestId(request) for request, _ in found]
            await write(self._register, lambda connection: self._give_back(connection, requests))
            for who in sorted({who for _, who in found}):
                log.warning("'%s' takes no requests any more: what they had is the head's again.", who)
        return len(found)

    def _give_back(self, connection: Connection, requests: Collection[RequestId]) -> None:
        at = self._wall()
        back: defaultdict[tuple[LineId, str], list[Request]] = defaultdict(list)
        for id_ in sorted(requests):
            loaded = claim(connection, id_)
            request, who = loaded.request, loaded.request.assignee
            if who is None or who.id in self._here or request.state not in UNFINISHED:
                continue  # somebody was faster
            decision = allowed(
                decide(request, HandBack(BY, WHY), at, self._rules[request.line].on(request.received_at))
            )
            store(connection, loaded, decision, {}, NO_WORDS)
            back[request.line, who.id].append(decision.request)
        for (line, person), theirs in back.items():
            if (head := self._heads.get(line)) is not None:
                letter = letter_of_leaver(line, person, theirs, head.gettext)
                put_email(connection, line, letter.key, head.email, letter.subject, letter.text, at)
