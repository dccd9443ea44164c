"""One TCP connection to the manager interface (AMI), from connect to loss, and the actions in flight on it.

Built on panoramisk 1.4: its protocol registers and writes the actions, its ``Action`` renders them and
assigns their ids. This module (with ami.py and messages.py) replaces what is not safe for live calls there:

* it decodes each chunk separately, so a character split between two chunks is lost;
* an exception in a callback drops the connection, and async callbacks finish out of order;
* it guesses from the wording of an answer whether a list follows, and a refused list never resolves;
* it logs actions, including the login with its secret.

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

from callcenter.asterisk.messages import Headers, Message, MessageReader
from callcenter.core.errors import ReadableError

CLOSING_TIME = 1.0

_LIST_ID = IdGenerator("list")
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
    """One action in flight; its future resolves exactly once."""

    future: asyncio.Future[Any]

    def __init__(self, headers: Headers, timeout: float, *, lists: bool = False) -> None:
        if lists:
            headers = {**headers, "ActionID": _LIST_ID()}
        super().__init__(headers)
        self.name = str(self["Action"])
        self.lists = lists
        loop = asyncio.get_running_loop()
        self.timer = loop.call_later(timeout, self.fail, ActionTimeout(f"{self.name}: no answer in {timeout:g} s"))

    def __repr__(self) -> str:
        return f"<action {self.name}>"  # the dictionary's own repr would show the secret

    def fail(self, error: AmiError) -> None:
        if not self.future.done():
            self.future.set_exception(error)

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
            self.future.set_result(self.responses)
        elif message.get("EventList", "").lower().startswith("cancel"):
            self.fail(ActionFailed(self.name, "Asterisk cancelled the list"))
        elif len(self.responses) >= MAX_ITEMS:
            self.fail(ActionFailed(self.name, f"a list of more than {MAX_ITEMS} items"))
            self.responses.clear()
        else:
            self.responses.append(message)
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
    transport: Outbox
    closed = True

    def __init__(self, on_event: Callable[[Message], None]) -> None:
        self._on_event = on_event
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
                self._forget(action)
        elif not action_id.startswith(_OF_A_LIST):  # a late list item has no receiver any more
            self._on_event(message)

    def request(self, action: Action) -> asyncio.Future[Any]:
        """Write the action at once, in one piece; return its future."""
        action.future.add_done_callback(lambda _: self._forget(action))
        self.send(action)  # panoramisk registers it in `responses`, renders and writes it
        return action.future

    def _forget(self, action: Action) -> None:
        action.timer.cancel()
        if self.responses.get(action.id) is action:
            del self.responses[action.id]

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
        for action in list(self.responses.values()):
            action.fail(NotConnected(f"{action.name}: not answered, {reason}"))
