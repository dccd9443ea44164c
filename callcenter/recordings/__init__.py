"""Recordings: made from Asterisk's files, checked, kept for the retention time, then deleted (ESTP 2.6).

`recording` joins the two sides of a call into one file; `recordings` makes sure that this gets done. `manifest` is the
hash chain of everything that happened to the files. `sound` and `problems` compare a file with its conversation:
`checks` does so minutes after each call, `verification` for all recordings. `repair` puts a wrong one together
again from what there is, and takes the result if it is better (`judgement`). `retention` deletes what is old enough.
`space` watches the free space on the disks.
"""

from __future__ import annotations

from callcenter.recordings.recording import Recording, RecordingError
from callcenter.recordings.recordings import Recordings

__all__ = ["Recording", "RecordingError", "Recordings"]
