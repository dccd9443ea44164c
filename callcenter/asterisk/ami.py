"""The manager interface (AMI) of Asterisk: one connection, kept alive, that hands over all events in order.

Built on panoramisk 1.4: its protocol registers and writes the actions, its ``Action`` renders them and gives
them their ids. What it does not do safely for live calls is done here (and in messages.py) instead:

* its ``Manager`` sends an unanswered action *again* after a reconnect, when the caller may be long gone;
* it decodes every chunk by itself, so that a letter cut in two is lost;
* an exception in a callback drops the connection, and async callbacks finish out of order;
* it guesses from the wording of an answer whether a list follows, and a refused list never resolves;
* it logs actions, the login with its secret among them.

Durations are in seconds. Nothing of panoramisk leaves this module.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from panoramisk.actions import Action as PanoramiskAction
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.utils import IdGenerator

from callcenter.asterisk.messages import BREAKS_OUT, Headers, Message, MessageReader, checked, unfit

__all__ = [
    "ActionFailed",
    "ActionTimeout",
    "Ami",
    "AmiError",
    "AmiRefused",
    "AmiSettings",
    "Headers",
    "Message",
    "NotConnected",
]

REFUSED_FACTOR = 6
"""A refused login is tried again after this many times ``backoff_max``: people must correct it first."""
CLOSING_TIME = 1.0

_LIST_ID = IdGenerator("list")
_OF_A_LIST = f"{_LIST_ID.prefix}/{_LIST_ID.uid}/"
_NOTHING_FOUND = re.compile("No .+ found")
"""PJSIP's way to say that a list is empty is an error: ``No Contacts found``."""
_MAX_KINDS_LOGGED = 200
LONGEST_LIST = 60.0
"""Seconds that Asterisk may take to tell one, as long as it goes on telling."""
MAX_ITEMS = 20_000
"""Of one list. Ours are channels, contacts and queue members: a peer that sends more sends without end."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AmiSettings:
    """Where Asterisk's manager listens, and how patient we are (all durations in seconds)."""

    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    connect_timeout: float = 5.0
    ping_interval: float = 1.0
    silent_after: float = 0.5
    """Of a ping without an answer: what we know of Asterisk may be old, or what we say not arrive."""
    lost_after: float = 3.0
    """The same: the connection is given up."""
    action_timeout: float = 5.0
    backoff_first: float = 0.2
    backoff_max: float = 5.0

    def __post_init__(self) -> None:
        for name in ("username", "secret"):
            if not getattr(self, name) or BREAKS_OUT.search(getattr(self, name)):
                raise ValueError(f"AMI {name}: must not be empty nor contain CR, LF or NUL")

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


class AmiError(Exception):
    """Something went wrong between us and Asterisk's manager interface."""


class AmiRefused(AmiError):
    """Asterisk refused the login."""


class ActionFailed(AmiError):
    """Asterisk answered that it cannot do this, or would not understand it. ``answer`` is what it said."""

    def __init__(self, action: str, answer: str) -> None:
        super().__init__(f"{action}: {answer}")
        self.action = action
        self.answer = answer


class ActionTimeout(AmiError):
    """No answer in time: whether the action was done is unknown."""


class NotConnected(AmiError):
    """Not sent, or sent on a connection that was lost before the answer: it is never sent again."""


class _Action(PanoramiskAction):  # type: ignore[misc]  # panoramisk has no types
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
        """Take an answer or a list's item; True when this was the last of it."""
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


class _Outbox:
    """A transport that can hold back what belongs together."""

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


class _Connection(AMIProtocol):  # type: ignore[misc]  # panoramisk has no types
    """One TCP connection, from its start to its loss. (asyncio sets TCP_NODELAY by itself.)"""

    responses: dict[str, _Action]
    transport: _Outbox
    closed = True

    def __init__(self, on_event: Callable[[Message], None]) -> None:
        self._on_event = on_event
        self._reader = MessageReader()
        self._reason: str | None = None
        loop = asyncio.get_running_loop()
        self._time = loop.time
        self.listed_at = loop.time()
        """When the last item of a list came."""
        self.booted: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[str] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(_Outbox(cast(asyncio.Transport, transport)))
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
        # Not by "Response": the event OriginateResponse has that header, and the id of its action, too.
        if "Event" not in message or (action is not None and action.lists):
            if action is not None and action.lists:
                self.listed_at = self._time()
            if action is not None and action.add_message(message):
                self._forget(action)
        elif not action_id.startswith(_OF_A_LIST):  # a late item of a list is for nobody
            self._on_event(message)

    def request(self, action: _Action) -> asyncio.Future[Any]:
        """Write the action, in one piece, at once."""
        action.future.add_done_callback(lambda _: self._forget(action))
        self.send(action)  # panoramisk registers it in `responses`, renders and writes it
        return action.future

    def _forget(self, action: _Action) -> None:
        action.timer.cancel()
        if self.responses.get(action.id) is action:
            del self.responses[action.id]

    def drop(self, reason: str) -> None:
        """Give the connection up now, without waiting for the peer."""
        self.closed = True
        self._reason = self._reason or reason
        self.transport.abort()

    async def close(self) -> None:
        """Log off and wait, briefly, until what was written has gone out."""
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


class Ami:
    """The controller's one way to Asterisk's manager interface.

    ``on_event(message)`` gets every event in order, synchronously: it should only hand the message on.
    ``on_connection(connected, reason)`` is called on every change; after True, take a snapshot.
    ``on_silence(silent)`` is called when Asterisk leaves a ping unanswered, and when it answers after all: everything
    that it had to tell until then has been handed over.
    """

    def __init__(
        self,
        settings: AmiSettings,
        on_event: Callable[[Message], None],
        on_connection: Callable[[bool, str], None],
        on_silence: Callable[[bool], None] = lambda silent: None,
    ) -> None:
        self._settings = settings
        self._on_event = on_event
        self._on_connection = on_connection
        self._on_silence = on_silence
        self._connection: _Connection | None = None
        self._booted_at: float | None = None
        self._reported: tuple[bool, str] | None = None
        self._kinds_logged: set[tuple[str, str]] = set()
        self.last_event_at: float | None = None
        """Monotonic seconds."""
        self.silent = False
        """Connected, but a ping has no answer yet."""
        self.events_seen = 0
        self.actions_sent = 0
        self.actions_failed = 0

    @property
    def connected(self) -> bool:
        """Logged in, Asterisk fully booted, and the connection not known to be lost."""
        connection = self._connection
        return connection is not None and connection.booted.done() and not connection.closed

    def send(self, action: Headers) -> asyncio.Future[Message]:
        """Send an action now; the future brings the answer or an :class:`AmiError` within the timeout.

        Refused at once while disconnected, and never sent twice. It is no error to ignore the future.
        Raises ValueError, before anything is written, for a key or value with CR, LF or NUL.
        """
        return self._submit(action, self._settings.action_timeout)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What is sent inside goes out in one piece: should we be killed, Asterisk has all of it or nothing."""
        if self._connection is None:
            yield
        else:
            with self._connection.transport.together():
                yield

    async def collect(self, action: Headers, timeout: float) -> list[Message]:
        """The items of a list action (Status, PJSIPShowContacts …), without its start and its end."""
        items: list[Message] = await self._submit(action, timeout, lists=True)
        return items

    async def run(self) -> None:
        """Connect, log in, keep alive, and start again when that fails, until cancelled."""
        failures = 0
        try:
            while True:
                refused = False
                self._booted_at = None
                try:
                    await self._session()
                except AmiRefused as error:
                    refused, reason = True, str(error)
                except (AmiError, OSError) as error:
                    reason = f"no connection to Asterisk's AMI at {self._settings.address}: {error}"
                self._report(False, reason)
                failures = 1 if self._was_stable() else failures + 1
                await asyncio.sleep(self._pause(failures, refused=refused))
        finally:
            self._report(False, "the controller is stopping", logging.INFO)

    async def _session(self) -> None:
        """One connection from start to end; always ends with an exception that tells why."""
        settings = self._settings
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(settings.connect_timeout):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self._take), settings.host, settings.port
                )
        except TimeoutError:
            raise AmiError(f"no connection in {settings.connect_timeout:g} s") from None
        self._connection = connection
        try:
            await self._log_in(connection)
            await self._keep_alive(connection)
        finally:
            await connection.close()
            self._connection, self.silent = None, False

    async def _log_in(self, connection: _Connection) -> None:
        settings = self._settings
        user = settings.username
        login = {"Action": "Login", "Username": user, "Secret": settings.secret, "Events": "on"}
        try:
            await connection.request(_Action(login, settings.connect_timeout))
        except ActionFailed as refusal:
            raise AmiRefused(
                f"Asterisk at {settings.address} refused the AMI login of {user!r} ({refusal.answer}): "
                f"compare section [{user}] of its manager.conf with the secret this controller was given"
            ) from None
        except ActionTimeout as silence:
            raise AmiError(f"{silence}: is this port Asterisk's AMI?") from None
        either: list[asyncio.Future[Any]] = [connection.booted, connection.lost]
        await asyncio.wait(either, timeout=settings.connect_timeout, return_when=asyncio.FIRST_COMPLETED)
        if not connection.booted.done() and not connection.lost.done():
            raise AmiError(
                f"logged in, but no FullyBooted event in {settings.connect_timeout:g} s: "
                f"Asterisk is still starting, or section [{user}] of its manager.conf lacks «read = all»"
            )

    async def _keep_alive(self, connection: _Connection) -> None:
        """Ping until the connection is lost. A half-open one shows only by a ping without an answer."""
        while not connection.lost.done():
            answer = connection.request(_Action({"Action": "Ping"}, LONGEST_LIST))
            await self._listen(connection, answer)
            with contextlib.suppress(AmiError):  # a refusal is an answer; why a connection was lost is told by `lost`
                await answer
            if self.connected:
                self._tell_silence(False)
            await asyncio.wait([connection.lost], timeout=self._settings.ping_interval)
        raise NotConnected(connection.lost.result())

    async def _listen(self, connection: _Connection, answer: asyncio.Future[Any]) -> None:
        """Until the answer, or until there has been none for too long: it may stand behind a list of thousands.

        Events do not count: whom we hear may not hear us.
        """
        settings, loop = self._settings, asyncio.get_running_loop()
        asked_at = loop.time()
        while not answer.done():
            heard_at = max(asked_at, connection.listed_at)
            quiet = loop.time() - heard_at
            if quiet >= settings.lost_after:
                connection.drop(f"no answer to a ping in {settings.lost_after:g} s")
                return
            self._tell_silence(quiet >= settings.silent_after)
            limit = settings.lost_after if self.silent else settings.silent_after
            await asyncio.wait([answer], timeout=max(0.0, heard_at + limit - loop.time()))

    def _tell_silence(self, silent: bool) -> None:
        if self.silent != silent:
            self.silent = silent
            self._guarded("silence", self._on_silence, silent)

    def _submit(self, headers: Headers, timeout: float, *, lists: bool = False) -> asyncio.Future[Any]:
        headers = checked(headers)
        connection = self._connection
        name = str(headers["Action"])
        if connection is not None and self.connected:
            reason = unfit(headers)
            if reason is None:
                self.actions_sent += 1
                future = connection.request(_Action(headers, timeout, lists=lists))
                future.add_done_callback(self._settled)
                return future
            error: AmiError = ActionFailed(name, reason)
        else:
            error = NotConnected(f"{name}: not sent, there is no connection to Asterisk")
        future = asyncio.get_running_loop().create_future()
        future.set_exception(error)
        self._settled(future)
        return future

    def _settled(self, future: asyncio.Future[Any]) -> None:
        """Count failures; looking at the exception also tells asyncio that nobody else needs to."""
        if not future.cancelled() and future.exception() is not None:
            self.actions_failed += 1
            log.debug("AMI: %s", future.exception())

    def _take(self, message: Message) -> None:
        self.events_seen += 1
        self.last_event_at = time.monotonic()
        if message["Event"] == "FullyBooted" and self._connection and not self._connection.booted.done():
            # Synchronously: the events that follow in the same chunk come after the news of the connection.
            self._connection.booted.set_result(None)
            self._booted_at = self.last_event_at
            self._report(True, f"logged in to Asterisk's AMI at {self._settings.address}", logging.INFO)
        if self.connected:  # what is told before cannot be understood, and a snapshot is taken first
            self._guarded(message["Event"], self._on_event, message)

    def _guarded(self, kind: str, callback: Callable[..., None], *args: object) -> None:
        """Call back; an error there is logged once per kind, and costs neither connection nor event."""
        try:
            callback(*args)
        except Exception as error:
            seen = (kind[:60], type(error).__name__)
            if seen not in self._kinds_logged and len(self._kinds_logged) < _MAX_KINDS_LOGGED:
                self._kinds_logged.add(seen)
                log.exception("AMI: handling %.60r failed (logged once for each kind)", kind)

    def _report(self, connected: bool, reason: str, level: int = logging.WARNING) -> None:
        """Tell a change of the connection, or of what is wrong with it, once."""
        if self._reported != (connected, reason):
            self._reported = (connected, reason)
            log.log(level, "%s", reason)
            self._guarded("connection", self._on_connection, connected, reason)

    def _was_stable(self) -> bool:
        return self._booted_at is not None and time.monotonic() - self._booted_at > self._settings.backoff_max

    def _pause(self, failures: int, *, refused: bool) -> float:
        """Seconds until the next try, spread so that several controllers do not knock in step."""
        longest, first = self._settings.backoff_max, self._settings.backoff_first
        pause = longest * REFUSED_FACTOR if refused else min(longest, first * 2 ** min(failures - 1, 16))
        return pause * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, not a secret
