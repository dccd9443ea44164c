"""Tables from spreadsheets: UTF-8, or Windows-1251 as Russian ones write it; commas, or semicolons."""

from __future__ import annotations

import codecs
from pathlib import Path

_CHUNK = 1 << 16


def encoding_of(path: Path) -> str:
    """Return the encoding of a text file: UTF-8 if all of it is. Raises OSError."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1251"
    return "utf-8-sig"


def delimiter_of(heading: str) -> str:
    """Return what separates the columns of a table, by its first line."""
    return ";" if heading.count(";") > heading.count(",") else ","
