"""Asks channels that have gone quiet for a sign of life, and ends those of pages.

Asterisk ends a channel from which it has received neither RTP nor RTCP for `timings.vanished_after` seconds
(`rtp_timeout` in pjsip.conf). But a phone that is muted, on hold or suppresses silence may send neither, and still
answer SIP. So a quiet channel gets a re-INVITE: each answer starts Asterisk's countdown again, a phone that does not
know the call any more ends it at once, and without an answer the countdown simply ends. The core sees only the end.

A phone in a page is not asked: a browser sends audio all the time, muted or not. After a change of networks its SIP may
be there again and its audio not, and every answer would prolong a conversation in which nobody is heard. So does each
of its own attempts to agree on other addresses, which Asterisk takes for a sign of life. Therefore a page of which no
audio and no RTCP has come for as long as the countdown lasts is ended here, in the way that Asterisk ends it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping

from callcenter.asterisk import translate
from callcenter.asterisk.ami import Ami, AmiError, Message
from callcenter.core.ids import ChannelId, PhoneName

log = logging.getLogger(__name__)

LOOKS = 4
"""Looks at each channel per countdown. A channel is asked at the second look without news: there is time for an answer
that comes late, or for a second question, before the countdown ends."""
LISTING = 10.0
"""Maximum seconds that Asterisk may take to list its channels."""
QUIET_LOOKS = LOOKS - 1
"""Looks without news after which a page is gone: its last audio came in the look before."""
_SIGNS = ("rxcount", "txjitter", "rlp", "rtt")
"""What changes in Asterisk's figures of a channel when RTP (the first) or RTCP (the others) arrives."""


class Watch:
    """`vanished_after`: Asterisk's countdown, seconds. `believes`: whether a listed channel is really Asterisk's.

    `pages`: the phones that are in pages.
    """

    def __init__(
        self,
        ami: Ami,
        vanished_after: float,
        believes: Callable[[Message], bool],
        pages: Collection[PhoneName] = frozenset(),
    ) -> None:
        self._ami = ami
        self._believes = believes
        self._pages = pages
        self._every = vanished_after / LOOKS
        self._signs: dict[ChannelId, str] = {}
        """The signs of life seen at the last look, by channel."""
        self._quiet: dict[ChannelId, int] = {}
        """Looks without news, of each page that is quiet."""

    async def run(self) -> None:
        """Look at all channels again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.look()
            except AmiError as error:
                log.debug("The channels could not be looked at: %s", error)

    async def look(self) -> None:
        """Look once at every answered channel of a phone or trunk; ask the quiet ones, or end them. Raises AmiError."""
        listed = await self._ami.collect(translate.CHANNELS, LISTING)
        up = [one for one in listed if translate.is_answered_leg(one) and self._believes(one)]
        pages = {ChannelId(one["Uniqueid"]) for one in up if translate.phone_of(one["Channel"]) in self._pages}
        seen: dict[ChannelId, str] = {}
        quiet: dict[ChannelId, int] = {}
        for channel in [ChannelId(one["Uniqueid"]) for one in up]:
            try:
                answer = await self._ami.send(translate.reception(channel))
            except AmiError:
                continue  # it has just ended
            seen[channel] = signs(answer)
            if not seen[channel].strip() or self._signs.get(channel) != seen[channel]:
                continue
            if channel in pages:
                quiet[channel] = self._quiet.get(channel, 0) + 1
                if quiet[channel] == QUIET_LOOKS:
                    log.info("Nothing is received from the page of channel %s: it is ended.", channel)
                    self._ami.send(translate.end_vanished(channel))
            else:
                self._ami.send(translate.ask_for_life(channel))
        self._signs, self._quiet = seen, quiet


def signs(answer: Mapping[str, str]) -> str:
    """Return the part of the answer to `translate.reception` that changes when anything arrives from the channel."""
    figures = dict(figure.split("=", 1) for figure in answer.get("Value", "").split(";") if "=" in figure)
    return " ".join(figures.get(name, "") for name in _SIGNS)
