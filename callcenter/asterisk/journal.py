"""Asterisk's own journal, read afterwards: what became of callers while the controller was away or could not see.

Asterisk writes a line for every event of every channel (CEL, `dialplan/cel_custom.conf.j2`) into `journal.csv`,
opening the file anew for each: so a file that is renamed is finished, and a new one begun. What a caller or a provider
sends stands in the lines of the dialplan only, URI-encoded: nobody can forge a line.

The position is of two places. `seen`: the controller saw everything before it live. `since`: where the oldest call
begins that was still there then; read from there, so that each history is whole and not the second half of one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from callcenter.core import events

CURRENT = "journal.csv"
"""The file that Asterisk writes."""

Position = Mapping[str, str | int]
"""Plain values, for a JSON file."""


class Journal:
    """Reads the journal in `folder` (`render.Folders.journal`). Synchronous: call it in a thread, one call at a time.

    `phones`: ids of the configured phones. `normalise`: as for `translate.channel_seen`. `clock`: seconds of the epoch
    to seconds of the core's clock. `position`: what `position` was when it was last saved; None: nothing is known, so
    reading begins at the oldest line there is.
    """

    def __init__(
        self,
        folder: Path,
        phones: Collection[str],
        normalise: Callable[[str], str],
        clock: Callable[[float], float],
        position: Position | None = None,
    ) -> None:
        self.folder = folder
        self.phones = frozenset(phones)
        self.normalise = normalise
        self.clock = clock
        self.damaged = 0
        """Lines passed over so far, since they could not be understood."""

    @property
    def position(self) -> Position:
        """To be saved, and given back to the next controller's Journal. Changes with `mark` only."""
        return {}

    def read(self, ended_after: float | None = None) -> list[events.CallHistory]:
        """The callers of whom anything was written since the position, each with all that is written of them.

        Ordered by their beginning. Changes nothing: read twice, the same comes twice. `ended_after`: seconds of the
        epoch, calls that ended earlier are left out (useful where the position was lost). Raises OSError.
        """
        return []

    def mark(self) -> None:
        """Everything is seen live now. To be called about once a second, and never while it is not so.

        The position follows some seconds behind: rather twice than never. Raises OSError.
        """

    def alive(self, channels: Collection[str]) -> None:
        """These channels (unique ids) exist, others do not: to be told with every snapshot, before the next `mark`.

        An Asterisk that died never wrote the end of its calls; without this they would hold the position back.
        """

    def rotate(self) -> bool:
        """Rename the file when it is large, and delete old ones. True where it was renamed. Raises OSError.

        To be called now and then, once a minute for instance.
        """
        return False
