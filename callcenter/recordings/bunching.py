"""Takes out the silence that Asterisk puts into a recording when packets come in bunches.

Asterisk writes both sides of a conversation in steps of 20 ms. If one side has nothing yet, it writes zeros for it and
goes on; when the late packets come together, it writes zeros for the other side. So both sides become longer than the
conversation was. Zeros on one side, followed within a moment by zeros on the other, are such a pair, and both are left
out. What Asterisk threw away in this state cannot be restored.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

from callcenter.system import files

BLOCK = 320
"""Bytes of one step: 20 ms."""
_LATEST = 25
"""Steps between the two zeros of a pair: half a second."""
_NOTHING = bytes(BLOCK)
_BLOCKS_AT_ONCE = 500


def surplus(sides: tuple[Path, Path], header: int, most: int) -> tuple[frozenset[int], frozenset[int]]:
    """Return the steps of each side that should be left out, at most `most`. Blocks. Raises OSError."""
    waiting: tuple[deque[int], deque[int]] = (deque(), deque())
    out: tuple[set[int], set[int]] = (set(), set())
    for step, blocks in enumerate(zip_longest(*(_blocks(side, header) for side in sides))):
        nothing = [block == _NOTHING for block in blocks]
        if nothing[0] == nothing[1] or None in blocks:
            continue
        side = 0 if nothing[0] else 1
        earlier = waiting[1 - side]
        while earlier and earlier[0] < step - _LATEST:
            earlier.popleft()
        if earlier:
            out[1 - side].add(earlier.popleft())
            out[side].add(step)
            if len(out[0]) >= most:
                break
        else:
            waiting[side].append(step)
    return frozenset(out[0]), frozenset(out[1])


class Shortened:
    """A side without the steps that are left out."""

    def __init__(self, file: BinaryIO, left_out: frozenset[int]) -> None:
        self._file = file
        self._left_out = left_out
        self._step = 0
        self._rest = b""

    def read(self, count: int) -> bytes:
        """Return `count` bytes, fewer at the end."""
        while len(self._rest) < count and (block := self._file.read(BLOCK)):
            self._rest += b"" if self._step in self._left_out else block
            self._step += 1
        found, self._rest = self._rest[:count], self._rest[count:]
        return found


def _blocks(side: Path, header: int) -> Iterator[bytes]:
    with files.opened(side) as file:
        file.seek(header)
        while data := file.read(BLOCK * _BLOCKS_AT_ONCE):
            yield from (data[at : at + BLOCK] for at in range(0, len(data), BLOCK))
