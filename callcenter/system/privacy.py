"""Files that other users of this machine may not read: recordings, register, spool, journal, secrets, logs.

New files are private because of the umask. Those from before are made private at each start.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

GROUP, OTHERS = 0o070, 0o007
_READ_BY_GROUP = 0o050
TOOLS = frozenset({"venv", "parts", "cache", "uv", "front"})
"""Folders of programs in `var`, which are there before the first start; nothing in them is personal."""


def set_umask(forbidden: int) -> None:
    """Take these permissions from all files that this process and its children make, besides what is taken already."""
    os.umask(os.umask(0o777) | forbidden)


def share(folder: Path) -> None:
    """Let the folder's group read new files if the folder was made for another service: setgid, a group not our own.

    Otherwise a careful umask (077) of whoever starts a command by hand locks that service out.
    """
    try:
        found = folder.stat()
    except OSError:
        return
    if found.st_mode & stat.S_ISGID and found.st_gid != os.getegid():
        os.umask(os.umask(0o777) & ~_READ_BY_GROUP)


def forbidden() -> int:
    """Return which permissions of others and of the group the present umask takes away from new files."""
    mask = os.umask(0o777)
    os.umask(mask)
    return mask & (GROUP | OTHERS) if mask & GROUP == GROUP else mask & OTHERS


def tighten(folder: Path, forbidden: int) -> int:
    """Take these permissions from a folder and everything in it. Returns how much of what is in it had them.

    A folder that nobody else can enter protects everything in it, so this is quick after the first time.

    Links are neither followed nor changed, nor is anything that belongs to somebody else.
    """
    found = 0
    for name, place, mode in _open_to(folder, forbidden):
        with suppress(OSError):
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
            try:
                os.fchmod(handle, mode & ~forbidden)
                found += place is not None
            finally:
                os.close(handle)
    return found


def open_to(folder: Path, forbidden: int) -> int:
    """Return how many files and folders below `folder` others can reach: to an empty one that they may enter, none."""
    return sum(place is not None for _, place, _ in _open_to(folder, forbidden))


def _open_to(folder: Path, forbidden: int) -> Iterator[tuple[str, int | None, int]]:
    """Yield name, descriptor of the folder and mode of our own files and folders that have such permissions."""
    mode = _mode_of_ours(str(folder), None)
    if mode is None or not mode & forbidden:
        return
    yield str(folder), None, mode
    if not stat.S_ISDIR(mode):
        return
    for path, folders, names, place in os.fwalk(folder):
        if Path(path) == folder:
            folders[:] = [name for name in folders if name not in TOOLS]
        for name in (*folders, *names):
            mode = _mode_of_ours(name, place)
            if mode is not None and mode & forbidden:
                yield name, place, mode


def _mode_of_ours(name: str, place: int | None) -> int | None:
    try:
        found = os.stat(name, dir_fd=place, follow_symlinks=False)
    except OSError:
        return None
    ours = found.st_uid == os.geteuid() and (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode))
    return found.st_mode if ours else None
