"""Whether a file's content can be what its name says, and what a browser is told about it.

That is enough to refuse a program that is called .pdf. It does not make a file safe: files are only ever downloaded.
"""

from __future__ import annotations

import mimetypes

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)
_BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    "pdf": (b"%PDF-",),
    "png": (b"\x89PNG\r\n\x1a\n",),
    "jpg": (b"\xff\xd8\xff",),
    "jpeg": (b"\xff\xd8\xff",),
    "gif": (b"GIF87a", b"GIF89a"),
    "rtf": (b"{\\rtf",),
    "doc": _OLE,
    "xls": _OLE,
    **dict.fromkeys(("zip", "docx", "xlsx", "odt", "ods"), _ZIP),
}
_TEXTS = frozenset({"txt", "csv", "eml", "log", "xml", "json"})
_PROGRAMS = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe")


def fits(ending: str, head: bytes) -> bool:
    """Return whether a file that begins so can have this ending. Of others than these, only programs are refused."""
    if ending in _BEGINNINGS:
        return head.startswith(_BEGINNINGS[ending])
    if ending in _TEXTS and b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    return not head.startswith(_PROGRAMS)


def media_type(name: str) -> str:
    """Return the media type by the ending of the name."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
