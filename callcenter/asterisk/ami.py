"""The manager interface (AMI) of Asterisk: one connection, kept alive, that hands over all events in order.

The connection itself is in connection.py. panoramisk's ``Manager`` is not used: it sends an unanswered
action *again* after a reconnect, when the caller may be long gone. Durations are in seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Iterator
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
from callcenter.asterisk.messages import BREAKS_OUT, Headers, Message, checked, unfit
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
"""A refused login is tried again after this many times ``backoff_max``: people must correct it first."""

_MAX_KINDS_LOGGED = 200
LONGEST_LIST = 60.0
"""Seconds that Asterisk may take to tell one, as long as it goes on telling."""
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
    unresponsive_after: float = 0.5
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


class Ami:
    """The controller's one way to Asterisk's manager interface.

    ``on_event(message)`` gets every event in order, synchronously: it should only hand the message on.
    ``on_connection(connected, reason)`` is called on every change; after True, take a snapshot.
    ``on_unresponsive(unresponsive)`` is called when Asterisk leaves a ping unanswered, and when it answers after all:
    everything that it had to tell until then has been handed over.
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
        backoff = Backoff(self._settings.backoff_first, self._settings.backoff_max)
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
                await asyncio.sleep(self._pause(backoff.failed(self._lasted()), refused=refused))
        finally:
            self._report(False, "the controller is stopping", logging.INFO)

    async def _session(self) -> None:
        """One connection from start to end; always ends with an exception that tells why."""
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
        """Ping until the connection is lost. A half-open one shows only by a ping without an answer."""
        while not connection.lost.done():
            answer = connection.request(Action({"Action": "Ping"}, LONGEST_LIST))
            await self._listen(connection, answer)
            with contextlib.suppress(AmiError):  # a refusal is an answer; why a connection was lost is told by `lost`
                await answer
            if self.connected:
                self._tell_unresponsive(False)
            await asyncio.wait([connection.lost], timeout=self._settings.ping_interval)
        raise NotConnected(connection.lost.result())

    async def _listen(self, connection: Connection, answer: asyncio.Future[Any]) -> None:
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
            self._tell_unresponsive(quiet >= settings.unresponsive_after)
            limit = settings.lost_after if self.unresponsive else settings.unresponsive_after
            await asyncio.wait([answer], timeout=max(0.0, heard_at + limit - loop.time()))

    def _tell_unresponsive(self, unresponsive: bool) -> None:
        if self.unresponsive != unresponsive:
            self.unresponsive = unresponsive
            self._guarded("responsiveness", self._on_unresponsive, unresponsive)

    def _submit(self, headers: Headers, timeout: float, *, lists: bool = False) -> asyncio.Future[Any]:
        headers = checked(headers)
        connection = self._connection
        name = str(headers["Action"])
        if connection is not None and self.connected:
            reason = unfit(headers)
            if reason is None:
                self.actions_sent += 1
                future = connection.request(Action(headers, timeout, lists=lists))
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

    def _lasted(self) -> float:
        """Seconds since the login of the last connection; 0.0 where there was none."""
        return time.monotonic() - self._booted_at if self._booted_at is not None else 0.0

    def _pause(self, pause: float, *, refused: bool) -> float:
        """Seconds until the next try, spread so that several controllers do not knock in step."""
        if refused:
            pause = self._settings.backoff_max * REFUSED_FACTOR
        return pause * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, not a secret
