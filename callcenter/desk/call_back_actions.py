"""What people may do with call-backs: for the API and for the pages alike (ESTP 5.4.5, E-SAUDA 2.2).

Whoever may work on a request, or opened its form, promises its call-back, moves and withdraws it. Heads see all of
them. Whoever calls says whom they had on the telephone, and works on the request meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from aiohttp import web

from callcenter.config.roles import Role
from callcenter.core.ids import CallBackId, GroupId, LineId, PersonId
from callcenter.desk.bodies import BadRequest
from callcenter.desk.call_back_words import words_of_window
from callcenter.desk.gate import ABOUT, SENDER
from callcenter.desk.language import N_
from callcenter.desk.request_access import Access
from callcenter.desk.request_actions import RequestActions, name
from callcenter.desk.request_refusals import answering
from callcenter.request_register.call_back_board import CallBackBoard, CallBackRow, Which
from callcenter.request_register.call_backs import CallBackRegister
from callcenter.request_register.filed import Filed, Requester
from callcenter.requests import call_back as do
from callcenter.requests.call_back import CallBack, Came
from callcenter.requests.call_back_wish import Window
from callcenter.requests.lifecycle import ENDS, State
from callcenter.store.store import OwedCall

_NOT_YOURS = N_("This is for whoever is responsible for the request, and for heads.")
_NO_WINDOW = N_("A convenient time has a beginning and an end.")


class CallBackActions:
    """`levels_of`: a customer's, by contract and role in the directory.

    `calling_back`: who makes a call-back, or has just done so.
    """

    def __init__(
        self,
        requests: RequestActions,
        book: CallBackRegister,
        board: CallBackBoard,
        levels_of: Callable[[LineId, Requester], Collection[str]],
        calling_back: Callable[[CallBackId], Collection[PersonId]],
    ) -> None:
        self.requests = requests
        self.book = book
        self._board = board
        self._levels_of = levels_of
        self._calling_back = calling_back

    # -- looking -----------------------------------------------------------------------------------------------

    def possible(self, line: LineId) -> bool:
        """Return whether anybody calls back on behalf of the line."""
        rules = self.book.rules.get(line)
        return rules is not None and rules.call_backs is not None

    def groups(self, line: LineId) -> list[tuple[GroupId, str]]:
        """Return whose people can be asked to call, with the groups' titles."""
        rules = self.book.rules.get(line)
        groups = rules.call_backs.groups if rules and rules.call_backs else ()
        return [(one, self.requests.groups.get(one, one)) for one in groups]

    def suggested(self, line: LineId) -> Window | None:
        """Return the convenient time to suggest; None if nobody calls back."""
        return self.book.suggested(line, self.requests.wall()) if self.possible(line) else None

    def words(self, line: LineId, window: Window) -> dict[str, str]:
        """Return the words to say, by language, with the time promised."""
        return words_of_window(window, self.requests.zone_of(line), self.requests.wall())

    async def of_request(self, filed: Filed) -> list[CallBack]:
        """Return the call-backs of a request, the latest first."""
        async with answering():
            return await self.book.of_request(filed.request.id)

    async def read(self, request: web.Request, ref: str) -> tuple[Filed, list[CallBack]]:
        """Return a request with its call-backs, to somebody who may read it."""
        filed = await self.requests.allowed(request, ref, Access.READS)
        return filed, await self.of_request(filed)

    async def rows(self, request: web.Request, which: Which) -> list[CallBackRow]:
        """Return one of the head's lists; that somebody sees it is written down before."""
        async with answering():
            rows = await self._board.rows(which, self.requests.wall())
        await self._seen(request, len(rows), f"call-backs, {which.value}")
        return rows

    async def row(self, request: web.Request, id_: str) -> CallBackRow:
        """Return whom a call-back is for: to who makes it, may read its request, or sees all of them."""
        async with answering():
            found = await self._board.of([CallBackId(id_)])
        if not found:
            raise BadRequest(404, "unknown", N_("There is no such call-back."))
        one, account = found[0].call_back, request[SENDER].account
        if account.id not in self._calling_back(one.id) and not account.roles & {Role.HEAD, Role.SUPERVISOR}:
            if one.request is None:
                raise BadRequest(403, "not_yours", _NOT_YOURS)
            await self.requests.allowed(request, one.request, Access.READS)
        request[ABOUT] = f"call-back {found[0].number or found[0].call_back.id}"
        await self._seen(request, 1, str(request[ABOUT]))
        return found[0]

    async def owed(self, request: web.Request) -> list[OwedCall]:
        """Return the callers whom a failure cut off, and to whom no call was promised yet."""
        async with answering():
            found = await self.book.owed(self.requests.wall())
        await self._seen(request, len(found), "callers who are owed a call")
        return [one for one in found if self.possible(LineId(one.line))]

    # -- acting ------------------------------------------------------------------------------------------------

    async def order(
        self, request: web.Request, ref: str, version: int, number: str, window: Window | None, groups: Sequence[str]
    ) -> CallBack:
        """Promise to call back about a request. Raises `BadRequest`."""
        filed = await self._may(request, ref)
        sender = request[SENDER]
        wants = filed.request.state is State.DRAFT and Role.HEAD not in sender.account.roles
        levels = self._levels_of(filed.request.line, filed.requester) if wants else None
        async with answering(request, self.requests.name_of):
            return await self.book.order(
                filed.request.id, version, number, window, groups, sender.id, self.requests.wall(), levels
            )

    async def move(
        self, request: web.Request, id_: str, version: int, window: Window, why: str, number: str
    ) -> CallBack:
        """Move a call-back to another time, and perhaps to another number."""
        return await self._act(request, id_, do.Move(window, why, number), version)

    async def withdraw(self, request: web.Request, id_: str, version: int, why: str) -> CallBack:
        """Nobody wants it any more."""
        return await self._act(request, id_, do.Withdraw(why), version)

    async def say(self, request: web.Request, id_: str, word: Came) -> CallBack:
        """Say whom one had on the telephone in the last try."""
        row = await self.row(request, id_)
        async with answering(request, self.requests.name_of):
            return await self.book.act(row.call_back.id, do.Say(word), request[SENDER].id, self.requests.wall())

    async def owe(self, request: web.Request, call: str) -> CallBack | None:
        """Have somebody called back whom a failure cut off; None if that was promised already."""
        request[ABOUT] = f"call {call}"
        async with answering(request, self.requests.name_of):
            return await self.book.owe(call, request[SENDER].id, self.requests.wall())

    async def _seen(self, request: web.Request, number: int, what: str) -> None:
        """Write down that the sender is about to see so many call-backs; none is no entry."""
        if number:
            async with answering():
                await self.requests.looked_at(request, "requests seen", f"{number}: {what}")

    async def _act(self, request: web.Request, id_: str, action: do.Action, version: int) -> CallBack:
        row = await self.row(request, id_)
        one = row.call_back
        if one.request is not None:
            await self._may(request, one.request)
        elif Role.HEAD not in request[SENDER].account.roles:
            raise BadRequest(403, "not_yours", _NOT_YOURS)
        async with answering(request, self.requests.name_of):
            return await self.book.act(one.id, action, request[SENDER].id, self.requests.wall(), version)

    async def _may(self, request: web.Request, ref: str) -> Filed:
        filed = await self.requests.allowed(request, ref, Access.READS)
        if filed.opened_by != request[SENDER].id:
            filed = await self.requests.allowed(request, ref, Access.WORKS)
        request[ABOUT] = name(filed)
        return filed


def open_of(call_backs: Sequence[CallBack]) -> CallBack | None:
    """Return the one that has not ended, or None."""
    return next((one for one in call_backs if not one.ended), None)


def may_order(filed: Filed, call_backs: Sequence[CallBack]) -> bool:
    """Return whether another one can be promised."""
    return filed.request.state not in ENDS and open_of(call_backs) is None


def window_of(since: datetime | None, until: datetime | None, words: str) -> Window | None:
    """Return a convenient time, or None if none is said. Raises `BadRequest` for half of one."""
    if since is None and until is None:
        return None
    if since is None or until is None:
        raise BadRequest(400, "wrong_value", _NO_WINDOW)
    return Window(since, until, words)
