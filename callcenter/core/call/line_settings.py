"""Other settings of a line hold from now on (ESTP 6.2): calls keep those with which they began."""

from __future__ import annotations

from callcenter.core.events import SettingsChanged
from callcenter.core.floor import Floor

MOST_FORMER = 16
"""Settings that are remembered: no call lasts so long."""


def changed(floor: Floor, event: SettingsChanged) -> None:
    """Take over other settings of a line. The order of its queue stands on its classes, so these stay."""
    line = floor.lines.get(event.line)
    if line is None or event.settings.classes != line.settings.classes:
        return
    former = (*line.former, (event.since, line.settings))[-MOST_FORMER:]
    floor.change(line, settings=event.settings, former=former)
    floor.notice(f"Line '{event.line}': other settings hold from now on; calls that have begun keep theirs.")
