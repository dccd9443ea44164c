"""Files that are replaced in one piece: whoever reads one finds what was there before, or all of what is there now."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PRIVATE = 0o600
"""The mode of a file that its owner alone can read."""


def replace(path: Path, content: bytes, *, mode: int = 0o666, durable: bool = False) -> None:
    """`replacing`, for what is in memory already."""
    with replacing(path, mode=mode, durable=durable) as file:
        file.write(content)


@contextmanager
def replacing(path: Path, *, mode: int = 0o666, durable: bool = False) -> Iterator[BinaryIO]:
    """Write the new content; it takes the place of the old one when the block is left without an error.

    A symbolic link at `path` is replaced, never followed: what it points to stays as it is. What a killed process left
    half-written is written anew. For one writer at a time. `mode`: as for a new file, less what the umask takes.
    `durable`: after a power cut, too, the old or the new content is there, which takes a wait for the disk.
    Raises OSError; the old content is there then.
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
        unfinished.unlink(missing_ok=True)  # half a file would fill a disk that is full already
        raise
