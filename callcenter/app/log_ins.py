"""Attempts to log in, on the page and by telephone: which may be made, and whether password or PIN is right."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from callcenter.accounts.attempts import Attempts, Origin
from callcenter.accounts.devices import Devices
from callcenter.accounts.secrets import Secrets
from callcenter.accounts.verdict import Verdict
from callcenter.accounts.verifier import Verifier
from callcenter.asterisk.translate import LogInByPhone
from callcenter.calendar.clock import WallClock
from callcenter.config.sections import Accounts
from callcenter.core.events import LogIn
from callcenter.core.ids import PersonId
from callcenter.knowledge.news import PhoneLogIn, at_log_in
from callcenter.knowledge.reading import Reading
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)

MOST_AT_ONCE = 16
"""Attempts that may wait at one place for one person."""


class LogIns:
    """Turns an attempt into the core's event `LogIn`. Wrong passwords and PINs are counted together."""

    def __init__(
        self, settings: Accounts, secrets: Secrets, wall: WallClock, reading: Reading, phone_log_in: PhoneLogIn
    ) -> None:
        self._secrets = secrets
        self._wall = wall
        self._reading = reading
        self._phone_log_in = phone_log_in
        self._attempts = Attempts(settings.wrong_secrets_allowed, settings.wrong_secret_delay)
        self._devices = Devices(secrets.devices)
        self._verifier = Verifier()
        self._turns: dict[tuple[str, str], asyncio.Lock] = {}
        self._waiting: Counter[tuple[str, str]] = Counter()
        self._log = SparingLog(log)

    def close(self) -> None:
        """End the threads."""
        self._verifier.close()

    def new_device(self, person: PersonId) -> str:
        """Return the cookie for a browser in which the person has just logged in."""
        return self._devices.remember(person, self._wall())

    async def on_page(self, person: PersonId, password: str, address: str, device: str, code: str | None) -> Verdict:
        """Verify a password that came from `address`, with the cookie of a known browser or ''.

        `code`: of the second factor, '' if none was given; None if it was proved before.
        """
        browser = self._devices.known(person, device, self._wall())
        origin = Origin(f"browser {browser}", known=True) if browser else Origin(f"address {address}", known=False)
        now = self._wall()
        return await self._verdict(lambda: self._secrets.verify_log_in(person, password, code, now), person, origin)

    async def once_more(self, person: PersonId, password: str) -> Verdict:
        """Verify the password of somebody who has a session. Mistakes there delay nothing but further ones there."""
        check = self._secrets.verify_log_in
        now = self._wall()
        return await self._verdict(lambda: check(person, password, None, now), person, Origin("a session", known=True))

    async def by_phone(self, attempt: LogInByPhone) -> LogIn:
        """Verify a dialled PIN, and look whether there is news to read."""
        origin = Origin(f"phone {attempt.phone}", known=True)
        verdict = await self._verdict(
            lambda: Verdict.RIGHT if self._secrets.verify_pin(attempt.person, attempt.pin) else Verdict.WRONG,
            attempt.person,
            origin,
        )
        right = verdict is Verdict.RIGHT
        too_soon = verdict is Verdict.TOO_SOON
        event = LogIn(attempt.person, right, attempt.phone, attempt.reply_to, attempt.channel, too_soon=too_soon)
        unread = await self._reading.before_shift(attempt.person) if right else ()
        return replace(event, unread_news=at_log_in(unread, self._phone_log_in))

    async def _verdict(self, check: Callable[[], Verdict], person: PersonId, origin: Origin) -> Verdict:
        """Return what `check` says, or that it is too soon for another attempt.

        Attempts at one place for one person wait for each other: several right ones at once are no mistake.
        """
        key = (origin.place, person)
        if self._waiting[key] >= MOST_AT_ONCE:
            return Verdict.TOO_SOON
        self._waiting[key] += 1
        try:
            async with self._turns.setdefault(key, asyncio.Lock()):
                return await self._verdict_now(check, person, origin)
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key], self._turns[key]

    async def _verdict_now(self, check: Callable[[], Verdict], person: PersonId, origin: Origin) -> Verdict:
        if not self._attempts.begin(person, origin, time.monotonic()):
            return Verdict.TOO_SOON
        verdict = Verdict.TOO_SOON
        try:
            verdict = await self._verifier.verify(check, person, origin) or Verdict.TOO_SOON
        finally:
            # A right password without its code is no mistake; nor does it end the count of wrong codes.
            right = _COUNTS.get(verdict)
            wrong, delay = self._attempts.end(person, origin, right, time.monotonic())
            if delay:
                self._log.warning(
                    "wrong secrets",
                    "%d wrong passwords or PINs in a row for '%s', from %s: no attempt from there for %.0f s.",
                    wrong, person, origin.place, delay,
                )  # fmt: skip
        return verdict


_COUNTS = {Verdict.RIGHT: True, Verdict.WRONG: False}
