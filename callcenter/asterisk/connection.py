"""One TCP connection to the manager interface (AMI), from connect to loss, and the actions in flight on it.

Built on panoramisk 1.4: its protocol keeps the actions in flight and writes them, and they have its ids. This module
(with ami.py and messages.py) replaces what is not safe for live calls there:

* it decodes each chunk separately, so a character split between two chunks is lost;
* an exception in a callback drops the connection, and async callbacks finish out of order;
* it guesses from the wording of an answer whether a list follows, and a refused list never resolves;
* it logs actions, including the login with its secret;

and what is slow: an action is one piece of text, and all in flight share one timer, for the first of them whose time
is over (docs/decisions/0044). Its future is done exactly once: by an answer, by the time or by the loss of the
connection.

Durations are in seconds. panoramisk is used only in this module.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any, cast

from panoramisk.actions import Action as PanoramiskAction
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.utils import IdGenerator

from callcenter.asterisk.messages import Headers, Message, MessageReader, UnfitError, rendered
from callcenter.core.errors import ReadableError

CLOSING_TIME = 1.0

_ACTION_ID, _LIST_ID = IdGenerator("action"), IdGenerator("list")
_OF_A_LIST = f"{_LIST_ID.prefix}/{_LIST_ID.uid}/"
_NOTHING_FOUND = re.compile("No .+ found")
"""PJSIP reports an empty list as an error: ``No Contacts found``."""
MAX_ITEMS = 20_000
"""Limit for one list. We list channels, contacts and queue members: more items mean a list without end."""


class AmiError(ReadableError):
    """Base of all errors of the AMI connection and its actions."""


class AmiRefused(AmiError):
    """Asterisk refused the login."""


class ActionFailed(AmiError):
    """Asterisk answered with an error, or the action was not sent as Asterisk could not read it. ``answer``: why."""

    def __init__(self, action: str, answer: str) -> None:
        super().__init__(f"{action}: {answer}")
        self.action = action
        self.answer = answer


class ActionTimeout(AmiError):
    """No answer in time: it is unknown whether Asterisk performed the action."""


class NotConnected(AmiError):
    """The action was not sent, or the connection was lost before the answer. It is never sent again."""


class Action(PanoramiskAction):  # type: ignore[misc]  # panoramisk has no types
    """One action in flight; its future is done exactly once. `failed`: called when that is an error.

    It is rendered when it is made and keeps no headers, for which panoramisk has a dictionary that ignores case.
    Raises ValueError for headers that could break out of their lines, and ActionFailed if Asterisk could not read them.
    """

    id = ""
    action_id = None

    def __init__(
        self,
        headers: Headers,
        timeout: float,
        *,
        lists: bool = False,
        failed: Callable[[AmiError], None] | None = None,
    ) -> None:
        self.name = str(headers["Action"])
        given = None if lists else headers.get("ActionID")
        self.id = str(given) if given else (_LIST_ID if lists else _ACTION_ID)()
        try:
            self._text = rendered({**headers, "ActionID": self.id})
        except UnfitError as error:
            raise ActionFailed(self.name, str(error)) from None
        self.lists = lists
        self.items: list[Message] = []
        self.timeout = timeout
        self.until = 0.0
        """When its time is over, by the loop's clock; set when it is sent."""
        self.failed = failed
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        return f"<action {self.name}>"  # the text would show the secret

    def __str__(self) -> str:
        """Return what is sent."""
        return self._text

    def fail(self, error: AmiError) -> None:
        if not self.future.done():
            self.future.set_exception(error)
            if self.failed:
                self.future.exception()  # read: nobody has to look at it
                self.failed(error)

    def add_message(self, message: Message) -> bool:
        """Take an answer or a list item; return True if this was the last message of the action."""
        if self.future.done():
            return True
        if "Event" not in message:
            answer = message.get("Message", "refused without a reason").strip()
            if message["Response"] == "Error" and self.lists and _NOTHING_FOUND.fullmatch(answer):
                self.future.set_result([])
            elif message["Response"] == "Error":
                self.fail(ActionFailed(self.name, answer))
            elif not self.lists:
                self.future.set_result(message)
        elif message.get("EventList") == "Complete" or message["Event"].endswith("Complete"):
            self.future.set_result(self.items)
        elif message.get("EventList", "").lower().startswith("cancel"):
            self.fail(ActionFailed(self.name, "Asterisk cancelled the list"))
        elif len(self.items) >= MAX_ITEMS:
            self.fail(ActionFailed(self.name, f"a list of more than {MAX_ITEMS} items"))
            self.items.clear()
        else:
            self.items.append(message)
        return self.future.done()


class Outbox:
    """A transport that can collect several writes and send them as one."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: list[bytes] | None = None
        self.abort, self.close = transport.abort, transport.close
        self.get_extra_info = transport.get_extra_info

    def write(self, data: bytes) -> None:
        if self._held is None:
            self._transport.write(data)
        else:
            self._held.append(data)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        if self._held is not None:
            yield
            return
        self._held = []
        try:
            yield
        finally:
            held, self._held = self._held, None
            if held:
                self._transport.write(b"".join(held))


class Connection(AMIProtocol):  # type: ignore[misc]  # panoramisk has no types
    """One TCP connection, from connect to loss. (asyncio sets TCP_NODELAY by default.)"""

    responses: dict[str, Action]
    """Actions in flight, by id."""
    transport: Outbox
    closed = True

    def __init__(self, on_event: Callable[[Message], None]) -> None:
        self._on_event = on_event
        self._sweep: asyncio.TimerHandle | None = None
        self._reader = MessageReader()
        self._reason: str | None = None
        loop = asyncio.get_running_loop()
        self._time = loop.time
        self.listed_at = loop.time()
        """When the last list item arrived, in seconds of the loop's clock."""
        self.booted: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[str] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(Outbox(cast(asyncio.Transport, transport)))
        self.encoding = "utf-8"

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._reader.feed(data):
                self.handle_message(message)
        except ValueError as error:
            self.drop(str(error))

    def handle_message(self, message: Message) -> None:
        action_id = message.get("ActionID", "")
        action = self.responses.get(action_id)
        # Do not test for "Response": the event OriginateResponse also has that header and its action's id.
        if "Event" not in message or (action is not None and action.lists):
            if action is not None and action.lists:
                self.listed_at = self._time()
            if action is not None and action.add_message(message):
                del self.responses[action_id]
        elif not action_id.startswith(_OF_A_LIST):  # a late list item has no receiver any more
            self._on_event(message)

    def request(self, action: Action) -> asyncio.Future[Any]:
        """Write the action at once, in one piece; return its future."""
        action.until = self._time() + action.timeout
        if (earlier := self.responses.get(action.id)) is not None:
            earlier.fail(ActionTimeout(f"{earlier.name}: not answered before another one with its id"))
        if self._sweep is None or action.until < self._sweep.when():
            self._sweep_at(action.until)
        self.send(action)  # panoramisk registers it in `responses` and writes it
        return action.future

    def _sweep_at(self, when: float | None) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        self._sweep = None if when is None else asyncio.get_running_loop().call_at(when, self._time_over)

    def _time_over(self) -> None:
        """Fail the actions whose time is over, and wait for the next one."""
        now = self._time()
        for action in [action for action in self.responses.values() if action.until <= now]:
            del self.responses[action.id]
            action.fail(ActionTimeout(f"{action.name}: no answer in {action.timeout:g} s"))
        self._sweep_at(min((action.until for action in self.responses.values()), default=None))

    def drop(self, reason: str) -> None:
        """Abort the connection now, without waiting for the peer."""
        self.closed = True
        self._reason = self._reason or reason
        self.transport.abort()

    async def close(self) -> None:
        """Log off and wait until all written data is sent, at most ``CLOSING_TIME`` seconds."""
        if not self.closed:
            self.closed = True
            self._reason = "the controller closed the connection"
            self.transport.write(b"Action: Logoff\r\n\r\n")
            self.transport.close()
            await asyncio.wait([self.lost], timeout=CLOSING_TIME)
        self.transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.closed = True
        reason = self._reason or (f"connection lost: {exc}" if exc else "Asterisk closed the connection")
        self.lost.set_result(reason)
        self._sweep_at(None)
        left, self.responses = self.responses, {}
        for action in left.values():
            action.fail(NotConnected(f"{action.name}: not answered, {reason}"))
