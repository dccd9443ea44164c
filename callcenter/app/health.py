"""Health check: whether calls can be answered now; and the metrics' data about the AMI connection and the register."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from callcenter.app.archive import Archive
from callcenter.asterisk.link import Link
from callcenter.core.view import LineView, View
from callcenter.metrics import AmiState, RegisterState
from callcenter.store import Writer
from callcenter.store.spool import Spool

LATE = 5.0
"""Seconds that a fact may wait for the database before it is reported as a problem."""


class Health:
    """The health of one controller."""

    def __init__(self, view: Callable[[], View], link: Link, writer: Writer, spool: Spool, archive: Archive) -> None:
        self._view = view
        self._link = link
        self._writer = writer
        self._spool = spool
        self._archive = archive

    def parts(self) -> tuple[bool, Mapping[str, str]]:
        """Return whether everything is well, and the state of each part: "ok…" or the problem."""
        view = self._view()
        parts = {
            "asterisk" if len(view.servers) == 1 else f"asterisk {server}": "ok" if connected else self._link.problem
            for server, connected in view.servers.items()
        }
        parts |= {"register": self._register(), "recordings": self._archive.health()}
        for id, line in view.lines.items():
            if not line.open:
                parts[f"line {id}"] = "ok: closed by its calendar"
            else:
                parts[f"line {id}"] = "ok" if line.on_duty else _nobody(line)
        return all(state.startswith("ok") for state in parts.values()), parts

    def _register(self) -> str:
        if self._spool.trouble:
            return f"facts are not kept on the disk: {self._spool.trouble}"
        age = self._writer.oldest_pending_age
        return "ok" if age < LATE else f"{self._writer.pending} facts wait for the database, the oldest {age:.0f} s"

    def register_state(self) -> RegisterState:
        """Return the register's state for the metrics."""
        writer, spool = self._writer, self._spool
        return RegisterState(
            writer.pending,
            writer.failures,
            writer.oldest_pending_age,
            spool.damaged,
            spool.facts,
            spool.size,
            spool.failures,
            not spool.trouble,
        )

    def ami_state(self) -> AmiState:
        """Return the AMI connection's state for the metrics."""
        ami = self._link.ami
        age = None if ami.last_event_at is None else time.monotonic() - ami.last_event_at
        return AmiState(ami.connected, age, self._link.refused(), self._link.turned_away.counts)


def _nobody(line: LineView) -> str:
    away = f": {line.out_of_reach} on shift, but their phones can't be reached" if line.out_of_reach else ""
    return f"nobody is on duty{away}"
