"""Recordings: made of what Asterisk wrote, proved complete, kept as long as they must be, and no longer (ESTP 2.6).

`recording` joins a call's two sides into one file, `recordings` sees to it that it is done; `manifest` is the chain of
all that happened to the files; `sound` and `problems` compare a file with its conversation, `checks` minutes after each
call, `verification` all of them; `retention` deletes what is old enough; `space` watches the disks.
"""

from __future__ import annotations

from callcenter.recordings.recording import Recording, RecordingError
from callcenter.recordings.recordings import Recordings

__all__ = ["Recording", "RecordingError", "Recordings"]
