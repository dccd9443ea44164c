"""Arithmetic instead of waiting, for an address that has sent much: a browser's script does it, and no person.

The task is keyed and stored nowhere (Hashcash): find a number with which the digest of the task's id begins with so
many zero bits. Making it costs us one digest and checking it two; solving it costs a browser some 2^bits. Each counts
once. Who has no script waits as before.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from datetime import timedelta

from aiohttp import web

from callcenter.public.guard import ADDRESS
from callcenter.public.keys import Tickets
from callcenter.public.rates import REMEMBERED, Buckets
from callcenter.public.site import Now, Wall

HEADER = "X-Work"
"""Has the task and the number that solves it."""
FOR = timedelta(minutes=10)
"""How long a task can be solved."""
_SOLVED = re.compile(r"([0-9a-f.]{60,90})/([0-9]{1,15})")


class Work:
    """What is asked of those who have sent too much. `bits`: zero bits; 0: nothing is asked, they wait.

    `of_address`: how often one address may do it; `script`: where a browser finds what does it, '' for nowhere.
    """

    def __init__(
        self, tasks: Tickets, bits: int, of_address: Buckets, now: Now, wall: Wall, script: Callable[[], str]
    ) -> None:
        self._tasks = tasks
        self._bits = bits
        self._of_address = of_address
        self._now = now
        self._wall = wall
        self._script = script
        self._done: OrderedDict[str, None] = OrderedDict()
        """Ids of tasks that have counted, the oldest first."""
        self.counted: Counter[str] = Counter()
        """Tasks that were 'asked', 'done', or brought back 'wrong'."""

    def asked(self, request: web.Request, purpose: str) -> Mapping[str, object] | None:
        """Return a task for a script; None: there is none, and the sender waits."""
        script = self._script()
        if not self._bits or not script:
            return None
        self.counted["asked"] += 1
        task = self._tasks.make(_for(request, purpose), self._wall())
        return {"task": task, "id": task.split(".")[1], "bits": self._bits, "script": script}

    def done(self, request: web.Request, purpose: str) -> bool:
        """Return whether the request brings a task that is solved, for the first time and not too often."""
        brought = request.headers.get(HEADER, "")
        if not self._bits or not brought:
            return False
        id_ = self._solved(brought, _for(request, purpose))
        if id_ is None or id_ in self._done or self._of_address.take(request[ADDRESS], self._now()):
            self.counted["wrong"] += 1
            return False
        self._done[id_] = None
        if len(self._done) > REMEMBERED:
            self._done.popitem(last=False)
        self.counted["done"] += 1
        return True

    def _solved(self, brought: str, purpose: str) -> str | None:
        found = _SOLVED.fullmatch(brought[:200])
        if found is None:
            return None
        ticket = self._tasks.read(found[1], purpose, self._wall())
        if ticket is None or ticket.age > FOR or not solves(ticket.id, found[2], self._bits):
            return None
        return ticket.id


def solves(id_: str, number: str, bits: int) -> bool:
    """Return whether the digest of both begins with so many zero bits."""
    digest = hashlib.sha256(f"{id_}:{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - bits) == 0


def tasks(secret: str) -> Tickets:
    """Return what makes tasks: with a key of their own, so that none is the ticket of a form."""
    return Tickets(hmac.new(secret.encode(), b"work", hashlib.sha256).hexdigest())


def _for(request: web.Request, purpose: str) -> str:
    return f"{purpose} {request[ADDRESS]}"
