"""Has the dialplan begin recorders, and looks whether it did (ESTP 2.6).

A recorder begins when the dialplan hears a key. A key that comes while Asterisk moves the caller from one place to
another may be lost, and nobody would notice before the recording is judged. So it is looked after a moment, and the key
is pressed again: the dialplan obeys once for each time it is asked. It is not asked again with that key, because it may
have heard the first one meanwhile: a second recorder would begin beside the first.
"""

from __future__ import annotations

import asyncio
import logging

from callcenter.asterisk import translate
from callcenter.asterisk.ami import Ami, Message
from callcenter.core.ids import CallId

log = logging.getLogger(__name__)

_FORGOTTEN = 0.1
"""Seconds until Asterisk has forgotten a recorder that was ended: some audio packets."""
_HEARD = 0.5
"""Seconds from the key to the look."""
_ATTEMPTS = 4


class Recorders:
    """The recorders of one Asterisk."""

    def __init__(self, ami: Ami) -> None:
        self._ami = ami
        self._awaited: dict[CallId, asyncio.TimerHandle] = {}
        """Calls whose recorder is about to begin, or to be looked after."""
        self._ended: set[CallId] = set()
        """Calls whose recorder has been ended, and whose next one is about to begin."""

    def begin(self, call: CallId) -> None:
        """Begin a recorder: now if the caller is in the waiting room or in a conversation."""
        if call not in self._ended:  # else one is already about to begin
            self._ask(call, _ATTEMPTS)

    def begin_anew(self, call: CallId) -> None:
        """End the recorder of a conversation, and begin another one a moment later.

        Asterisk forgets the old recorder with the next audio packet. While a key is pressed, it takes none from the
        caller, so pressing it at once could leave the new recorder with the old one's translation paths. If a new one
        is already about to begin, it is enough.
        """
        if call in self._ended:
            return
        log.info("Call %s: an audio stream began anew, so a new recorder begins.", call)
        self._ami.send(translate.end_recorder(call))
        self._ended.add(call)
        self._later(call, _FORGOTTEN, _ATTEMPTS)

    def _later(self, call: CallId, seconds: float, attempts: int) -> None:
        if call in self._awaited:
            self._awaited[call].cancel()
        self._awaited[call] = asyncio.get_running_loop().call_later(seconds, self._due, call, attempts)

    def _due(self, call: CallId, attempts: int) -> None:
        del self._awaited[call]
        if call in self._ended:
            self._ask(call, attempts)
        elif self._ami.connected:
            answer = self._ami.send(translate.recorder_awaited(call))
            answer.add_done_callback(lambda told: self._told(call, told, attempts))

    def _ask(self, call: CallId, attempts: int) -> None:
        self._ended.discard(call)
        self._ami.send(translate.await_recorder(call))
        self._press(call, attempts)

    def _press(self, call: CallId, attempts: int) -> None:
        self._ami.send(translate.press_recorder_key(call))
        if attempts > 1:
            self._later(call, _HEARD, attempts - 1)

    def _told(self, call: CallId, told: asyncio.Future[Message], attempts: int) -> None:
        """Press the key again if it was not heard; a call that is over has no such variable."""
        if told.cancelled() or told.exception() or told.result().get("Value") != "1" or call in self._awaited:
            return
        log.warning("Call %s: Asterisk has not begun to record it; it is asked again.", call)
        self._press(call, attempts)
