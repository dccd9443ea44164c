"""Replaces files atomically: a reader finds the old content or the complete new content."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

PRIVATE = 0o600
"""The mode of a file that only its owner can read."""
FOR_GROUP = 0o640
"""The mode of a file that another service reads through a common group; the umask decides whether there is one."""
_A_LINK = "is a symbolic link, which is not followed"


def replace(path: Path, content: bytes, *, mode: int = 0o666, durable: bool = False) -> None:
    """Replace the file by `content`; parameters and errors as for `replacing`."""
    with replacing(path, mode=mode, durable=durable) as file:
        file.write(content)


def opened(path: Path) -> BufferedReader:
    """Open a file for reading, but not one behind a symbolic link: whoever can write there may not choose what we read.

    Raises OSError; for a link, one that says so.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, _A_LINK, str(path)) from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is not a file", str(path))
    return os.fdopen(handle, "rb")


def state(path: Path) -> tuple[int, ...]:
    """Return what is different after the file was replaced or changed; () while it cannot be seen."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size


def size(path: Path) -> int:
    """Return a file's size in bytes. Raises OSError, also for a symbolic link: what it leads to is not looked at."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise OSError(errno.ELOOP, _A_LINK, str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "is not a file", str(path))
    return found.st_size


@contextmanager
def replacing(path: Path, *, mode: int = 0o666, durable: bool = False) -> Iterator[BinaryIO]:
    """Open a file for the new content; it replaces the old one when the block ends without an error.

    A symbolic link at `path` is replaced, never followed: its target is not changed. A half-written file of a killed
    process is overwritten. For one writer at a time. `mode`: for the new file, reduced by the umask.
    `durable`: the old or the new content survives even a power cut; this waits for the disk.
    Raises OSError; the old content is then unchanged.
    """
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.unlink(missing_ok=True)
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)  # half a file would fill a disk that is already full
        raise
