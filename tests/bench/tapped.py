"""The daemon as it is, in a process of its own, with taps on its AMI connection: `python -m tests.bench.tapped`.

Arguments: configuration, file for what the taps saw (written at the end), and optionally `profile`: a file beside it
gets what cProfile saw. Says READY when the line stands.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from callcenter.app.controller import Controller
from callcenter.app.run import serve
from callcenter.asterisk.messages import Headers, Message
from callcenter.config import Config


class Taps:
    """Times are monotonic seconds, which all processes of a machine share."""

    def __init__(self) -> None:
        self.facts: list[tuple[str, float, str, str]] = []
        """(kind, time, offer, phone or whether a caller was there to be offered)."""
        self.bytes_read = 0
        """From Asterisk: events and answers."""

    def attach(self, controller: Controller, connected: bool) -> None:
        """Called when the line stands."""
        self._controller, ami = controller, controller.link.ami
        on_event, send = ami._on_event, ami.send

        def tapped_event(message: Message) -> None:
            if message["Event"] == "HangupRequest" and message.get("Uniqueid", "").startswith("offer-"):
                waiting = "waiting" if self._somebody_waits() else ""
                self.facts.append(("hangup", time.monotonic(), message["Uniqueid"], waiting))
            on_event(message)

        def tapped_send(action: Headers) -> asyncio.Future[Message]:
            answer = send(action)
            if action["Action"] == "Originate":
                phone = str(action["Channel"]).removeprefix("PJSIP/")
                self.facts.append(("originate", time.monotonic(), str(action["ChannelId"]), phone))
            return answer

        assert ami._connection
        read = ami._connection._reader.feed

        def tapped_read(data: bytes) -> Iterator[Message]:
            self.bytes_read += len(data)
            return read(data)

        ami._connection._reader.feed = tapped_read  # type: ignore[method-assign]
        ami._on_event = tapped_event
        ami.send = tapped_send  # type: ignore[method-assign]
        self._at_start = ami.events_seen, ami.actions_sent
        print("READY" if connected else "NOT CONNECTED", flush=True)

    def _somebody_waits(self) -> bool:
        now = asyncio.get_running_loop().time()
        return any(line.queue.head(now) is not None for line in self._controller._center._floor.lines.values())

    def written(self) -> dict[str, Any]:
        ami = self._controller.link.ami
        return {
            "events": ami.events_seen - self._at_start[0],
            "actions": ami.actions_sent - self._at_start[1],
            "failed_actions": ami.actions_failed,
            "bytes_read": self.bytes_read,
            "facts": self.facts,
        }


def main(config: str, facts: str, profile: str = "") -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s")
    taps = Taps()
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    asyncio.run(serve(Config.load(config), with_asterisk=True, ready=taps.attach))
    if profile:
        profiler.disable()
        profiler.dump_stats(Path(facts).with_suffix(".prof"))
    Path(facts).write_text(json.dumps(taps.written()))


if __name__ == "__main__":
    main(*sys.argv[1:])
