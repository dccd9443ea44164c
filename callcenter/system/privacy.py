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
    """Take these permissions from a folder and everything in it. Returns how much of what is in it had them, without
    empty files, which tell nobody anything.

    A folder that nobody else can enter protects everything in it, so this is quick after the first time.

    Links are neither followed nor changed, nor is anything that belongs to somebody else.
    """
    found = 0
    for name, place, seen in _open_to(folder, forbidden):
        with suppress(OSError):
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
            try:
                os.fchmod(handle, stat.S_IMODE(seen.st_mode) & ~forbidden)
                found += _tells(place, seen)
            finally:
                os.close(handle)
    return found


def open_to(folder: Path, forbidden: int) -> int:
    """Return how many files and folders below `folder` others can reach, as `tighten` counts them."""
    return sum(_tells(place, seen) for _, place, seen in _open_to(folder, forbidden))


def _tells(place: int | None, seen: os.stat_result) -> bool:
    """Whether it is below the folder, and more than an empty file: `recordings` comes with one."""
    return place is not None and (stat.S_ISDIR(seen.st_mode) or seen.st_size > 0)


def _open_to(folder: Path, forbidden: int) -> Iterator[tuple[str, int | None, os.stat_result]]:
    """Yield name, descriptor of the folder and state of our own files and folders that have such permissions."""
    seen = _ours(str(folder), None)
    if seen is None or not seen.st_mode & forbidden:
        return
    yield str(folder), None, seen
    if not stat.S_ISDIR(seen.st_mode):
        return
    for path, folders, names, place in os.fwalk(folder):
        if Path(path) == folder:
            folders[:] = [name for name in folders if name not in TOOLS]
        for name in (*folders, *names):
            seen = _ours(name, place)
            if seen is not None and seen.st_mode & forbidden:
                yield name, place, seen


def _ours(name: str, place: int | None) -> os.stat_result | None:
    try:
        found = os.stat(name, dir_fd=place, follow_symlinks=False)
    except OSError:
        return None
    ours = found.st_uid == os.geteuid() and (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode))
    return found if ours else None
