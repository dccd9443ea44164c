"""Asterisk's manager interface (AMI): one connection that is kept alive and delivers all events in order.

The connection itself is in connection.py. Durations are in seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from callcenter.asterisk.connection import (
    Action,
    ActionFailed,
    ActionTimeout,
    AmiError,
    AmiRefused,
    Connection,
    NotConnected,
)
from callcenter.asterisk.messages import BREAKS_OUT, Headers, Message
from callcenter.system.backoff import Backoff

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
"""After a refused login, the next attempt waits this many times ``backoff_max``: somebody must fix the secret first."""

_MAX_KINDS_LOGGED = 200
LONGEST_LIST = 60.0
"""Seconds that a ping may wait for its answer behind a list action whose items keep arriving."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AmiSettings:
    """AMI address, login and timeouts (all durations in seconds)."""

    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    connect_timeout: float = 5.0
    ping_interval: float = 1.0
    unresponsive_after: float = 0.5
    """A ping unanswered for this long: our state may be out of date, or our actions may not arrive."""
    lost_after: float = 3.0
    """A ping unanswered for this long: the connection is dropped."""
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


class Ami:
    """The controller's only access to one Asterisk's manager interface.

    ``on_event(message)`` receives every event in order, synchronously: it should only pass the message on.
    ``on_connection(connected, reason)`` is called on every change; after True, take a snapshot.
    ``on_unresponsive(unresponsive)`` is called with True when a ping stays unanswered, and with False when Asterisk
    answers again: all events that it sent before the answer have then been delivered.
    """

    def __init__(
        self,
        settings: AmiSettings,
        on_event: Callable[[Message], None],
        on_connection: Callable[[bool, str], None],
        on_unresponsive: Callable[[bool], None] = lambda unresponsive: None,
    ) -> None:
        self._settings = settings
        self._on_event = on_event
        self._on_connection = on_connection
        self._on_unresponsive = on_unresponsive
        self._connection: Connection | None = None
        self._booted_at: float | None = None
        self._reported: tuple[bool, str] | None = None
        self._kinds_logged: set[tuple[str, str]] = set()
        self.last_event_at: float | None = None
        """Monotonic seconds."""
        self.unresponsive = False
        """Connected, but a ping has been unanswered for ``unresponsive_after``."""
        self.events_seen = 0
        self.actions_sent = 0
        self.actions_failed = 0

    @property
    def connected(self) -> bool:
        """Whether we are logged in, Asterisk is fully booted, and the connection is not known to be lost."""
        connection = self._connection
        return connection is not None and connection.booted.done() and not connection.closed

    def send(self, action: Headers) -> asyncio.Future[Message]:
        """Send an action now; the future gets the answer or an :class:`AmiError` within the timeout.

        While disconnected, the future fails at once. An action is never sent twice. The future may be ignored.
        Raises ValueError, before anything is written, for a key or value with CR, LF or NUL.
        """
        return self._submit(action, self._settings.action_timeout)

    def together(self) -> AbstractContextManager[None]:
        """Send all actions of the block in one write: if we are killed, Asterisk gets all of them or none."""
        return contextlib.nullcontext() if self._connection is None else self._connection.transport.together()

    async def collect(self, action: Headers, timeout: float) -> list[Message]:
        """Return the items of a list action (Status, PJSIPShowContacts …), without start and end. Raises AmiError."""
        items: list[Message] = await self._submit(action, timeout, lists=True)
        return items

    async def run(self) -> None:
        """Connect, log in and keep the connection alive; reconnect when it fails, until cancelled."""
        backoff = Backoff(self._settings.backoff_first, self._settings.backoff_max)
        try:
            while True:
                refused = False
                self._booted_at, began = None, time.monotonic()
                try:
                    await self._session()
                except AmiRefused as error:
                    refused, reason = True, str(error)
                except (AmiError, OSError) as error:
                    reason = f"no connection to Asterisk's AMI at {self._settings.address}: {error}"
                self._report(False, reason)
                lasted = self._lasted()
                waited = 0.0 if lasted else time.monotonic() - began
                await asyncio.sleep(self._pause(backoff.failed(lasted), waited, refused=refused))
        finally:
            self._report(False, "the controller is stopping", logging.INFO)

    async def _session(self) -> None:
        """Run one connection from start to end; always ends with an exception that gives the reason."""
        settings = self._settings
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(settings.connect_timeout):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._take), settings.host, settings.port
                )
        except TimeoutError:
            raise AmiError(f"no connection in {settings.connect_timeout:g} s") from None
        self._connection = connection
        try:
            await self._log_in(connection)
            await self._keep_alive(connection)
        finally:
            await connection.close()
            self._connection, self.unresponsive = None, False

    async def _log_in(self, connection: Connection) -> None:
        settings = self._settings
        user = settings.username
        login = {"Action": "Login", "Username": user, "Secret": settings.secret, "Events": "on"}
        try:
            await connection.request(Action(login, settings.connect_timeout))
        except ActionFailed as refusal:
            raise AmiRefused(
                f"Asterisk at {settings.address} refused the AMI login of {user!r} ({refusal.answer}): "
                f"compare section [{user}] of its manager.conf with the secret this controller was given"
            ) from None
        except ActionTimeout as unanswered:
            raise AmiError(f"{unanswered}: is this port Asterisk's AMI?") from None
        either: list[asyncio.Future[Any]] = [connection.booted, connection.lost]
        await asyncio.wait(either, timeout=settings.connect_timeout, return_when=asyncio.FIRST_COMPLETED)
        if not connection.booted.done() and not connection.lost.done():
            raise AmiError(
                f"logged in, but no FullyBooted event in {settings.connect_timeout:g} s: "
                f"Asterisk is still starting, or section [{user}] of its manager.conf lacks «read = all»"
            )

    async def _keep_alive(self, connection: Connection) -> None:
        """Ping until the connection is lost. Only an unanswered ping reveals a half-open connection."""
        while not connection.lost.done():
            answer = connection.request(Action({"Action": "Ping"}, LONGEST_LIST))
            await self._listen(connection, answer)
            with contextlib.suppress(AmiError):  # a refusal is an answer, too; `lost` holds the reason for a loss
                await answer
            if self.connected:
                self._tell_unresponsive(False)
            await asyncio.wait([connection.lost], timeout=self._settings.ping_interval)
        raise NotConnected(connection.lost.result())

    async def _listen(self, connection: Connection, answer: asyncio.Future[Any]) -> None:
        """Wait for the answer, or drop the connection after ``lost_after``. A list of thousands may be sent before it.

        Each list item restarts the time limit. Events do not: they only show that Asterisk can reach us.
        """
        settings, loop = self._settings, asyncio.get_running_loop()
        asked_at = loop.time()
        while not answer.done():
            heard_at = max(asked_at, connection.listed_at)
            quiet = loop.time() - heard_at
            if quiet >= settings.lost_after:
                connection.drop(f"no answer to a ping in {settings.lost_after:g} s")
                return
            self._tell_unresponsive(quiet >= settings.unresponsive_after)
            limit = settings.lost_after if self.unresponsive else settings.unresponsive_after
            await asyncio.wait([answer], timeout=max(0.0, heard_at + limit - loop.time()))

    def _tell_unresponsive(self, unresponsive: bool) -> None:
        if self.unresponsive != unresponsive:
            self.unresponsive = unresponsive
            self._guarded("responsiveness", self._on_unresponsive, unresponsive)

    def _submit(self, headers: Headers, timeout: float, *, lists: bool = False) -> asyncio.Future[Any]:
        error: AmiError
        try:
            action = Action(headers, timeout, lists=lists, failed=self._failed)
        except ActionFailed as problem:
            error = problem
        else:
            if self._connection is not None and self.connected:
                self.actions_sent += 1
                return self._connection.request(action)
        if not self.connected:
            error = NotConnected(f"{headers['Action']}: not sent, there is no connection to Asterisk")
        future = asyncio.get_running_loop().create_future()
        future.set_exception(error)
        future.exception()  # read: nobody has to look at it
        self._failed(error)
        return future

    def _failed(self, error: AmiError) -> None:
        self.actions_failed += 1
        log.debug("AMI: %s", error)

    def _take(self, message: Message) -> None:
        self.events_seen += 1
        self.last_event_at = time.monotonic()
        if message["Event"] == "FullyBooted" and self._connection and not self._connection.booted.done():
            # Synchronously, so that `on_connection` is called before the events that follow in the same chunk.
            self._connection.booted.set_result(None)
            self._booted_at = self.last_event_at
            self._report(True, f"logged in to Asterisk's AMI at {self._settings.address}", logging.INFO)
        if self.connected:  # earlier events cannot be interpreted: a snapshot has to be taken first
            self._guarded(message["Event"], self._on_event, message)

    def _guarded(self, kind: str, callback: Callable[..., None], *args: object) -> None:
        """Call back. An error there is logged once per kind; neither the connection nor other events are lost."""
        try:
            callback(*args)
        except Exception as error:
            seen = (kind[:60], type(error).__name__)
            if seen not in self._kinds_logged and len(self._kinds_logged) < _MAX_KINDS_LOGGED:
                self._kinds_logged.add(seen)
                log.exception("AMI: handling %.60r failed (logged once for each kind)", kind)

    def _report(self, connected: bool, reason: str, level: int = logging.WARNING) -> None:
        """Report each change of the connection state, or of the reason for it, once."""
        if self._reported != (connected, reason):
            self._reported = (connected, reason)
            log.log(level, "%s", reason)
            self._guarded("connection", self._on_connection, connected, reason)

    def _lasted(self) -> float:
        """Return the seconds since Asterisk was ready (FullyBooted) on the last connection; 0.0 if it was not."""
        return time.monotonic() - self._booted_at if self._booted_at is not None else 0.0

    def _pause(self, pause: float, waited: float = 0.0, *, refused: bool) -> float:
        """Return the seconds until the next attempt, randomised so that several controllers do not retry together.

        `waited`: seconds for which the attempt waited for Asterisk in vain. They count as a part of the pause: when
        messages flow again after a stall, Asterisk reads old orders, too, and only a new connection can take them back.
        """
        if refused:
            pause, waited = self._settings.backoff_max * REFUSED_FACTOR, 0.0
        return max(0.0, pause * random.uniform(0.5, 1.0) - waited)  # noqa: S311  # jitter, not a secret
