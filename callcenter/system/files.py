"""Replaces files atomically: a reader finds the old content or the complete new content."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PRIVATE = 0o600
"""The mode of a file that only its owner can read."""


def replace(path: Path, content: bytes, *, mode: int = 0o666, durable: bool = False) -> None:
    """Replace the file by `content`; parameters and errors as for `replacing`."""
    with replacing(path, mode=mode, durable=durable) as file:
        file.write(content)


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
