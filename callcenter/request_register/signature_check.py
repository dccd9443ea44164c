"""Has the signatures among the files of requests looked at, one after the other, and keeps what was found out.

A customer waits for none of it: a file is kept first, and looked at within seconds. A signature whose file comes later
is looked at again then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, RowMapping, exists, select, update

from callcenter.calendar.clock import WallClock
from callcenter.core.ids import LineId
from callcenter.request_register.deadline import look, write
from callcenter.request_register.errors import UnknownRequest
from callcenter.request_register.filed import UNCHECKED
from callcenter.request_register.filing import ATTACHMENTS, REQUESTS, claim, store
from callcenter.request_register.register import Rules, allowed
from callcenter.request_register.search import NO_WORDS
from callcenter.request_register.signatures import AGAIN, WAITS, Signature, found, is_signature, named_by, stored
from callcenter.requests.remark import remark
from callcenter.requests.request import Fact, RequestId
from callcenter.store import Register, RegisterError
from callcenter.system.signature_process import Intact, Looked
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)

EVERY = 2.0
"""Seconds between two looks for signatures that nobody has looked at."""
_AT_ONCE = 20
_MOST_BESIDE = 50
"""Files of a request among which a signature's own is looked for."""
_THERE = (ATTACHMENTS.c.deleted_at.is_(None), ATTACHMENTS.c.part == "")
_CLEAN = ATTACHMENTS.c.scan.in_(("", "clean"))


class Looks(Protocol):
    """Looks at one signature, in a process of its own (`system.signature_process`)."""

    async def look(self, signature: Path, named: Path | None, beside: Sequence[Path], at: datetime) -> Looked:
        """Return what was found out. Nothing raises."""
        ...


class SignatureCheck:
    """The signatures of all lines. `path_of`: where a line keeps a file, by its SHA-256."""

    def __init__(
        self, register: Register, looks: Looks, path_of: Callable[[LineId, str], Path], rules: Rules, wall: WallClock
    ) -> None:
        self._register = register
        self._looks = looks
        self._path_of = path_of
        self._rules = rules()
        self._wall = wall
        self._log = SparingLog(log)

    async def run(self) -> None:
        """Look at what waits, until cancelled; first of all, again at what could not be looked at before."""
        begun = False
        while True:
            try:
                if not begun:
                    await self.begin()
                    begun = True
                await self.check()
            except RegisterError as problem:
                self._log.warning("register", "signatures wait for the register to be looked at: %s", problem)
            await asyncio.sleep(EVERY)

    async def begin(self) -> None:
        """Have looked at again what could not be checked here: since then openssl may have learned it."""
        change = update(ATTACHMENTS).where(ATTACHMENTS.c.signature == Intact.CANNOT.value, *_THERE)
        await write(self._register, lambda connection: connection.execute(change.values(signature=WAITS)).rowcount)

    async def check(self) -> None:
        """Look at what waits. What the virus scanner has not called clean waits for it. Raises `RegisterError`."""
        other = ATTACHMENTS.alias()
        unscanned = exists().where(
            other.c.request == ATTACHMENTS.c.request,
            other.c.scan == UNCHECKED,
            other.c.deleted_at.is_(None),
            other.c.part == "",
        )
        waiting = (
            select(ATTACHMENTS, REQUESTS.c.request.label("public"))
            .join(REQUESTS, REQUESTS.c.id == ATTACHMENTS.c.request)
            .where(ATTACHMENTS.c.signature == WAITS, *_THERE, _CLEAN, ~unscanned)
            .order_by(ATTACHMENTS.c.id)
            .limit(_AT_ONCE)
        )
        while rows := await look(self._register, lambda connection: connection.execute(waiting).mappings().all()):
            for row in rows:
                await self._check(row)

    async def _check(self, row: RowMapping) -> None:
        theirs = select(ATTACHMENTS.c.sha256, ATTACHMENTS.c.name).where(
            ATTACHMENTS.c.request == row["request"], ATTACHMENTS.c.sha256 != row["sha256"], *_THERE, _CLEAN
        )
        ordered = theirs.order_by(ATTACHMENTS.c.id.desc()).limit(_MOST_BESIDE)
        rows = await look(self._register, lambda connection: connection.execute(ordered).all())
        files = [(sha256, name) for sha256, name in rows if not is_signature(name)]
        place = named_by(row["name"], [name for _, name in files])
        if place is not None:
            files.insert(0, files.pop(place))
        line = LineId(row["line"])
        paths = [self._path_of(line, sha256) for sha256, _ in files]
        at = self._wall()
        own = self._path_of(line, row["sha256"])
        looked = await self._looks.look(own, paths[0] if place is not None else None, paths, at)
        of = ""
        distinct = list(dict.fromkeys(paths))  # as they were tried: a content that is there twice, once
        if looked.fits is not None and looked.fits < len(distinct):
            of = files[paths.index(distinct[looked.fits])][1]
        kept = found(looked, of, at)
        await write(self._register, lambda connection: self._keep(connection, row, kept))

    def _keep(self, connection: Connection, row: RowMapping, kept: Signature) -> None:
        ours = (ATTACHMENTS.c.id == row["id"], ATTACHMENTS.c.signature == WAITS, ATTACHMENTS.c.deleted_at.is_(None))
        values = {"signature": kept.intact.value, "signature_told": stored(kept)}
        if not connection.execute(update(ATTACHMENTS).where(*ours).values(values)).rowcount:
            return  # erased meanwhile
        try:
            loaded = claim(connection, RequestId(row["public"]))
        except UnknownRequest:
            return
        lines = self._rules.get(loaded.request.line)
        if lines is None:
            return
        said = f"{row['name']}: {kept.names}"[:500] if kept.names else row["name"]
        rules, at = lines.on(loaded.request.received_at), kept.checked_at
        decision = allowed(remark(loaded.request, Fact.SIGNATURE, kept.intact.value, said, "signatures", at, rules))
        # It overwrites nothing of anybody who has the request open: the version stays, and so does its last change.
        same = {"version": loaded.request.version, "changed_at": loaded.request.changed_at}
        store(connection, loaded, decision, same, NO_WORDS)


def look_again(connection: Connection, request: int) -> None:
    """Have the signatures of a request looked at again that may belong to a file that has just come (its row)."""
    those = (ATTACHMENTS.c.request == request, ATTACHMENTS.c.signature.in_([one.value for one in AGAIN]))
    connection.execute(update(ATTACHMENTS).where(*those).values(signature=WAITS))
